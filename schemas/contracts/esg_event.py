"""Contract of `esg_event`: a negative event."""

from __future__ import annotations

import polars as pl

from schemas.contract import Contract
from schemas.fields import Day, choice, day, key, rule, text


class EsgEvent(Contract, rows="reference", key=("event_id",), zh="负面事件"):
    """A negative event of the enterprise: decided with finality, or pending."""

    event_id: str = key("事件编号", "Event", example="EE001")
    event_class: str = choice(
        "等级", "Class: V veto, A severe, B medium, C light", {"V": "否决", "A": "严重", "B": "中等", "C": "轻微"}
    )
    indicator_id: str = text(
        "所属指标", "The one indicator it counts under", example="A.2.3", optional=False, matches=r"^A\.[123]\.\d{1,2}$"
    )
    incident_id: str = text(
        "所属事故：同一事故的多个事件只计最重的一个",
        "Incident: of the events of one incident only the gravest counts",
        example="IN01",
    )
    occurred_on: Day = day("发生日期", "When it happened")
    decided_on: Day = day("最终决定日期", "When it was decided with finality", optional=True)
    status: str = choice("状态", "Whether it is final or pending", {"final": "已定", "pending": "未决"})
    official_source: str = text("官方出处", "Official source of the decision", example="沪应急罚 2026-12 号")
    title: str = text("事件", "What happened", example="叉车事故致一人重伤", optional=False)

    @rule(
        "final_without_decision",
        "已定事件须有决定日期与官方出处",
        "a final event needs the day of the decision and its official source",
    )
    def final_without_decision(cls) -> pl.Expr:
        decided = pl.col("decided_on").is_not_null() & pl.col("official_source").is_not_null()
        return (pl.col("status") != "final") | decided

    @rule("decided_before_it_happened", "决定日期早于发生日期", "decided before it happened")
    def decided_before_it_happened(cls) -> pl.Expr:
        return pl.col("decided_on") >= pl.col("occurred_on")
