"""Contract of `revenue_posting`: a posting of operating revenue, net of VAT."""

from __future__ import annotations

import polars as pl

from schemas.contract import Contract
from schemas.fields import Day, borrowed, day, flag, key, quantity, rule, text


class RevenuePosting(Contract, rows="event", key=("document_id", "line_number"), month=("posted_on",), zh="收入凭证"):
    """A posting of operating revenue, net of VAT."""

    document_id: str = key("凭证号", "Document", example="1900000001")
    line_number: str = text("行项目", "Line of the document; empty: it has one", example="1")
    posted_on: Day = day("过账日期", "Posting date")
    legal_entity_id: str = key("法人编号", "Legal entity", refers="legal_entity", example="LE1")
    site_id: str = key("场所编号，空为未归属", "Site; empty: not attributed", refers="site", optional=True)
    account: str = text("科目", "Account")
    revenue_cny: float = quantity("不含税收入", "Revenue net of VAT", example="125000.00")
    is_intragroup: bool = flag("是否集团内部交易，空为否", "Whether it is intra-group; empty: no")
    site_legal_entity_id: str = borrowed("site_id", "legal_entity_id")

    @rule("site_of_another_entity", "场所属于另一法人", "the site belongs to another legal entity")
    def site_is_the_entitys(cls) -> pl.Expr:
        return pl.col("site_legal_entity_id") == pl.col("legal_entity_id")
