"""Contract of `expert_score`: the level an expert gave an indicator."""

from __future__ import annotations

import polars as pl

from schemas.contract import Contract
from schemas.fields import Instant, choice, count, flag, instant, key, rule, text

_OF_STANDARD = [f"A.{pillar}.{place}" for pillar, last in ((1, 22), (2, 17), (3, 11)) for place in range(1, last + 1)]
_COMPUTED = ("A.1.6", "A.1.10", "A.2.2", "A.2.6", "A.2.7", "A.2.8")
SCORED = [key for key in _OF_STANDARD if key not in _COMPUTED]
"""The indicators of the standard without a formula: those experts score."""


class ExpertScore(
    Contract, rows="state", key=("expert_id", "indicator_id", "round", "period"), month=("scored_at",), else_month="period", zh="专家评分"
):  # fmt: skip
    """The level an expert gave an indicator."""

    expert_id: str = key("专家编号", "Expert", example="X1")
    indicator_id: str = text("指标编号", "Indicator", example="A.1.1", optional=False, matches=r"^A\.[123]\.\d{1,2}$")
    round: int = count("轮次", "Round", ge=1, le=2, example="1")
    period: str = text(
        "评价期；空则按评分时间归期（见 docs/panel.md）",
        "Evaluation period; empty: told by when the level was given (docs/panel.md)",
        example="2026",
        matches=r"^\d{4}(-(0[1-9]|1[0-2])\.\.\d{4}-(0[1-9]|1[0-2]))?$",
    )
    level: int = count(
        "等级（0–5），弃权或回避时为空", "Level, 0 to 5; empty: none given", ge=0, le=5, example="3", optional=True
    )
    is_absent: bool = flag("是否弃权，空为否", "Whether the expert gives no level; empty: no", example="false")
    evidence_ids: str = text("证据编号", "Evidence, separated by |", example="EV001|EV002")
    confidence: str = choice("把握程度", "Confidence", {"low": "低", "medium": "中", "high": "高"}, optional=True)
    comment: str = text("意见", "Comment")
    over_cap_reason: str = text(
        "超出指标封顶的理由；无此理由，封顶等级有效",
        "Why the level may lie above the metric's cap; without it the cap counts",
        example="已现场核对原始考勤记录",
    )
    is_conflicted: bool = flag("是否存在利益冲突，空为否", "Whether the expert has a conflict of interest; empty: no")
    conflict: str = choice(
        "利益关系；受雇或受聘者回避全部指标",
        "What ties the expert to the enterprise; employed or paid: out of the whole assessment",
        {"employed": "受雇", "paid": "受聘付费", "owner": "持股", "family": "亲属", "trade": "供应商或客户"},
        optional=True,
    )
    scored_at: Instant = instant("评分时间", "When it was given", optional=True)

    @rule("not_scored_by_experts", "该指标由公式计算或不在标准中，专家不评级",
          "the indicator is computed by a formula, or none of the standard: experts do not score it")  # fmt: skip
    def scored_by_experts(cls) -> pl.Expr:
        return pl.col("indicator_id").is_in(SCORED) | ~pl.col("indicator_id").str.contains(r"^A\.[123]\.\d{1,2}$")

    @rule("no_level", "未评级，也未弃权或回避", "no level, and neither absent nor conflicted")
    def level_or_reason(cls) -> pl.Expr:
        given = pl.col("level").is_not_null()
        return given | pl.col("is_absent").fill_null(value=False) | pl.col("is_conflicted").fill_null(value=False)

    @rule("level_of_absent", "弃权者不得评级", "an absent expert gives no level")
    def absent_without_level(cls) -> pl.Expr:
        return ~pl.col("is_absent") | pl.col("level").is_null()

    @rule("conflict_unmarked", "写明利益关系者须标注回避", "a tie is named but not marked as a conflict")
    def conflict_marked(cls) -> pl.Expr:
        return pl.col("conflict").is_null() | pl.col("is_conflicted").fill_null(value=False)
