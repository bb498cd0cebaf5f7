"""Contract of `ahp_judgement`: how much more one part of the evaluation matters than another, by one expert."""

from __future__ import annotations

import polars as pl

from schemas.contract import Contract
from schemas.fields import key, quantity, rule, text


class AhpJudgement(Contract, rows="reference", key=("expert_id", "node", "left", "right"), zh="层次分析两两比较判断"):
    """How much more one child of a node of the indicator tree matters than another, by one expert."""

    expert_id: str = key("专家编号", "Expert", example="X1")
    node: str = text("节点：total、E、S、G 或二级指标中文名", "Node: total, E, S, G or the Chinese name of a group",
                     example="total", optional=False)  # fmt: skip
    left: str = text("较前者", "The child that is compared", example="E", optional=False)
    right: str = text("被比较者", "The child it is compared with", example="S", optional=False)
    ratio: float = quantity("重要性之比（1–9 标度，前者较不重要时为其倒数）", "How much more the first matters, 1 to 9; less than 1: less",
                            ge=0.11, le=9, example="3")  # 1/9, however few decimals it is written with  # fmt: skip

    @rule("compared_with_itself", "不能与自身比较", "a child cannot be compared with itself")
    def compared_with_itself(cls) -> pl.Expr:
        return pl.col("left") != pl.col("right")
