"""Contract of `site`: a site of the enterprise, as it was in a period."""

from __future__ import annotations

import polars as pl

from schemas.contract import Contract
from schemas.fields import Day, choice, day, key, quantity, rule, text

PROVINCES = (
    "AH", "BJ", "CQ", "FJ", "GD", "GS", "GX", "GZ", "HA", "HB", "HE", "HI", "HK", "HL", "HN", "JL", "JS",
    "JX", "LN", "MO", "NM", "NX", "QH", "SC", "SD", "SH", "SN", "SX", "TJ", "TW", "XJ", "XZ", "YN", "ZJ",
)  # fmt: skip
"""The codes of ISO 3166-2:CN; a code that is none would take the factor of the nation."""


class Site(Contract, rows="reference", key=("site_id", "valid_from"), zh="场所"):
    """A site of the enterprise, as it was in a period."""

    site_id: str = key("场所编号", "Site", example="SH-W01")
    name: str = text("名称", "Name", example="上海一号仓")
    legal_entity_id: str = key("法人编号", "Legal entity", refers="legal_entity", example="LE1")
    site_kind: str = choice(
        "场所类型",
        "Kind of site",
        {"warehouse": "仓库", "hub": "分拨中心", "plant": "工厂", "depot": "车场", "office": "办公", "port": "港口"},
        optional=True,
    )
    region: str = text("省级区划代码", "Province", example="CN-SH", matches=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")
    timezone: str = text("时区", "Time zone", example="Asia/Shanghai")
    floor_area_m2: float = quantity("建筑面积", "Operated floor area", ge=0, example="12000", optional=True)
    valid_from: Day = day("生效日期", "Valid from", optional=True)
    valid_to: Day = day("失效日期", "Valid to", optional=True)

    @rule(
        "no_such_province",
        "没有这个省级代码（应如 CN-GD，见 ISO 3166-2:CN）",
        "no province of China has that code (such as CN-GD, by ISO 3166-2:CN)",
    )
    def province_exists(cls) -> pl.Expr:
        country, province = pl.col("region").str.slice(0, 2), pl.col("region").str.slice(3)
        return (country != "CN") | (province == "") | province.is_in(PROVINCES)

    @rule("period_reversed", "失效日期早于生效日期", "valid_to lies before valid_from")
    def period_runs_forward(cls) -> pl.Expr:
        return pl.col("valid_to") >= pl.col("valid_from")
