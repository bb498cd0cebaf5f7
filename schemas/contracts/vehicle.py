"""Contract of `vehicle`: a vehicle as used in a period."""

from __future__ import annotations

import polars as pl

from schemas.contract import Contract
from schemas.fields import Day, choice, day, key, quantity, rule


class Vehicle(Contract, rows="reference", key=("vehicle_id", "valid_from"), zh="车辆"):
    """A vehicle as used in a period."""

    vehicle_id: str = key("车辆编号", "Vehicle", example="沪A12345")
    site_id: str = key("所属场所", "Site it belongs to", refers="site", example="SH-W01")
    ownership: str = choice("权属", "Ownership", {"own": "自有", "leased": "租赁", "outsourced": "外包"})
    vehicle_class: str = choice(
        "车型",
        "Vehicle class",
        {
            "car": "轿车", "van": "面包车", "light_truck": "轻型货车", "medium_truck": "中型货车", "heavy_truck": "重型货车",
            "tractor": "牵引车", "forklift": "叉车", "yard_crane": "场桥", "locomotive": "机车", "vessel": "船舶", "aircraft": "飞机",
        },
        optional=True,
    )  # fmt: skip
    energy_type: str = choice(
        "能源类型",
        "Energy it runs on",
        {
            "diesel": "柴油", "gasoline": "汽油", "lng": "液化天然气", "cng": "压缩天然气", "lpg": "液化石油气", "electric": "纯电动",
            "hybrid": "混合动力", "hydrogen": "氢燃料",
        },
        optional=True,
    )  # fmt: skip
    emission_standard: str = choice(
        "排放标准",
        "Emission stage",
        {
            "none": "无", "china_1": "国一", "china_2": "国二", "china_3": "国三", "china_4": "国四", "china_5": "国五",
            "china_6": "国六",
        },
        optional=True,
    )  # fmt: skip
    capacity_t: float = quantity("核定载质量", "Rated load", ge=0, example="18", optional=True)
    toc_id: str = key("作业类别编号", "Operation category its trips and fuel belong to", refers="toc", optional=True)
    valid_from: Day = day("生效日期", "Valid from", optional=True)
    valid_to: Day = day("失效日期", "Valid to", optional=True)

    @rule("period_reversed", "失效日期早于生效日期", "valid_to lies before valid_from")
    def period_runs_forward(cls) -> pl.Expr:
        return pl.col("valid_to") >= pl.col("valid_from")
