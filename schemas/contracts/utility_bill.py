"""Contract of `utility_bill`: what a supplier billed of one carrier for a period."""

from __future__ import annotations

import polars as pl

from schemas.contract import Contract
from schemas.contracts.meter import CARRIERS, is_heat_by_weight, unit_fits_carrier
from schemas.fields import Day, borrowed, choice, day, flag, key, quantity, rule, unit

LONGEST_D = 366


class UtilityBill(Contract, rows="event", key=("bill_id",), month=("period_to",), zh="能源账单"):
    """What a supplier billed of one carrier for a period.

    A bill belongs to the month its period ends in; `mart.bill_month` splits it over the months it covers, by days.
    """

    bill_id: str = key("账单号", "Bill", example="B202602-001")
    site_id: str = key("场所编号", "Site", refers="site", example="SH-W01")
    supply_point_id: str = key(
        "供能户号，空为场所唯一户号", "Supply account; empty: the site's only one", optional=True
    )
    meter_id: str = key("计费表号", "Meter the bill is for", refers="meter", optional=True)
    carrier: str = choice("能源品种", "Energy carrier", CARRIERS)
    period_from: Day = day("账期起日", "First day billed")
    period_to: Day = day("账期止日（含）", "Last day billed, inclusive")
    amount_cny: float = quantity("账单金额（不含税）", "Amount billed, net of VAT", optional=True)
    quantity: float = quantity("账单用量", "Quantity billed", ge=0, example="31000")
    unit: str = unit("单位", "Unit of the quantity")
    volume_reference: str = choice(
        "体积参比温度", "Temperature the volume refers to", {"0C": "0℃", "20C": "20℃"}, optional=True
    )
    is_estimated: bool = flag("是否估抄，空为否", "Whether the supplier estimated it; empty: no")
    is_first: bool = flag("是否开户后首张账单，空为否", "Whether the account was opened with it; empty: no")
    is_final: bool = flag("是否销户账单，空为否", "Whether the account was closed with it; empty: no")
    meter_site_id: str = borrowed("meter_id", "site_id")
    meter_carrier: str = borrowed("meter_id", "carrier")

    @rule("period_reversed", "账期止日早于起日", "period_to lies before period_from")
    def period_runs_forward(cls) -> pl.Expr:
        return pl.col("period_to") >= pl.col("period_from")

    @rule("period_too_long", "账期超过一年", "the period is longer than a year")
    def period_within_a_year(cls) -> pl.Expr:
        return (pl.col("period_to") - pl.col("period_from")).dt.total_days() < LONGEST_D

    @rule("unit_of_another_carrier", "单位不能计量该能源品种", "the unit does not measure that carrier")
    def unit_measures_the_carrier(cls) -> pl.Expr:
        return unit_fits_carrier()

    @rule(
        "heat_by_weight",
        "蒸汽、热水的质量须知焓值才能折为热量：请在提取中折为 GJ，每吨 =（焓值 kJ/kg - 83.74）/ 1000（docs/energy.md）",
        "a weight of steam or hot water is no heat without its enthalpy: convert it to GJ in the extract, "
        "a tonne being (enthalpy in kJ/kg - 83.74) / 1,000 (docs/energy.md)",
    )
    def heat_is_no_weight(cls) -> pl.Expr:
        return ~is_heat_by_weight()

    @rule("meter_of_another_carrier", "计费表计量的是另一种能源", "the meter measures another carrier")
    def meter_measures_the_carrier(cls) -> pl.Expr:
        return pl.col("meter_carrier") == pl.col("carrier")

    @rule("meter_of_another_site", "计费表在另一场所", "the meter stands at another site")
    def meter_is_of_the_site(cls) -> pl.Expr:
        return pl.col("meter_site_id") == pl.col("site_id")
