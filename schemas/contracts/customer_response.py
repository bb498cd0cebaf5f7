"""Contract of `customer_response`: one answer of a customer to one question of a survey."""

from __future__ import annotations

import polars as pl

from schemas.contract import Contract
from schemas.fields import Day, choice, day, key, quantity, rule


class CustomerResponse(
    Contract, rows="event", key=("response_id", "question"), month=("answered_on",), zh="客户满意度答卷"
):
    """One answer of a customer to one question of a survey; what employees answer is `survey_response`."""

    response_id: str = key("答卷编号", "Response", example="CR0001")
    question: str = choice(
        "题目：总体满意度、推荐意愿",
        "Question: overall satisfaction, or likelihood to recommend",
        {"satisfaction": "满意度", "recommendation": "推荐意愿"},
    )
    answered_on: Day = day("答卷日期", "Date of the answer")
    site_id: str = key("场所编号，空为未注明", "Site; empty: not said", refers="site", optional=True)
    score: float = quantity("评分", "Score given", ge=0, example="4")
    scale_min: float = quantity("量表最低分", "Lowest score of the scale", ge=0, example="1")
    scale_max: float = quantity("量表满分", "Highest score of the scale", ge=2, example="5")

    @rule("scale_without_range", "量表最低分不低于满分", "the scale ends where it begins, or before")
    def scale_has_a_range(cls) -> pl.Expr:
        return pl.col("scale_min") < pl.col("scale_max")

    @rule("off_scale", "评分不在量表之内", "the score is not on its scale")
    def score_is_on_the_scale(cls) -> pl.Expr:
        return pl.col("score").is_between(pl.col("scale_min"), pl.col("scale_max"))
