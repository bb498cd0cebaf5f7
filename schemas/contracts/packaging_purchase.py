"""Contract of `packaging_purchase`: packaging material bought."""

from __future__ import annotations

from schemas.contract import Contract
from schemas.fields import Day, day, flag, key, quantity, text


class PackagingPurchase(Contract, rows="event", key=("document_id",), month=("purchased_on",), zh="包装材料采购"):
    """Packaging material bought."""

    document_id: str = key("单据号", "Document", example="P202601-01")
    purchased_on: Day = day("采购日期", "Date of purchase")
    site_id: str = key("场所编号", "Site", refers="site", example="SH-W01")
    material: str = text("材料", "Material", example="corrugated board", optional=False)
    mass_kg: float = quantity("质量", "Mass", ge=0, example="1200")
    is_reused: bool = flag("是否重复使用的材料，空为否", "Whether it was used before; empty: no")
