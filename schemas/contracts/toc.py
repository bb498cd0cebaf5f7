"""Contract of `toc`: a transport or hub operation category of ISO 14083."""

from __future__ import annotations

import polars as pl

from schemas.contract import Contract
from schemas.fields import Day, choice, day, flag, key, rule, text


class Toc(Contract, rows="reference", key=("toc_id", "valid_from"), zh="运输（枢纽）作业类别"):
    """A transport or hub operation category (ISO 14083): operations alike in vehicle, load and route."""

    toc_id: str = key("作业类别编号", "Operation category (TOC, HOC)", example="ROAD-40T-SH")
    name: str = text("名称", "Name", example="上海出发 40 吨公路干线")
    mode: str = choice(
        "运输方式",
        "Mode",
        {
            "road": "公路", "rail": "铁路", "air": "航空", "sea": "海运", "inland": "内河", "pipeline": "管道", "hub": "枢纽",
        },
    )  # fmt: skip
    operator: str = text("承运人", "Who operates it", example="某某物流")
    is_own: bool = flag("是否自营", "Whether the enterprise operates it itself")
    vehicle_class: str = text("车船机型", "Class of vehicles", example="tractor 40 t")
    fuel: str = text("燃料", "Fuel", example="diesel")
    temperature: str = choice(
        "温控", "Temperature", {"ambient": "常温", "refrigerated": "冷藏", "mixed": "混合"}, optional=True
    )
    distance_type: str = choice(
        "车辆行程里程的口径，空为实际行驶",
        "What the kilometres of its vehicles' trips are; empty: as driven",
        {"actual": "实际行驶", "sfd": "最短可行距离", "gcd": "大圆距离"}, optional=True,
    )  # fmt: skip
    ttw_factor_id: str = key(
        "行驶阶段强度的因子编号", "Factor of its intensity, tank to wheel, where no energy is recorded", optional=True
    )
    wtt_factor_id: str = key("上游阶段强度的因子编号", "Factor of its intensity, well to tank", optional=True)
    wtw_factor_id: str = key("全生命周期强度的因子编号", "Factor of its intensity, well to wheel", optional=True)
    data_type: str = choice(
        "因子强度的数据类型，空为缺省值", "What kind of data those factors are; empty: default",
        {"primary": "实测", "modelled": "模型", "default": "缺省"}, optional=True,
    )  # fmt: skip
    valid_from: Day = day("生效日期", "Valid from", optional=True)
    valid_to: Day = day("失效日期", "Valid to", optional=True)

    @rule("period_reversed", "失效日期早于生效日期", "valid_to lies before valid_from")
    def period_runs_forward(cls) -> pl.Expr:
        return pl.col("valid_to") >= pl.col("valid_from")
