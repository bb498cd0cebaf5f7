"""Contract of `customer_order`: a customer order as accepted, with what became of it."""

from __future__ import annotations

import polars as pl

from schemas.contract import Contract
from schemas.fields import Instant, choice, instant, key, quantity, rule


class CustomerOrder(
    Contract, rows="state", key=("order_id",), month=("accepted_at", "promised_by", "delivered_at"), zh="客户订单"
):
    """A customer order as accepted, with what became of it."""

    order_id: str = key("订单号", "Order", example="SO-1001")
    site_id: str = key("承接场所", "Site that serves it", refers="site", example="SH-W01")
    transport_mode: str = choice(
        "运输方式",
        "Mode",
        {
            "road": "公路", "rail": "铁路", "water": "水路", "air": "航空", "pipeline": "管道", "multimodal": "多式联运",
            "warehouse": "仓储",
        },
        optional=True,
    )  # fmt: skip
    accepted_at: Instant = instant("接单时间", "When it was accepted", optional=True)
    promised_by: Instant = instant("首次承诺送达时间", "First committed delivery time", end_of_day=True, optional=True)
    requested_by: Instant = instant(
        "客户要求送达时间", "Delivery time the customer asked for", end_of_day=True, optional=True
    )
    rescheduled_to: Instant = instant("改约后送达时间", "Delivery time agreed last", end_of_day=True, optional=True)
    reschedule_cause: str = choice(
        "改约原因", "Who asked to reschedule", {"customer": "客户", "carrier": "承运方"}, optional=True
    )
    delivered_at: Instant = instant("签收时间", "When the consignee received it", optional=True)
    status: str = choice(
        "状态，空为按签收时间判断",
        "Status; empty: as the delivery time says",
        {
            "accepted": "已接单", "in_transit": "在途", "delivered": "已签收", "partially_delivered": "部分签收",
            "cancelled": "已取消", "returned": "退回", "lost": "丢失", "undeliverable": "无法投递",
        },
        optional=True,
    )  # fmt: skip
    pieces_due: float = quantity("应交件数", "Pieces due", ge=0, optional=True)
    pieces_intact: float = quantity("完好件数", "Pieces delivered intact", ge=0, optional=True)
    goods_due_t: float = quantity("应交吨数", "Goods due", ge=0, optional=True)
    goods_intact_t: float = quantity("完好吨数", "Goods delivered intact", ge=0, optional=True)
    weight_t: float = quantity("计费重量", "Weight of the order", ge=0, optional=True)

    @rule("no_date", "接单、承诺、签收时间不能都为空", "one of accepted_at, promised_by, delivered_at must be filled")
    def has_a_month(cls) -> pl.Expr:
        return pl.any_horizontal(pl.col(one).is_not_null() for one in ("accepted_at", "promised_by", "delivered_at"))

    @rule("delivered_before_accepted", "签收早于接单", "delivered before it was accepted")
    def delivered_after_accepted(cls) -> pl.Expr:
        return pl.col("delivered_at") >= pl.col("accepted_at")

    @rule("more_intact_than_due", "完好数量多于应交数量", "more arrived intact than was due")
    def intact_within_due(cls) -> pl.Expr:
        pieces = (pl.col("pieces_intact") <= pl.col("pieces_due")).fill_null(value=True)
        return pieces & (pl.col("goods_intact_t") <= pl.col("goods_due_t")).fill_null(value=True)

    @rule("delivered_without_time", "已签收但无签收时间", "delivered, yet without a delivery time")
    def delivered_has_a_time(cls) -> pl.Expr:
        return (pl.col("status") != "delivered") | pl.col("delivered_at").is_not_null()
