"""Contract of `peer_value`: what an indicator is at another enterprise."""

from __future__ import annotations

from schemas.contract import Contract
from schemas.fields import key, quantity, text


class PeerValue(Contract, rows="reference", key=("peer_id", "period", "indicator_id"), zh="同业数值"):
    """What a computed indicator is at an enterprise of the peer set, in the unit of the indicator."""

    peer_id: str = key("同业编号", "Peer", example="P01")
    period: str = text("评价期", "Period", example="2026", optional=False)
    indicator_id: str = text("指标编号", "Indicator", example="A.2.7", optional=False, matches=r"^A\.[123]\.\d{1,2}$")
    value: float = quantity("数值", "Value", ge=0, example="96.5")
    unit: str = text("单位，须与指标单位一致", "Unit: that of the indicator", example="%", optional=False)
    source_note: str = text("出处", "Where it is from", example="2026 年度报告")
