"""Contract of `meter`: a meter as installed in a period."""

from __future__ import annotations

import polars as pl

from schemas.contract import Contract
from schemas.fields import Day, choice, count, day, key, quantity, rule, text, unit
from schemas.units import labels_of

CARRIERS = {
    "electricity": "电力", "natural_gas": "天然气", "heat": "热力", "steam": "蒸汽", "cooling": "冷量", "water": "水", "compressed_air": "压缩空气",
}  # fmt: skip
# carrier -> units whose quantities it is metered in
_MEASURED_IN = {
    "electricity": ("kWh",), "natural_gas": ("Nm3", "m3"), "heat": ("GJ",), "steam": ("GJ",), "cooling": ("GJ",), "water": ("m3",),
    "compressed_air": ("m3",),
}  # fmt: skip


def is_heat_by_weight() -> pl.Expr:
    """Whether heat is given as the weight of its steam or hot water, which says nothing without their enthalpy."""
    return pl.col("carrier").is_in(["heat", "steam"]) & pl.col("unit").is_in(list(labels_of("t")))


def unit_fits_carrier() -> pl.Expr:
    """Whether `unit` can measure `carrier`; a carrier nobody knows, and heat by weight, are refused on their own account."""
    fits = [
        (pl.col("carrier") == carrier) & pl.col("unit").is_in([label for unit in units for label in labels_of(unit)])
        for carrier, units in _MEASURED_IN.items()
    ]
    return pl.any_horizontal(*fits, ~pl.col("carrier").is_in(list(_MEASURED_IN)), is_heat_by_weight())


class Meter(Contract, rows="reference", key=("meter_id", "valid_from"), zh="计量表"):
    """A meter as installed in a period."""

    meter_id: str = key("表号", "Meter", example="E-0001")
    site_id: str = key("场所编号", "Site", refers="site", example="SH-W01")
    area: str = text("区域", "Area")
    line: str = text("产线", "Line")
    equipment: str = text("设备", "Equipment")
    carrier: str = choice("能源品种", "Energy carrier", CARRIERS)
    register_kind: str = choice("读数类型", "Kind of register", {"cumulative": "累计", "interval": "区间"})
    interval_min: int = count(
        "读数间隔（分钟），空为不规则", "Minutes between readings; empty: irregular", ge=1, optional=True
    )
    unit: str = unit("单位", "Unit of the register")
    multiplier: float = quantity(
        "倍率（CT×PT），空为直接接入", "CT x PT ratio; empty: connected directly", gt=0, optional=True
    )
    register_max: float = quantity(
        "表计量程，即计满后归零之处（五位整数为 100000），空为不翻转",
        "Range of the register: where it starts again from 0 (five whole digits: 100000); empty: never rolls over",
        gt=0,
        optional=True,
    )
    max_power_kw: float = quantity("最大功率", "Highest power the supply allows", gt=0, optional=True)
    volume_reference: str = choice(
        "体积参比温度", "Temperature the volume refers to", {"0C": "0℃", "20C": "20℃"}, optional=True
    )
    role: str = choice(
        "用途，空为总表",
        "Role; empty: main",
        {"main": "总表", "sub": "分表", "generation": "发电", "export": "上网", "tenant": "租户"},
        optional=True,
    )
    generation_kind: str = choice(
        "发电（产能）来源，空为未注明：计入用能，不计入可再生",
        "What generation runs on; empty: not said, counts as energy used and not as renewable",
        {"pv": "光伏", "wind": "风电", "fuel": "燃料"},
        optional=True,
    )
    parent_meter_id: str = key("上级表号", "Parent meter", optional=True)
    supply_point_id: str = key(
        "计量点编号，换表前后相同", "Supply point; the same for a meter and the one that replaces it", optional=True
    )
    valid_from: Day = day("生效日期", "Valid from", optional=True)
    valid_to: Day = day("失效日期", "Valid to", optional=True)

    @rule("period_reversed", "失效日期早于生效日期", "valid_to lies before valid_from")
    def period_runs_forward(cls) -> pl.Expr:
        return pl.col("valid_to") >= pl.col("valid_from")

    @rule("unit_of_another_carrier", "单位不能计量该能源品种", "the unit does not measure that carrier")
    def unit_measures_the_carrier(cls) -> pl.Expr:
        return unit_fits_carrier()

    @rule(
        "heat_by_weight",
        "蒸汽、热水的质量须知焓值才能折为热量：表计单位登记为 GJ，倍率填每吨热量（焓值 kJ/kg - 83.74）/ 1000，"
        "并在读数来源中将 unit 声明为 GJ；或在提取中折算（docs/energy.md）",
        "a weight of steam or hot water is no heat without its enthalpy: register the meter in GJ with the heat of a tonne, "
        "(enthalpy in kJ/kg - 83.74) / 1,000, as multiplier, and declare the unit of its readings as GJ; "
        "or convert in the extract (docs/energy.md)",
    )
    def heat_is_no_weight(cls) -> pl.Expr:
        return ~is_heat_by_weight()

    @rule("own_parent", "上级表不能是自己", "a meter cannot be its own parent")
    def parent_is_another(cls) -> pl.Expr:
        return pl.col("parent_meter_id") != pl.col("meter_id")
