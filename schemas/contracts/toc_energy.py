"""Contract of `toc_energy`: the energy an operation category used in a month."""

from __future__ import annotations

import polars as pl

from schemas.contract import Contract
from schemas.fields import choice, key, month, quantity, rule


class TocEnergy(Contract, rows="event", key=("record_id",), month=("month",), zh="作业类别能耗"):
    """Energy an operation category used in a month, empty running included."""

    record_id: str = key("记录号", "Record", example="E-2026-01-001")
    toc_id: str = key("作业类别编号", "Operation category", refers="toc", example="ROAD-40T-SH")
    month: str = month("月份", "Month")
    fuel: str = choice(
        "燃料或能源",
        "Fuel or energy",
        {
            "diesel": "柴油", "gasoline": "汽油", "lng": "液化天然气", "cng": "压缩天然气", "lpg": "液化石油气", "natural_gas": "天然气",
            "fuel_oil": "燃料油", "kerosene": "煤油", "methanol": "甲醇", "hydrogen": "氢", "electricity": "电力",
        },
    )  # fmt: skip
    volume_l: float = quantity("体积（升）", "Volume of a liquid", ge=0, optional=True)
    mass_kg: float = quantity("质量", "Mass", ge=0, optional=True)
    energy_kwh: float = quantity("电量", "Electricity", ge=0, optional=True)
    distance_km: float = quantity("行驶里程（含空驶）", "Distance driven, empty running included", ge=0, optional=True)
    empty_km: float = quantity("空驶里程", "Distance driven empty", ge=0, optional=True)
    turnover_t_km: float = quantity(
        "周转量（最短可行或大圆距离）",
        "Transport activity over shortest feasible or great-circle distance",
        ge=0,
        optional=True,
    )
    throughput_t: float = quantity("枢纽吞吐量", "Throughput of a hub", ge=0, optional=True)
    data_type: str = choice(
        "数据类型，空为实测", "Kind of data; empty: primary", {"primary": "实测", "modelled": "模型"}, optional=True
    )

    @rule("one_quantity", "体积、质量、电量须恰填一项", "exactly one of volume_l, mass_kg, energy_kwh must be filled")
    def exactly_one_quantity(cls) -> pl.Expr:
        return pl.sum_horizontal(pl.col(one).is_not_null() for one in ("volume_l", "mass_kg", "energy_kwh")) == 1

    @rule(
        "quantity_of_another_energy",
        "电力须填电量，其他须填体积或质量",
        "electricity is counted in energy_kwh, and nothing else is",
    )
    def quantity_fits_the_fuel(cls) -> pl.Expr:
        return (pl.col("fuel") == "electricity") == pl.col("energy_kwh").is_not_null()

    @rule("more_empty_than_driven", "空驶里程大于行驶里程", "more empty kilometres than were driven")
    def empty_within_distance(cls) -> pl.Expr:
        return pl.col("empty_km") <= pl.col("distance_km")
