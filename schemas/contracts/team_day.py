"""Contract of `team_day`: the working day of one team."""

from __future__ import annotations

from schemas.contract import Contract
from schemas.fields import Day, day, key, quantity, text


class TeamDay(
    Contract, rows="event", key=("work_date", "site_id", "department", "team"), month=("work_date",), zh="班组日"
):
    """The working day of one team."""

    work_date: Day = day("日期", "Working day")
    site_id: str = key("场所编号", "Site", refers="site", example="SH-P01")
    team: str = key("班组", "Team", example="1")
    department: str = text("部门", "Department")
    workers: float = quantity("人数", "Workers present", ge=0, example="30.5")
    overtime_person_min: float = quantity("加班人分钟", "Overtime of all workers together", ge=0, example="3660")
