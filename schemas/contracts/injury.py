"""Contract of `injury`: one person injured at work."""

from __future__ import annotations

from schemas.contract import Contract
from schemas.fields import Day, choice, day, flag, key


class Injury(Contract, rows="state", key=("injury_id",), month=("injured_on",), zh="工伤"):
    """One person injured at work, named by no more than the number in the injury log.

    The consequence is the gravest one, so that it cannot contradict itself: who dies has lost time, and whoever has lost
    time is recordable.
    """

    injury_id: str = key("工伤编号（不含姓名）", "Injury: a number, no name", example="WI-001")
    site_id: str = key("场所编号", "Site", refers="site", example="SH-W01")
    injured_on: Day = day("受伤日期", "Day of the injury")
    consequence: str = choice(
        "最严重后果：急救、其他可记录（医疗处理、工作受限）、损失工时（事发次日起缺勤一个班次及以上）、死亡",
        "Gravest consequence: first aid only, otherwise recordable (treatment, restricted work), time lost (a shift or more after that day), death",
        {"first_aid": "急救", "recordable": "其他可记录", "lost_time": "损失工时", "fatal": "死亡"},
    )
    is_commuting: bool = flag(
        "是否上下班途中（不计入损工率与可记录事故率）",
        "Whether on the way to or from work: in neither rate",
        example="false",
        optional=False,
    )
