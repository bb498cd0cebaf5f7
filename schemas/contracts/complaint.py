"""Contract of `complaint`: a complaint of a customer."""

from __future__ import annotations

import polars as pl

from schemas.contract import Contract
from schemas.fields import Instant, flag, instant, key, rule


class Complaint(Contract, rows="state", key=("complaint_id",), month=("received_at",), zh="客户投诉"):
    """A complaint of a customer."""

    complaint_id: str = key("投诉编号", "Complaint", example="C-1001")
    case_id: str = key("案件编号，空为独立案件", "Case it belongs to; empty: one of its own", optional=True)
    order_id: str = key("订单号", "Order", optional=True)
    site_id: str = key("场所编号，空为随订单", "Site; empty: the order's", refers="site", optional=True)
    received_at: Instant = instant("受理时间", "When it was received")
    closed_at: Instant = instant("办结时间", "When it was closed", optional=True)
    is_justified: bool = flag("是否成立，空为未定", "Whether it was founded; empty: not decided")

    @rule("closed_before_received", "办结早于受理", "closed before it was received")
    def closed_after_received(cls) -> pl.Expr:
        return pl.col("closed_at") >= pl.col("received_at")
