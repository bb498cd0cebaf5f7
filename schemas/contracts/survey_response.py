"""Contract of `survey_response`: one answer to the overall question of a satisfaction survey."""

from __future__ import annotations

import polars as pl

from schemas.contract import Contract
from schemas.fields import Day, choice, day, key, quantity, rule


class SurveyResponse(Contract, rows="event", key=("response_id",), month=("answered_on",), zh="满意度答卷"):
    """One answer to the overall question of a satisfaction survey."""

    response_id: str = key("答卷编号", "Response", example="R0001")
    wave: str = key("调查批次", "Survey wave", example="2026H1")
    answered_on: Day = day("答卷日期", "Date of the answer")
    site_id: str = key("场所编号，空为未注明", "Site; empty: not said", refers="site", optional=True)
    gender: str = choice("性别", "Gender", {"female": "女", "male": "男", "other": "其他"}, optional=True)
    score: float = quantity("评分", "Score given", ge=0, example="4")
    scale_max: float = quantity("量表满分", "Highest score of the scale", ge=2, example="5")

    @rule("above_scale", "评分高于量表满分", "the score is above its scale")
    def score_is_on_the_scale(cls) -> pl.Expr:
        return pl.col("score") <= pl.col("scale_max")
