"""The inventory report: figures as in the marts, totals that add up, and three words for what is not there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indicators.report import document
from indicators.report.document import Table, figure, html, quantity, rest_of_rounding
from indicators.report.inventory import Amount, gather, together
from indicators.report.inventory_layout import _Layout
from indicators.report.inventory_layout import document as laid_out
from indicators.report.words import vocabulary
from schemas.enterprise import Declaration
from schemas.errors import HubError
from schemas.lake import months_of

LINE = {
    "site_id": "W", "legal_entity_id": "LE", "month": "2026-01", "scope": 1, "basis": "direct", "lifecycle_scope": "TTW", "category": "mobile",
    "subject": "diesel", "gas": "CO2", "is_biogenic": False, "is_kyoto": True, "activity": 100.0, "activity_unit": "kg", "factor_id": "ncv * 44/12",
    "factor_value": 3.1, "factor_unit": "kgCO2/kg", "is_factor_verified": True, "rule_path": "parameter set ndrc", "tier": 1,
    "activity_quality": "invoiced", "gwp": 1.0, "gwp_set": None, "gas_kg": 310.0, "emission_tco2e": 0.31, "estimated_tco2e": 0.0,
    "uncertainty_pct": 10.0, "flag": None, "reason": None, "activity_table": "fuel_purchase", "activity_id": "1", "source": "cards",
}  # fmt: skip
POWER = {"scope": 2, "basis": "location", "lifecycle_scope": "generation", "category": "electricity", "subject": "electricity", "activity_unit": "kWh",
         "activity_table": "site_month_energy", "source": None, "activity_quality": "measured", "factor_id": "grid", "factor_unit": "kgCO2/kWh",
         "is_factor_verified": False}  # fmt: skip
# January of a warehouse W and a plant P:
#   W diesel 0.3104 t, of which nothing estimated; power 2.0004 by location, 3 by market; P power 1.0004 by location, 1.5 by market;
#   CO2 of biodiesel at W 0.5 apart; supply of W's diesel without a factor; methane of W's vehicles 0.0000004
JANUARY: list[dict[str, Any]] = [
    LINE | {"emission_tco2e": 0.3104},
    LINE | {"subject": "truck", "gas": "CH4", "gas_kg": 1e-5, "emission_tco2e": 4e-7, "activity": 12.5, "activity_unit": "km", "gwp": 28.0,
            "gwp_set": "AR5", "factor_id": "ch4", "activity_table": "trip"},
    LINE | POWER | {"emission_tco2e": 2.0004, "estimated_tco2e": 0.5},
    LINE | POWER | {"emission_tco2e": 3.0, "basis": "market"},
    LINE | POWER | {"site_id": "P", "emission_tco2e": 1.0004},
    LINE | POWER | {"site_id": "P", "emission_tco2e": 1.5, "basis": "market"},
    LINE | {"subject": "biodiesel", "is_biogenic": True, "emission_tco2e": 0.5},
    LINE | {"scope": 3, "lifecycle_scope": "WTT", "category": "upstream_fuel", "gas": "CO2e", "factor_id": None, "factor_value": None, "factor_unit": None,
            "activity": None, "activity_unit": None, "gas_kg": None, "emission_tco2e": None, "estimated_tco2e": None, "reason": "no_factor"},
]  # fmt: skip
SITE_MONTHS: list[tuple[Any, ...]] = [
    ("W", "2026-01", 0.3104004, 2.0004, 3.0, None, 0.5, None),
    ("P", "2026-01", None, 1.0004, 1.5, None, None, None),
]
ENTERPRISE = Declaration.model_validate(
    {"id": "demo", "name": {"zh": "演示", "en": "Demo"}, "inventory": {"base_year": 2025, "exclusions": [{"category": "packaging", "reason": "非重要"}]}}
)  # fmt: skip


class World:
    """A published file of a few rows."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        for schema in ("mart", "reference", "indicator", "meta"):
            self.connection.execute(f"create schema {schema}")
        types = {str: "varchar", int: "integer", bool: "boolean", float: "double", type(None): "varchar"}
        columns = ", ".join(f"{name} {types[type(value)]}" for name, value in LINE.items())
        self.connection.execute(f"create table mart.emission_line ({columns})")
        self.connection.execute(
            """create table mart.site_month_emission (site_id varchar, month varchar, scope1_tco2e double, scope2_location_tco2e double,
               scope2_market_tco2e double, scope3_tco2e double, biogenic_tco2 double, reason varchar);
               create table mart.energy_gap (site_id varchar, month varchar, subject varchar, reason varchar);
               create table reference.site as select 'W' as site_id, '仓' as name, 'LE' as legal_entity_id, 'warehouse' as site_kind, 'CN-SH' as region,
               12000.0 as floor_area_m2, null::date as valid_from, null::date as valid_to
               union all select 'P', '厂', 'LE', 'plant', 'CN-JS', 8000.0, date '2026-01-01', date '2026-01-31';
               create table reference.run as select date '2026-06-01' as factors_as_of, 'latest_published_as_of' as factors, 'ndrc' as parameter_set,
               'AR5' as gwp_set, 'Asia/Shanghai' as timezone;
               create table reference.unit_factor as select 'tCO2e' as from_unit, 'kgCO2e' as to_unit, 1000.0 as factor;
               create table reference.gwp as select 'CH4' as gas, 28.0 as gwp, 'gwp_ch4' as factor_id, 'AR5' as gwp_set, false as verified;
               create table reference.emission_factor as select * from (values
               ('ncv', 'fuel', 'heat value', '43.330', 'GJ/t', 'CN', 2020, 'ndrc', null, 'a guide', 'table 1', true),
               ('grid', 'grid', 'grid', '0.5', 'kgCO2/kWh', 'CN', 2023, null, null, 'an announcement', null, false),
               ('unused', 'grid', 'unused', '0.7', 'kgCO2/kWh', 'CN', 2023, null, null, 'elsewhere', null, false))
               as f (factor_id, kind, label, value_text, unit, region, data_year, parameter_set, gwp_set, source, locator, verified);
               create table indicator.value as select 'run-1' as run_id;
               create table meta.extract as select 'fuel_purchase' as contract, 'cards' as source, '2026-01' as month, 10 as "rows", 8 as accepted,
               1 as refused, 1 as duplicates"""
        )
        self.add(JANUARY, SITE_MONTHS)

    def add(self, lines: list[dict[str, Any]], site_months: list[tuple[Any, ...]]) -> None:
        """Put rows in."""
        for line in lines:
            self.connection.execute(f"insert into mart.emission_line values ({', '.join('?' * len(line))})", list(line.values()))  # fmt: skip
        for row in site_months:
            self.connection.execute("insert into mart.site_month_emission values (?, ?, ?, ?, ?, ?, ?, ?)", list(row))

    def layout(self, period: str = "2026-01", language: Any = "zh", enterprise: Declaration = ENTERPRISE) -> _Layout:
        """The report before it is laid out."""
        return _Layout(gather(self.connection, enterprise, period, months_of(period)), language)

    def page(self, *given: Any) -> str:
        """The page as text."""
        return text(html(self.layout(*given).document()))


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found.append(data)


