"""Contract of `supplier`: a supplier as known in a period."""

from __future__ import annotations

import polars as pl

from schemas.contract import Contract
from schemas.fields import Day, day, flag, key, rule, text


class Supplier(Contract, rows="reference", key=("supplier_id", "valid_from"), zh="供应商"):
    """A supplier as known in a period."""

    supplier_id: str = key("供应商编号", "Supplier", example="V0001")
    name: str = text("名称", "Name")
    region: str = text("地区", "Region")
    category: str = text("类别", "Category")
    is_key: bool = flag("是否关键供应商", "Whether it is a key supplier")
    valid_from: Day = day("生效日期", "Valid from", optional=True)
    valid_to: Day = day("失效日期", "Valid to", optional=True)

    @rule("period_reversed", "失效日期早于生效日期", "valid_to lies before valid_from")
    def period_runs_forward(cls) -> pl.Expr:
        return pl.col("valid_to") >= pl.col("valid_from")
