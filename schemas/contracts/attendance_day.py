"""Contract of `attendance_day`: one worker on one day."""

from __future__ import annotations

import polars as pl

from schemas.contract import Contract
from schemas.fields import Day, choice, day, key, quantity, rule


class AttendanceDay(Contract, rows="state", key=("employee_key", "work_date"), month=("work_date",), zh="出勤日"):
    """One worker on one day."""

    employee_key: str = key("员工假名", "Pseudonym of the worker")
    work_date: Day = day("日期", "Day")
    site_id: str = key("场所编号", "Site", refers="site", example="SH-W01")
    hours_system: str = choice(
        "工时制度",
        "Working-hours system",
        {"standard": "标准工时", "comprehensive": "综合计算工时", "irregular": "不定时工时"},
        optional=True,
    )
    day_kind: str = choice(
        "日期类型", "Kind of day", {"workday": "工作日", "rest_day": "休息日", "holiday": "法定节假日"}, optional=True
    )
    worked_h: float = quantity("工时（含加班）", "Hours worked, overtime included", ge=0, le=24, example="8")
    overtime_h: float = quantity("加班工时", "Overtime hours", ge=0, le=24, example="1.5", optional=True)

    @rule("overtime_above_worked", "加班工时多于总工时", "more overtime than hours worked")
    def overtime_is_part_of_the_day(cls) -> pl.Expr:
        return pl.col("overtime_h") <= pl.col("worked_h")