def text(page: str) -> str:
    parser = _Text()
    parser.feed(re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL))
    return " ".join(" ".join(parser.found).split())


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.connection.close()


def test_a_period_without_emissions_has_no_report(world: World) -> None:
    with pytest.raises(
        HubError, match=r"(?s)no emissions of 2031.*where that was done, no energy.* has been delivered"
    ):
        world.page("2031")


def test_a_line_without_a_figure_is_missing_with_its_reason_and_never_zero(world: World) -> None:
    shown = world.page()
    assert "范围三 燃料上游 · 柴油 CO2e 缺失 缺排放因子 1 仓 2026-01" in shown
    assert "其他间接排放（范围三） 缺失 缺排放因子" in shown
    assert not re.search(r"燃料上游[^缺]{0,20} 0 ", shown)


def test_not_applicable_missing_and_zero_are_three(world: World) -> None:
    world.add([LINE | {"category": "urea", "subject": "adblue", "emission_tco2e": 0.0, "gas_kg": 0.0}], [])
    shown = world.page()
    assert "包装材料 不适用 非重要" in shown  # declared
    assert "制冷剂逸散 缺失 无活动记录，企业未说明是否适用" in shown  # neither recorded nor declared
    assert "车用尿素 TTW CO2 0 " in shown  # recorded, and nothing


