"""Contract of `refrigerant_movement`: refrigerant or extinguishing gas stocked, bought, topped up, recovered or sold."""

from __future__ import annotations

import polars as pl

from schemas.contract import Contract
from schemas.fields import Day, borrowed, choice, day, key, quantity, rule, text


class RefrigerantMovement(Contract, rows="event", key=("document_id",), month=("moved_on",), zh="制冷剂收发"):
    """Refrigerant or extinguishing gas stocked, bought, topped up, recovered or sold."""

    document_id: str = key("单据号", "Document", example="R202601-01")
    moved_on: Day = day("日期", "Date")
    site_id: str = key("场所编号", "Site", refers="site", example="SH-W01")
    vehicle_id: str = key("车辆编号", "Vehicle it was filled into", refers="vehicle", optional=True)
    equipment_id: str = key("设备编号", "Equipment it was filled into", optional=True)
    refrigerant: str = text("制冷剂或灭火剂", "Refrigerant or extinguishing gas", example="R404A", optional=False)
    movement: str = choice(
        "收发类型",
        "What happened",
        {
            "opening_stock": "期初库存", "purchase": "购入", "sale": "售出", "recovery": "回收", "closing_stock": "期末库存",
            "top_up": "充注",
        },
    )  # fmt: skip
    mass_kg: float = quantity("质量", "Mass", ge=0, example="25")
    vehicle_ownership: str = borrowed("vehicle_id", "ownership")

    @rule(
        "outsourced_vehicle", "外包车辆的制冷剂不属本企业", "the refrigerant of an outsourced vehicle is its carrier's"
    )
    def vehicle_is_ours(cls) -> pl.Expr:
        return pl.col("vehicle_ownership") != "outsourced"
