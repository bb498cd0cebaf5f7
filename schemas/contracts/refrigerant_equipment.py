"""Contract of `refrigerant_equipment`: equipment charged with refrigerant, in a period."""

from __future__ import annotations

import polars as pl

from schemas.contract import Contract
from schemas.fields import Day, day, key, quantity, rule, text


class RefrigerantEquipment(Contract, rows="reference", key=("equipment_id", "valid_from"), zh="制冷设备"):
    """Equipment charged with refrigerant or extinguishing gas, in a period."""

    equipment_id: str = key("设备编号", "Equipment", example="COLD-01")
    site_id: str = key("场所编号", "Site", refers="site", example="SH-W01")
    refrigerant: str = text("制冷剂或灭火剂", "Refrigerant or extinguishing gas", example="R404A", optional=False)
    charge_kg: float = quantity("充注量", "Charge", ge=0, example="120")
    annual_leak_pct: float = quantity("年泄漏率（%）", "Share that leaks in a year, %", ge=0, le=100, example="8")
    valid_from: Day = day("启用日期", "In service from", optional=True)
    valid_to: Day = day("停用日期", "In service to", optional=True)

    @rule("period_reversed", "失效日期早于生效日期", "valid_to lies before valid_from")
    def period_runs_forward(cls) -> pl.Expr:
        return pl.col("valid_to") >= pl.col("valid_from")