def test_the_figures_are_those_of_the_marts(world: World) -> None:
    # scope 1: 0.3104 + 0.0000004 = 0.3104004; scope 2: 2.0004 + 1.0004 = 3.0008 by location, 4.5 by market
    shown = world.page()
    assert "直接排放（范围一） 0.310 0.310 能源间接排放（范围二） 3.001 4.500 合计 3.311 4.810" in shown
    assert "生物源二氧化碳（单列） 0.500" in shown
    assert "移动燃烧 TTW CH4、CO2 0.310" in shown
    assert "CH4 <0.001" in shown  # too little to print is not nothing


def test_what_rounding_leaves_has_a_row(world: World) -> None:
    # sites: 0.310 + 2.000 = 2.311 (0.001 beside); 1.000; together 3.311, by location 2.000 + 1.000 = 3.001 less 0.001
    shown = world.page()
    assert re.search(r"仓 0\.310 2\.000 2\.311 3\.000 缺失 0\.500 0\.001 缺排放因子", shown)
    assert re.search(r"尾差 – 0\.001 – – – – 合计 0\.310 3\.001 3\.311 4\.500", shown)


def test_every_printed_total_is_the_sum_of_what_is_printed_above_it(world: World) -> None:
    for section in world.layout().document().sections:
        for block in section.blocks:
            if isinstance(block, Table) and block.strong:
                for place in range(len(block.head)):
                    cells = [row[place] for row in block.rows]
                    if cells[-1].kind == "n" and "%" not in cells[-1].text:
                        assert sum(_printed(cell.text) for cell in cells[:-1] if cell.kind == "n") == _printed(cells[-1].text)  # fmt: skip


def _printed(text_: str) -> Decimal:
    return Decimal(0) if text_.startswith(("<", ">")) else Decimal(text_.replace(",", ""))


def test_a_missing_part_empties_the_totals_and_says_what_is_known(world: World) -> None:
    world.add(
        [LINE | {"month": "2026-02", "emission_tco2e": None, "estimated_tco2e": None, "reason": "no_density"}],
        [("W", "2026-02", *[None] * 5, "no_density")],
    )
    shown = world.page("2026")
    assert "范围一 + 范围二（位置法） 缺失，已知 3.311 tCO2e" in shown
    assert "缺密度" in shown


def test_a_month_without_any_delivery_is_missing_where_the_site_is_valid(world: World) -> None:
    inventory = world.layout("2026-01..2026-02").inventory
    assert inventory.cells["W", "2026-02", "scope2_location"] == Amount(missing=frozenset({"no_emission"}))
    assert ("P", "2026-02", "scope2_location") not in inventory.cells  # closed in January
    assert inventory.part("scope1", "P") == Amount()  # never had any


def test_a_gap_of_the_energy_marts_empties_the_site_month(world: World) -> None:
    world.connection.execute(
        "update mart.site_month_emission set scope1_tco2e = null, scope2_location_tco2e = null, scope2_market_tco2e = null where site_id = 'W'"
    )
    world.connection.execute("insert into mart.energy_gap values ('W', '2026-01', 'heat', 'heat_not_delivered')")
    inventory = world.layout().inventory
    assert inventory.part("scope2_location") == Amount(Decimal("3.0008"), frozenset({"heat_not_delivered"}))
    assert "heat 未交付" in world.page()


