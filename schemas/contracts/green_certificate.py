"""Contract of `green_certificate`: a certificate or contract that says who may claim renewable electricity."""

from __future__ import annotations

import polars as pl

from schemas.contract import Contract
from schemas.fields import Day, choice, count, day, key, month, quantity, rule, text
from schemas.units import factor


class GreenCertificate(Contract, rows="event", key=("certificate_id",), month=("generated_month",), zh="绿色电力证书"):
    """A certificate (or a batch under one number) of renewable electricity, held by a site or a legal entity."""

    certificate_id: str = key("证书编号", "Certificate", example="GEC-2026-0001")
    market: str = choice("市场", "Market", {"GEC": "绿证", "I-REC": "国际绿证", "PPA": "绿电交易"})
    country: str = text(
        "用电所在国家或地区",
        "Country of the consumption",
        example="CN",
        optional=False,
        matches=r"^[A-Z]{2}(-[A-Z]{2})?$",
    )
    site_id: str = key("场所编号", "Site it is for; empty: the legal entity's sites", refers="site", optional=True)
    legal_entity_id: str = key("法人编号", "Legal entity it is for", refers="legal_entity", optional=True)
    generated_month: str = month("发电月份", "Month of generation")
    energy_kwh: float = quantity("电量", "Energy", gt=0, example="1000")
    cancelled_on: Day = day("核销日期", "Cancelled on", optional=True)
    claimed_year: int = count(
        "核销用于的用电年份", "Year of consumption it is claimed for", ge=2000, le=2100, optional=True
    )

    sold_on: Day = day(
        "自发自用电量的证书售出日期", "Certificate of own electricity used on site, sold on", example="", optional=True
    )

    @rule("one_holder", "场所与法人须恰填一项", "exactly one of site_id and legal_entity_id must be filled")
    def has_one_holder(cls) -> pl.Expr:
        return pl.col("site_id").is_not_null() != pl.col("legal_entity_id").is_not_null()

    @rule("part_of_a_certificate", "一张绿证为 1 MWh，不可拆分", "a GEC is one MWh and cannot be split")
    def gecs_are_whole(cls) -> pl.Expr:
        return (pl.col("market") != "GEC") | (pl.col("energy_kwh") % factor("MWh", "kWh") == 0)

    @rule(
        "sold_and_claimed",
        "已售出的证书不能再核销或声明",
        "what is sold is another's: it can neither be cancelled nor claimed",
    )
    def is_not_sold_and_claimed(cls) -> pl.Expr:
        return pl.col("sold_on").is_null() | (pl.col("cancelled_on").is_null() & pl.col("claimed_year").is_null())

    @rule(
        "sold_without_site",
        "售出的证书须写明发电场所",
        "a certificate sold must name the site that made the electricity",
    )
    def what_is_sold_has_a_site(cls) -> pl.Expr:
        return pl.col("sold_on").is_null() | pl.col("site_id").is_not_null()

    @rule("cancelled_before_generated", "核销早于发电", "cancelled before it was generated")
    def is_cancelled_after_generation(cls) -> pl.Expr:
        return pl.col("cancelled_on").dt.to_string("%Y-%m") >= pl.col("generated_month")
