"""Contract of `meter_reading`: one reading of one meter."""

from __future__ import annotations

import polars as pl

from schemas.contract import Contract
from schemas.fields import Instant, borrowed, choice, instant, key, quantity, rule, unit

MICROSECONDS_PER_MINUTE = 60_000_000


class MeterReading(
    Contract, rows="event", key=("meter_id", "read_at"), month=("read_at",), conflicts="flagged", zh="抄表读数"
):
    """One reading of one meter.

    `register` is what the meter shows: the counter if it is cumulative, the quantity of the interval that ends at
    `read_at` if it is an interval meter.
    """

    meter_id: str = key("表号", "Meter", refers="meter", example="E-0001")
    read_at: Instant = instant("抄表时间", "When it was read; for an interval, its end")
    register: float = quantity("示数", "What the meter shows", ge=0, le=1e12, example="12345.67")
    unit: str = unit("单位", "Unit of the reading")
    quality: str = choice("数据质量，空为未注明", "Quality; empty: not said", {"A": "实测", "E": "估算"}, optional=True)
    meter_register_kind: str = borrowed("meter_id", "register_kind")
    meter_unit: str = borrowed("meter_id", "unit")
    meter_register_max: float = borrowed("meter_id", "register_max")
    meter_interval_min: int = borrowed("meter_id", "interval_min")
    utc_offset_min: int = borrowed("read_at", "utc_offset_min")

    @rule(
        "unit_differs",
        "单位与表计登记的不同（按吨读数的蒸汽：在来源中声明为 GJ，见 docs/energy.md）",
        "the unit differs from its meter's (steam in tonnes: declare it as GJ in the source, see docs/energy.md)",
    )
    def unit_is_the_meters(cls) -> pl.Expr:
        return pl.col("unit") == pl.col("meter_unit")

    @rule("above_register_max", "示数超过满量程", "the register shows more than its highest value")
    def register_fits_the_counter(cls) -> pl.Expr:
        return pl.col("register") <= pl.col("meter_register_max")

    @rule("off_grid", "时间不在抄表间隔上", "the stamp is not a multiple of the meter's interval")
    def stamp_is_on_the_grid(cls) -> pl.Expr:
        local = pl.col("read_at").dt.epoch("us") + pl.col("utc_offset_min") * MICROSECONDS_PER_MINUTE
        return local % (pl.col("meter_interval_min") * MICROSECONDS_PER_MINUTE) == 0