def test_a_line_that_names_no_site_is_missing_from_the_total(world: World) -> None:
    world.add([LINE | {"site_id": None, "emission_tco2e": None, "estimated_tco2e": None, "reason": "site_unknown"}], [])
    assert world.layout().inventory.part("scope1").total is None
    assert "未归属场所" in world.page()


def test_quality_tiers_and_uncertainty(world: World) -> None:
    # of 3.3112004: invoiced 0.3104004; estimated 0.5; measured 1.5004 + 1.0004 = 2.5008
    # uncertain: mobile CO2 0.03104, electricity 0.30008, mobile CH4 0: sqrt(0.00096348 + 0.09004801) / 3.3112004 = 0.30168 / 3.3112 = 9.111 %
    shown = world.page()
    assert "估算 0.500 15.10 %" in shown
    assert "票据 0.310 9.37 %" in shown
    assert "计量实测 2.501 75.53 %" in shown
    assert "± 9.1 %" in shown
    assert "使用已核对因子的排放占比: 9.37 %" in shown


def test_only_the_factors_used_are_listed_with_their_source(world: World) -> None:
    inventory = world.layout().inventory
    assert {row["factor_id"] for row in inventory.factors} == {"ncv", "grid"}
    shown = world.page()
    assert "43.330 GJ/t CN 2020 ndrc a guide · table 1 已核" in shown
    assert "ncv * 44/12 3.1 kgCO2/kg" in shown


def test_both_factors_of_a_difference_are_listed(world: World) -> None:
    world.add(
        [LINE | {"lifecycle_scope": "WTT", "category": "upstream_fuel", "gas": "CO2e", "factor_id": "unused - ncv"}], []
    )
    assert {row["factor_id"] for row in world.layout().inventory.factors} == {"ncv", "grid", "unused"}


def test_a_factor_of_another_gwp_set_is_listed(world: World) -> None:
    world.add([LINE | {"gas": "CO2e", "factor_id": "defra", "flag": "other_gwp_set: AR4"}], [])
    shown = world.page()
    assert "移动燃烧 · 柴油 defra AR4 1 0.310" in shown
    assert "另一套 GWP" in shown.split("1 企业概况")[0]


def test_an_activity_used_for_several_gases_or_bases_is_counted_once(world: World) -> None:
    world.add(
        [LINE | {"subject": "truck", "gas": "N2O", "activity": 12.5, "activity_unit": "km", "activity_table": "trip"}],
        [],
    )
    truck = [row for row in world.layout().inventory.activities if row["subject"] == "truck"]
    power = [row for row in world.layout().inventory.activities if row["subject"] == "electricity"]
    assert [(row["activity"], row["gases"]) for row in truck] == [(Decimal("12.5"), ["CH4", "N2O"])]
    assert [(row["activity"], row["parts"]) for row in power] == [(Decimal(200), ["scope2_location", "scope2_market"])]


def test_an_activity_of_which_something_is_missing_is_no_total(world: World) -> None:
    world.add([LINE | {"activity": None, "emission_tco2e": None, "gas_kg": None, "reason": "activity_unknown"}], [])
    shown = world.page()
    assert re.search(r"柴油 缺失，已知 100 kg CO2 .{0,40} 2 1 条无活动量 \(活动量未知\)", shown)


def test_last_year_and_base_year(world: World) -> None:
    assert "上年同期无数值" in world.page()
    assert "数据中没有基准年 2025 的数值" in world.page()
    world.add(
        [LINE | {"month": "2025-01", "emission_tco2e": 0.2}], [("W", "2025-01", 0.2, None, None, None, None, None)]
    )
    shown = world.page()
    # the base year lacks eleven months of W, so only January can be compared
    assert "直接排放（范围一） 0.310 0.200 +55.2 % 缺失，已知 0.200 –" in shown


