"""Contract of `reported_figure`: a figure as somebody has published it, and what it must agree with."""

from __future__ import annotations

import polars as pl

from schemas.contract import Contract
from schemas.fields import choice, flag, key, quantity, rule, text

_WORDS = "unknown|not_available|not_applicable|insignificant"
_PRINTED = rf"^(-?\d{{1,3}}(,\d{{3}})+(\.\d+)?|-?\d+(\.\d+)?|{_WORDS})$"


class ReportedFigure(Contract, rows="reference", key=("figure_id",), zh="已披露的数字"):
    """A published figure as printed, and the figures it must agree with."""

    figure_id: str = key("数字编号", "Figure", example="acme_2022_scope1")
    subject: str = text("披露主体", "Whose figure it is", example="Acme Logistics", optional=False)
    label: str = text("指标名", "What it says", example="scope1", optional=False)
    period: str = text("期间", "Period as the document names it", example="2022", optional=False)
    printed: str = text(
        "印出的文字：数字按原样（末位即精度），不知者写 unknown 等，绝不写 0",
        "The figure as printed, its last digit being its precision; what is not a number is a word, never 0",
        example="0.181", optional=False, matches=_PRINTED,
    )  # fmt: skip
    scale: float = quantity("倍数，空为 1（百万写 1000000）", "What one printed unit stands for, 1000000 for millions; empty: 1", gt=0,
                            example="1000000", optional=True)  # fmt: skip
    unit: str = text("单位", "Unit", example="tCO2e", optional=False)
    parent_id: str = key(
        "所属合计的编号", "The total this figure is a part of", example="acme_2022_total", optional=True
    )
    breakdown: str = text("分解方式，同一合计有多种分解时填", "Which breakdown of the total, where it has several")
    is_subtracted: bool = flag("在合计中为减项", "Whether the total is reached by taking it off")
    numerator_id: str = key("分子（变化率时为本期）", "Its numerator; of a change, the later figure", optional=True)
    denominator_id: str = key("分母", "Its denominator", optional=True)
    base_id: str = key("变化率的基期数字", "The earlier figure a change is counted from", optional=True)
    activity_id: str = key("产生该排放的活动量", "The activity an emission was computed from", optional=True)
    factor_id: str = key("应采用的因子", "The factor it should have been computed with", optional=True)
    precision: str = choice(
        "核对精度，空为按印出位数", "How closely it must agree; empty: to the printed digits",
        {"printed": "印出位数", "order_of_magnitude": "数量级"}, optional=True,
    )  # fmt: skip
    document: str = text("文件", "Document it stands in", example="Annual report 2022", optional=False)
    locator: str = text("页码或位置", "Page or place in the document", example="p. 98")

    @rule("own_relation", "数字不能与自身勾稽", "a figure cannot be related to itself")
    def relates_to_others(cls) -> pl.Expr:
        related = ("parent_id", "numerator_id", "denominator_id", "base_id", "activity_id")
        return pl.all_horizontal((pl.col(name) != pl.col("figure_id")).fill_null(value=True) for name in related)

    @rule(
        "half_a_ratio",
        "分子须与分母或基期二者之一同填",
        "a numerator needs either a denominator or a base, and they need a numerator",
    )
    def ratio_has_both_sides(cls) -> pl.Expr:
        sides = pl.sum_horizontal(pl.col("denominator_id", "base_id").is_not_null().cast(pl.Int8))
        return sides == pl.col("numerator_id").is_not_null().cast(pl.Int8)

    @rule("half_a_product", "活动量与因子须同填", "an activity needs a factor, and a factor an activity")
    def product_has_both_sides(cls) -> pl.Expr:
        return pl.col("activity_id").is_not_null() == pl.col("factor_id").is_not_null()

    @rule("part_of_nothing", "减项或分解方式须有所属合计", "a part that is taken off, or a breakdown, needs its total")
    def part_has_a_total(cls) -> pl.Expr:
        return pl.col("parent_id").is_not_null() | (pl.col("breakdown").is_null() & pl.col("is_subtracted").is_null())
