"""Contract of `expert_score`: the level an expert gave an indicator."""

from __future__ import annotations

from schemas.contract import Contract
from schemas.fields import Instant, choice, count, flag, instant, key, text


class ExpertScore(
    Contract, rows="state", key=("expert_id", "indicator_id", "round"), month=("scored_at",), zh="专家评分"
):
    """The level an expert gave an indicator."""

    expert_id: str = key("专家编号", "Expert", example="X1")
    indicator_id: str = text("指标编号", "Indicator", example="A.1.1", optional=False, matches=r"^A\.[123]\.\d{1,2}$")
    round: int = count("轮次", "Round", ge=1, le=2, example="1")
    level: int = count("等级（0–5）", "Level, 0 to 5", ge=0, le=5, example="3")
    evidence_ids: str = text("证据编号", "Evidence, separated by |", example="EV001|EV002")
    confidence: str = choice("把握程度", "Confidence", {"low": "低", "medium": "中", "high": "高"}, optional=True)
    comment: str = text("意见", "Comment")
    is_conflicted: bool = flag("是否存在利益冲突，空为否", "Whether the expert has a conflict of interest; empty: no")
    scored_at: Instant = instant("评分时间", "When it was given", optional=True)
