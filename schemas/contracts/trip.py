"""Contract of `trip`: a trip of a vehicle."""

from __future__ import annotations

import polars as pl

from schemas.contract import Contract
from schemas.fields import Instant, instant, key, quantity, rule


class Trip(Contract, rows="event", key=("trip_id",), month=("started_at",), zh="行程"):
    """A trip of a vehicle."""

    trip_id: str = key("行程号", "Trip", example="T-1001")
    vehicle_id: str = key("车辆编号", "Vehicle", refers="vehicle", example="沪A12345")
    started_at: Instant = instant("出发时间", "When it started")
    distance_km: float = quantity("行驶里程", "Distance driven", ge=0, le=20000, example="420")
    empty_km: float = quantity("空驶里程", "Distance driven empty", ge=0, optional=True)
    load_t: float = quantity("载货量", "Load while laden", ge=0, optional=True)

    @rule("more_empty_than_driven", "空驶里程大于行驶里程", "more empty kilometres than were driven")
    def empty_within_distance(cls) -> pl.Expr:
        return pl.col("empty_km") <= pl.col("distance_km")
