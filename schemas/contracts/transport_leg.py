"""Contract of `transport_leg`: one element of a shipment's transport chain."""

from __future__ import annotations

import polars as pl

from schemas.contract import Contract
from schemas.fields import Day, borrowed, choice, count, day, key, quantity, rule, text


class TransportLeg(Contract, rows="event", key=("shipment_id", "seq"), month=("started_on",), zh="运输链环节"):
    """One element of a shipment's transport chain (TCE): a haul, or the handling in a hub."""

    shipment_id: str = key("货运单号", "Shipment", example="S-1001")
    seq: int = count("环节序号", "Position in the chain", ge=1, example="1")
    toc_id: str = key("作业类别编号", "Operation category that carried it out", refers="toc", example="ROAD-40T-SH")
    started_on: Day = day("起运日期", "Date it started")
    mass_t: float = quantity("货物质量（含包装）", "Mass of the goods with packaging", ge=0, example="12")
    distance_km: float = quantity("距离，枢纽为空", "Distance; empty in a hub", ge=0, example="400", optional=True)
    distance_type: str = choice(
        "距离口径",
        "What the distance is",
        {"sfd": "最短可行距离", "gcd": "大圆距离", "actual": "实际行驶"},
        optional=True,
    )
    origin: str = text("起点", "From", example="上海")
    destination: str = text("终点", "To", example="郑州")
    order_id: str = key("订单号", "Order", optional=True)
    toc_mode: str = borrowed("toc_id", "mode")

    @rule("distance_without_type", "距离与其口径须同填", "a distance needs its type, and a type its distance")
    def distance_has_a_type(cls) -> pl.Expr:
        return pl.col("distance_km").is_not_null() == pl.col("distance_type").is_not_null()

    @rule(
        "haul_without_distance",
        "运输环节须有距离，枢纽环节不得有",
        "a haul needs a distance, the handling in a hub has none",
    )
    def hauls_have_a_distance(cls) -> pl.Expr:
        return (pl.col("toc_mode") == "hub") == pl.col("distance_km").is_null()
