"""Contract of `production_batch`: a batch that was produced."""

from __future__ import annotations

from schemas.contract import Contract
from schemas.fields import Instant, instant, key, quantity, text


class ProductionBatch(Contract, rows="event", key=("batch_id",), month=("produced_at",), zh="生产批次"):
    """A batch that was produced."""

    batch_id: str = key("批次号", "Batch", example="B20260101-01")
    site_id: str = key("场所编号", "Site", refers="site", example="SH-P01")
    line: str = text("产线", "Line")
    produced_at: Instant = instant("生产时间", "When it was produced")
    product: str = text("产品", "Product")
    output_t: float = quantity("产量（吨）", "Output by mass", ge=0, optional=True)
    output_pieces: float = quantity("产量（件）", "Output by count", ge=0, optional=True)
