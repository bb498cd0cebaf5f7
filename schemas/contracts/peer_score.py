"""Contract of `peer_score`: what another enterprise scores on an indicator."""

from __future__ import annotations

from schemas.contract import Contract
from schemas.fields import key, quantity, text


class PeerScore(Contract, rows="reference", key=("peer_id", "period", "indicator_id"), zh="同业得分"):
    """What an enterprise of the peer set scores on an indicator, under the same anchors and rubric."""

    peer_id: str = key("同业编号", "Peer", example="P01")
    period: str = text("评价期", "Period", example="2026", optional=False)
    indicator_id: str = text("指标编号", "Indicator", example="A.1.6", optional=False, matches=r"^A\.[123]\.\d{1,2}$")
    score: float = quantity("得分（0–100）", "Score, 0 to 100", ge=0, le=100, example="70")
    source_note: str = text("出处", "Where it is from", example="2026 年度报告")
