"""Contract of `evidence`: a piece of evidence for indicators."""

from __future__ import annotations

from schemas.contract import Contract
from schemas.fields import key, text


class Evidence(Contract, rows="reference", key=("evidence_id",), zh="证据"):
    """A piece of evidence for indicators."""

    evidence_id: str = key("证据编号", "Evidence", example="EV001")
    sha256: str = text("文件 sha256", "sha256 of the file", matches=r"^[0-9a-f]{64}$")
    file: str = text("文件名", "File", example="环境政策2026.pdf", optional=False)
    period: str = text("所属期间", "Period it covers", example="2026")
    custodian: str = text("保管部门", "Custodian")
    indicator_ids: str = text("适用指标", "Indicators it serves, separated by |", example="A.1.1|A.1.3")
