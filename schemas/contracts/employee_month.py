"""Contract of `employee_month`: one worker in one month."""

from __future__ import annotations

import polars as pl

from schemas.contract import Contract
from schemas.fields import Day, choice, day, flag, key, month, rule


class EmployeeMonth(Contract, rows="state", key=("employee_key", "month"), month=("month",), zh="员工月"):
    """One worker in one month."""

    employee_key: str = key("员工假名", "Pseudonym of the worker")
    month: str = month("月份", "Month")
    site_id: str = key("场所编号", "Site", refers="site", example="SH-W01")
    worker_type: str = choice(
        "用工类型", "Type of worker", {"own": "合同工", "dispatched": "派遣", "outsourced": "外包", "intern": "实习"}
    )
    gender: str = choice("性别", "Gender", {"female": "女", "male": "男", "other": "其他"}, optional=True)
    hours_system: str = choice(
        "工时制度",
        "Working-hours system",
        {"standard": "标准工时", "comprehensive": "综合计算工时", "irregular": "不定时工时"},
        optional=True,
    )
    is_employed_at_end: bool = flag("月末是否在职", "Whether employed at month end")
    hired_on: Day = day("入职日期", "Hired on", optional=True)
    left_on: Day = day("离职日期", "Left on", optional=True)

    @rule("left_before_hired", "离职早于入职", "left before being hired")
    def leaves_after_joining(cls) -> pl.Expr:
        return pl.col("left_on") >= pl.col("hired_on")
