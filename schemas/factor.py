"""The contract of the factor library: every row dated, sourced, of a known kind, unit and gas, and beside no other that says the same.

A factor is what an activity is multiplied by: grams of CO2 per kilowatt-hour, the heat in a ton of diesel, a GWP. Rows stand in
`warehouse/reference/emission_factor.csv` and, an enterprise's own, in its `reference/emission_factor.csv`. A wrong row stops the
run: were it set aside, the factor it was to replace would be used in silence.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaErrors

from schemas.contracts.site import PROVINCES
from schemas.errors import CatalogueError
from schemas.units import factor, is_known, same_dimension

GWP_SETS = ("SAR", "AR4", "AR5", "AR6")
"""The sets of global warming potentials there are; an inventory uses one."""

LIFECYCLES = ("TTW", "WTT", "WTW", "LCA", "generation", "unknown")
"""What a factor covers: use of the fuel, its supply, both, a life cycle, the making of electricity or heat."""

# kind -> units of which a factor of that kind has one's dimension, least and greatest plausible value in the first, zh, en
KINDS: dict[str, tuple[tuple[str, ...], float, float, str, str]] = {
    "grid_location_avg": (("kgCO2/kWh",), 0, 2, "电网平均因子", "grid average"),
    "grid_residual": (("kgCO2/kWh",), 0, 2, "电网剩余组合因子", "residual mix"),
    "grid_fossil": (("kgCO2/kWh",), 0, 2, "化石电力因子", "fossil electricity"),
    "grid_ets": (("kgCO2/kWh",), 0, 2, "碳市场核算用电力因子", "electricity in the ETS"),
    "grid_contractual": (("kgCO2/kWh",), 0, 2, "合同电力因子", "contractual electricity"),
    "electricity_lifecycle": (("kgCO2e/kWh",), 0, 2, "电力足迹因子", "product footprint of electricity"),
    "heat_factor": (("tCO2/GJ",), 0, 0.5, "热力因子", "purchased heat"),
    "fuel_ncv": (("GJ/t", "GJ/Nm3"), 0.01, 150, "低位发热量", "net calorific value"),
    "fuel_carbon_per_heat": (("tC/TJ",), 0, 50, "单位热值含碳量", "carbon per heat"),
    "fuel_oxidation": (("%",), 50, 100, "碳氧化率", "oxidation factor"),
    "fuel_co2_derived": (("tCO2/t", "tCO2/Nm3"), 0, 6, "按热值算得的燃料因子", "CO2 of a fuel, derived"),
    "fuel_co2_mass": (("tCO2/t", "tCO2/L", "tCO2/Nm3"), 0, 6, "燃料二氧化碳因子", "CO2 of a fuel"),
    "fuel_co2_per_heat": (("kgCO2/TJ",), 0, 150_000, "单位热值二氧化碳", "CO2 per heat"),
    "fuel_ch4_per_heat": (("kgCH4/TJ",), 0, 1_000, "单位热值甲烷", "CH4 per heat"),
    "fuel_n2o_per_heat": (("kgN2O/TJ",), 0, 1_000, "单位热值氧化亚氮", "N2O per heat"),
    "fuel_ttw_co2e": (("kgCO2e/kg", "kgCO2e/L", "kgCO2e/Nm3"), 0, 6, "燃料燃烧当量因子", "CO2e of using a fuel"),
    "fuel_wtt_co2e": (("kgCO2e/kg", "kgCO2e/L", "kgCO2e/Nm3", "kgCO2e/GJ"), 0, 6, "燃料上游当量因子", "CO2e of supplying a fuel"),
    "fuel_wtw_co2e": (("kgCO2e/kg", "kgCO2e/L", "kgCO2e/Nm3"), 0, 10, "燃料全生命周期当量因子", "CO2e of a fuel, supply and use"),
    "vehicle_ch4_per_km": (("mg/km",), 0, 10_000, "车辆单位里程甲烷", "CH4 of a vehicle per km"),
    "vehicle_n2o_per_km": (("mg/km",), 0, 1_000, "车辆单位里程氧化亚氮", "N2O of a vehicle per km"),
    "vehicle_co2e_per_km": (("kgCO2e/km",), 0, 5, "车辆单位里程当量因子", "CO2e of a vehicle per km"),
    "urea": (("kgCO2/kg", "%"), 0, 100, "尿素", "urea"),
    "density": (("t/m3", "kg/Nm3"), 0.0001, 3, "密度", "density"),
    "gas_volume_conversion": (("1",), 1, 1.2, "气体体积换算", "gas volume conversion"),
    "gwp100": (("kgCO2e/kg",), 0, 30_000, "百年全球增温潜势", "GWP100"),
    "molar_mass": (("1",), 1, 500, "摩尔质量（比值）", "molar mass, as a ratio"),
    "tce_coefficient": (("kgce/kg", "kgce/Nm3", "kgce/m3", "kgce/kWh", "kgce/MJ"), 0, 5, "折标准煤系数", "coal equivalent"),
    "tce_equal_value": (("kgce/kWh", "kgce/MJ"), 0, 1, "等价值折标准煤系数", "coal equivalent at equal value"),
    "tce_definition": (("MJ/kgce",), 29, 30, "标准煤定义", "definition of coal equivalent"),
    "tkm_ttw": (("kgCO2e/tkm",), 0, 10, "周转量燃烧因子", "CO2e per t·km, use"),
    "tkm_wtt": (("kgCO2e/tkm",), 0, 10, "周转量上游因子", "CO2e per t·km, supply"),
    "tkm_wtw": (("kgCO2e/tkm",), 0, 10, "周转量全生命周期因子", "CO2e per t·km, supply and use"),
    "tkm_lifecycle": (("kgCO2e/tkm",), 0, 10, "周转量足迹因子", "CO2e per t·km, life cycle"),
    "tkm_legacy": (("kgCO2/tkm",), 0, 10, "周转量旧版因子", "CO2 per t·km, superseded"),
    "hub_co2e": (("kgCO2e/t",), 0, 1_000, "枢纽单位货量因子", "CO2e of a hub per ton"),
    "material_co2e": (("kgCO2e/kg",), -10, 100, "包装材料因子", "CO2e of packaging material"),
}  # fmt: skip

_WORDS = {
    "not_nullable": "missing / 必填", "isin": "not one of those allowed / 取值不在允许范围",
    "str_matches": "not a number, day or region in the form of 1234.5, 2026-01-31, CN-GD / 形式应如 1234.5、2026-01-31、CN-GD（无千分位、无 %）",
    "field_uniqueness": "stands twice / 重复", "str_length": "missing / 必填",
}  # fmt: skip
_BESIDE = ("unit_fits", "measures", "plain_value", "low", "high")
_REQUIRED = ("factor_id", "kind", "subject", "value", "unit", "region", "source")
_SAYS_ONE_THING = ["kind", "subject", "region", "parameter_set", "gas", "gwp_set", "measures", "data_year"]
_DAYS = ("published_on", "valid_from", "valid_to")
_DAY = r"^\d{4}-\d{2}-\d{2}$"
_GRIDS = ("NORTH", "NORTHEAST", "EAST", "CENTRAL", "NORTHWEST", "SOUTH", "SOUTHWEST")
REGION = rf"^(GLOBAL|[A-Z]{{2}}(-[A-Z0-9]{{1,3}})?|CN-({'|'.join(_GRIDS)}))$"
"""GLOBAL, a country, one of its provinces, or a regional grid of China."""


def _rows(code: str, words: str) -> Any:  # noqa: ANN401
    """Declare a rule over whole rows as a polars expression; nothing said is nothing wrong."""

    def declare(expression: Any) -> Any:  # noqa: ANN401
        def check(cls: type, data: pa.PolarsData) -> pl.LazyFrame:
            return data.lazyframe.select(expression(cls).fill_null(value=True))

        check.__name__ = expression.__name__
        return pa.dataframe_check(name=code, description=words)(check)

    return declare


class EmissionFactor(pa.DataFrameModel):
    """One factor: all texts, as the file has them."""

    factor_id: str = pa.Field(unique=True)
    kind: str = pa.Field(isin=list(KINDS))
    subject: str
    gas: str = pa.Field(nullable=True)
    lifecycle_scope: str = pa.Field(nullable=True, isin=LIFECYCLES)
    label: str = pa.Field(nullable=True)
    value: str = pa.Field(str_matches=r"^-?\d+(\.\d+)?([eE]-?\d+)?$")
    unit: str
    region: str = pa.Field(str_matches=REGION)
    data_year: str = pa.Field(nullable=True, str_matches=r"^\d{4}$")
    published_on: str = pa.Field(nullable=True, str_matches=_DAY)
    valid_from: str = pa.Field(nullable=True, str_matches=_DAY)
    valid_to: str = pa.Field(nullable=True, str_matches=_DAY)
    parameter_set: str = pa.Field(nullable=True)
    gwp_set: str = pa.Field(nullable=True, isin=[*GWP_SETS, "unknown"])
    source: str = pa.Field(str_length={"min_value": 3})
    locator: str = pa.Field(nullable=True)
    confidence: str = pa.Field(nullable=True)
    verified: str = pa.Field(nullable=True, isin=["true", "false"])
    # for judging only: whether the unit measures what the kind is, which of the kind's units it is one of, and the value in the kind's first unit with its bounds
    unit_fits: bool
    measures: str = pa.Field(nullable=True)
    plain_value: float = pa.Field(nullable=True)
    low: float = pa.Field(nullable=True)
    high: float = pa.Field(nullable=True)

    class Config:
        """Pandera settings."""

        strict = True
        coerce = False

    @_rows("unit_clash", "单位与因子种类不符 | the unit does not measure what this kind of factor is")
    def unit_measures_the_kind(cls) -> pl.Expr:
        return pl.col("unit_fits")

    @_rows("impossible_value", "数值不可能 | the value is impossible for this kind of factor")
    def value_is_possible(cls) -> pl.Expr:
        return pl.col("plain_value").is_between("low", "high")

    @_rows("no_such_day", "没有这一天 | there is no such day")
    def days_are_in_the_calendar(cls) -> pl.Expr:
        return pl.all_horizontal(
            pl.col(name).is_null() | pl.col(name).str.to_date("%Y-%m-%d", strict=False).is_not_null() for name in _DAYS
        )

    @_rows(
        "no_such_province",
        "没有这个省级代码（应如 CN-GD，见 ISO 3166-2:CN） | no province or grid of China has that code (such as CN-GD, by ISO 3166-2:CN)",
    )
    def province_exists(cls) -> pl.Expr:
        part = pl.col("region").str.slice(3)
        return ~pl.col("region").str.starts_with("CN-") | part.is_in([*PROVINCES, *_GRIDS])

    @_rows("grid_subject", "电网因子的对象须为 electricity | the subject of a grid factor is electricity")
    def grid_is_of_electricity(cls) -> pl.Expr:
        return ~pl.col("kind").is_in(["grid_location_avg", "grid_residual"]) | (pl.col("subject") == "electricity")

    @_rows(
        "gwp_set_missing",
        "GWP 须写明 gwp_set（AR5 等） | a GWP must say its gwp_set (AR5, ...): no inventory uses one of no set",
    )
    def gwp_names_its_set(cls) -> pl.Expr:
        return (pl.col("kind") != "gwp100") | pl.col("gwp_set").is_not_null()

    @_rows("period_reversed", "失效日期早于生效日期 | valid_to lies before valid_from")
    def period_runs_forward(cls) -> pl.Expr:
        return pl.col("valid_to") >= pl.col("valid_from")

    @_rows(
        "gas_missing", "CO2e 因子须写明 GWP 组（不明写 unknown） | a factor in CO2e must say its gwp_set, or unknown"
    )
    def co2e_names_its_gwp_set(cls) -> pl.Expr:
        return (pl.col("gas").fill_null("") != "CO2e") | pl.col("gwp_set").is_not_null()

    @_rows("two_gwp_sets", "参数组与 GWP 组不一致 | parameter_set and gwp_set name two sets of GWP")
    def one_gwp_set(cls) -> pl.Expr:
        named = pl.col("parameter_set").str.to_uppercase()
        return ~named.is_in(GWP_SETS) | (named == pl.col("gwp_set"))

    @_rows("overlapping_validity", "同一因子有效期重叠 | another row says the same for the same time")
    def nothing_is_said_twice(cls) -> pl.Expr:
        first, last = pl.col("valid_from").fill_null("0000"), pl.col("valid_to").fill_null("9999")
        row = pl.int_range(pl.len())
        latest_before = last.sort_by(first, row).cum_max().shift(1).fill_null("")
        clash = latest_before >= first.sort_by(first, row)
        return ~clash.gather(row.sort_by(first, row).arg_sort()).over(_SAYS_ONE_THING)


def _measured(kind: str | None, unit: str | None, value: str | None) -> dict[str, Any]:
    """What the contract needs to know beside a row to judge its unit and value."""
    units, low, high, *_ = KINDS.get(str(kind), ((), None, None, "", ""))
    fitting = [one for one in units if unit is not None and is_known(unit) and same_dimension(unit, one)]
    row = {
        "unit_fits": bool(fitting) or not units,
        "measures": next(iter(fitting), unit),
        "plain_value": None,
        "low": low,
        "high": high,
    }
    try:
        number = float(str(value))
    except ValueError:
        return row
    # bounds are given in the kind's first unit; of another dimension of it only the sign is known
    if fitting and fitting[0] != units[0]:
        return row | {"plain_value": number, "high": float("inf")}
    return row | {"plain_value": number * factor(str(unit), units[0]) if fitting else None}


def judged(path: Path) -> pl.DataFrame:
    """The rows of a factor file, in its own texts.

    Raises:
        CatalogueError: rows are refused; every complaint is named with its line, and nothing of the file is used.
    """
    try:
        frame = pl.read_csv(path, infer_schema=False, null_values=[""])
    except pl.exceptions.PolarsError as error:
        raise CatalogueError(
            f"cannot be read / 无法读取: {error}", str(path), "it must be a CSV file in UTF-8"
        ) from error
    names = [name for name in EmissionFactor.to_schema().columns if name not in _BESIDE]
    missing = [name for name in _REQUIRED if name not in frame.columns]
    strange = [name for name in frame.columns if name not in names]
    if missing or strange:
        raise CatalogueError(
            f"columns do not fit / 列不符: {', '.join([*(f'{one} is missing' for one in missing), *(f'{one} is unknown' for one in strange)])}",
            f"{path}, line 1", f"use the columns / 应为: {', '.join(names)}",
        )  # fmt: skip
    frame = frame.with_columns(
        pl.lit(None, pl.String).alias(name) for name in names if name not in frame.columns
    ).select(names)
    beside = [_measured(*row) for row in frame.select("kind", "unit", "value").iter_rows()]
    types = {
        "unit_fits": pl.Boolean,
        "measures": pl.String,
        **dict.fromkeys(("plain_value", "low", "high"), pl.Float64),
    }
    try:
        EmissionFactor.validate(pl.concat([frame, pl.DataFrame(beside, schema=types)], how="horizontal"), lazy=True)
    except SchemaErrors as failure:
        raise CatalogueError(
            f"factors are refused / 因子被拒绝: {'; '.join(_complaints(frame, failure))}",
            str(path),
            f"correct the rows; until then nothing is computed with them{_allowed(failure)}",
        ) from failure
    return frame


def _wanted(check: str, kind: str | None) -> str:
    """What a row of a kind may say where its unit or value was refused."""
    if check not in ("unit_clash", "impossible_value") or kind not in KINDS:
        return ""
    units, low, high, *_ = KINDS[kind]
    wanted = " / ".join(units)
    return f" (write it as / 应为 {wanted})" if check == "unit_clash" else f" ({low:g} to {high:g} {units[0]})"


def _allowed(failure: SchemaErrors) -> str:
    """The words of each column that has refused one: once for all rows, for the kinds alone are many."""
    return "".join(
        f"; {error.schema.name} is one of / 可取: {', '.join(error.check.statistics['allowed_values'])}"
        for error in failure.schema_errors
        if not isinstance(error.check, str) and error.check.name == "isin"
    )


def _complaints(frame: pl.DataFrame, failure: SchemaErrors) -> list[str]:
    found: dict[int, list[str]] = {}
    for error in failure.schema_errors:
        passed = error.check_output
        check = error.check if isinstance(error.check, str) else error.check.name
        words = _WORDS.get(check) or str(error.check.description)
        column = "" if error.schema.name == EmissionFactor.to_schema().name else f"{error.schema.name}: "
        rows = (~passed.to_series()).arg_true() if isinstance(passed, pl.DataFrame) else pl.Series([0])
        for row in rows:
            found.setdefault(int(row), []).append(f"{column}{words}{_wanted(check, frame['kind'][row])}")
    return [
        f"line {row + 2} ({frame['factor_id'][row]}): {', '.join(reasons)}" for row, reasons in sorted(found.items())
    ]