def test_factors_that_changed_are_listed_with_their_effect(world: World) -> None:
    assert "与上年同期不同的因子" not in world.page()
    last = {"month": "2025-01"}
    world.add(
        [LINE | last, LINE | POWER | last | {"factor_id": "grid_2022", "factor_value": 3.6},
         LINE | POWER | last | {"basis": "market", "factor_id": "grid_a", "factor_value": 3.0},
         LINE | POWER | last | {"basis": "market", "factor_id": "grid_b", "factor_value": 3.2}],
        [("W", "2025-01", 0.31, 0.31, 0.62, None, None, None)],
    )  # fmt: skip
    shown = world.page()
    # 100 kWh x (3.1 - 3.6) kg = -0.05 t; by the market last year had two factors; diesel's is the same; the plant was not there
    assert "location generation grid_2022: 3.6 grid: 3.1 kgCO2/kWh -0.050" in shown
    assert "market generation grid_a, grid_b: 3, 3.2 grid: 3.1 kgCO2/kWh 无法判断" in shown
    assert "ncv * 44/12: 3.1 " not in shown


def test_words_of_a_user_are_shown_and_never_run(world: World) -> None:
    page = html(
        world.layout(
            "2026-01", "zh", Declaration.model_validate({"id": "x", "name": "<script>alert(1)</script>#panic()"})
        ).document()
    )
    assert "<script" not in page
    assert not re.search(r"<link|<img|@import|https?://(?!www\.w3\.org/2000/svg)", page)
    assert "&lt;script&gt;" in page


def test_the_report_in_english_has_no_chinese_but_names(world: World) -> None:
    shown = world.page("2026-01", "en")
    assert "Scopes 1 + 2 (location) 3.311 tCO2e" in shown
    rest = re.sub(r"[仓厂]", "", shown).replace("非重要", "")
    titles = [section.second for section in world.layout("2026-01", "en").document().sections]
    for title in [*titles, "温室气体排放清单报告"]:
        rest = rest.replace(title, "")
    assert not re.search(r"[\u4e00-\u9fff]", rest)


def test_every_reason_of_the_emission_marts_has_words() -> None:
    from warehouse.marts import mart, marts

    emission = [one for one in marts() if one.name.startswith("emission_") or one.name == "fuel_line"]
    assert emission
    reasons = {
        code
        for one in emission
        for code in re.findall(r"then '((?:no|activity|factor_unit|quantity|scale|site|volume)_[a-z_]+)'", one.sql)
    }
    assert mart("emission_line") in emission
    assert reasons - set(vocabulary()["reason"]) == set()


@pytest.mark.skipif(
    document.chinese_font() is None and os.environ.get("ESG_TEST_FONTS") != "1",
    reason="no font with Chinese on this machine (ESG_TEST_FONTS=1 makes that a failure)",
)
def test_the_pdf_is_made_and_made_alike(world: World) -> None:
    font = document.chinese_font()
    assert font
    made = laid_out(world.layout().inventory)
    first = document.pdf(made, font)
    assert first.startswith(b"%PDF")
    assert document.pdf(made, font) == first


exact = st.decimals(min_value=0, max_value=10**6, places=9)


@given(st.lists(exact, max_size=8))
def test_printed_parts_and_their_rest_make_the_printed_total(parts: list[Decimal]) -> None:
    total = together(Amount(part) for part in parts).total
    if total is not None:
        rest = rest_of_rounding(total, parts)
        assert sum((_printed(figure(part).text) for part in parts), rest) == _printed(figure(total).text)
        assert abs(rest) <= Decimal("0.0005") * (len(parts) + 1)


@pytest.mark.parametrize(("amount", "said"), [
    (None, "–"), (Decimal(0), "0"), (Decimal("0.0004999"), "<0.001"), (Decimal("0.0005"), "0.001"), (Decimal("1234.5675"), "1,234.568"),
], ids=str)  # fmt: skip
def test_figures(amount: Decimal | None, said: str) -> None:
    assert figure(amount).text == said


def test_quantities_have_six_digits() -> None:
    assert [quantity(one).text for one in (0.5810, 1234567.89, 12.345678, 0.00001234567)] == [
        "0.581",
        "1,234,568",
        "12.3457",
        "0.0000123457",
    ]
