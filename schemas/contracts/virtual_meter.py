"""Contract of `virtual_meter`: a member of a meter that exists by calculation only."""

from __future__ import annotations

import polars as pl

from schemas.contract import Contract
from schemas.contracts.meter import CARRIERS
from schemas.fields import Day, borrowed, choice, day, key, quantity, rule, text


class VirtualMeter(Contract, rows="reference", key=("virtual_id", "meter_id", "valid_from"), zh="虚拟表"):
    """A member of a meter that exists by calculation only: its quantity is the sum of coefficient x member."""

    virtual_id: str = key("虚拟表号", "Virtual meter", example="V-0001")
    meter_id: str = key("成员表号", "Member", refers="meter", example="E-0001")
    coefficient: float = quantity("系数（+1、-1 或比例）", "Coefficient: +1, -1 or a share", example="1")
    site_id: str = key("场所编号", "Site", refers="site", example="SH-W01")
    area: str = text("区域", "Area")
    line: str = text("产线", "Line")
    equipment: str = text("设备", "Equipment")
    carrier: str = choice("能源品种", "Energy carrier", CARRIERS)
    valid_from: Day = day("生效日期", "Valid from", optional=True)
    valid_to: Day = day("失效日期", "Valid to", optional=True)
    meter_carrier: str = borrowed("meter_id", "carrier")

    @rule("period_reversed", "失效日期早于生效日期", "valid_to lies before valid_from")
    def period_runs_forward(cls) -> pl.Expr:
        return pl.col("valid_to") >= pl.col("valid_from")

    @rule("no_weight", "系数不能为 0", "the coefficient must not be 0")
    def coefficient_counts(cls) -> pl.Expr:
        return pl.col("coefficient") != 0

    @rule("meter_of_another_carrier", "成员表计量的是另一种能源", "the member measures another carrier")
    def member_measures_the_carrier(cls) -> pl.Expr:
        return pl.col("meter_carrier") == pl.col("carrier")
