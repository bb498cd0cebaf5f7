"""Contract of `survey_wave`: a wave of a survey and how many it invited."""

from __future__ import annotations

from schemas.contract import Contract
from schemas.fields import count, key


class SurveyWave(Contract, rows="reference", key=("wave", "site_id"), zh="满意度调查批次"):
    """A wave of a survey and how many it invited."""

    wave: str = key("调查批次", "Survey wave", example="2026H1")
    site_id: str = key("场所编号，空为全企业", "Site; empty: the whole enterprise", refers="site", optional=True)
    invited: int = count("邀请人数", "People invited", example="220")
