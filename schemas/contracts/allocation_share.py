"""Contract of `allocation_share`: the share of a meter's or a site's energy that is another's."""

from __future__ import annotations

import polars as pl

from schemas.contract import Contract
from schemas.contracts.meter import CARRIERS
from schemas.fields import Day, choice, day, key, quantity, rule, text


class AllocationShare(
    Contract,
    rows="reference",
    key=("meter_id", "site_id", "carrier", "target_site_id", "tenant", "valid_from"),
    zh="能源分摊比例",
):
    """The share of a meter's or a site's energy that is another's.

    The shares of one source add up to 1 on every day they are in force; what stays at the source is a share of its own.
    """

    meter_id: str = key("被分摊的表号", "Meter whose energy is shared", refers="meter", optional=True)
    site_id: str = key(
        "被分摊的场所（与能源品种同填）", "Site whose energy is shared, with the carrier", refers="site", optional=True
    )
    carrier: str = choice("能源品种", "Energy carrier", CARRIERS, optional=True)
    target_site_id: str = key("分摊到的场所", "Site the share belongs to", refers="site", optional=True)
    tenant: str = text("分摊到的租户（不属于本企业）", "Tenant the share belongs to: it leaves the enterprise")
    share: float = quantity("比例（0–1）", "Share, above 0 and up to 1", gt=0, le=1, example="0.6")
    valid_from: Day = day("生效日期", "Valid from", optional=True)
    valid_to: Day = day("失效日期", "Valid to", optional=True)

    @rule("period_reversed", "失效日期早于生效日期", "valid_to lies before valid_from")
    def period_runs_forward(cls) -> pl.Expr:
        return pl.col("valid_to") >= pl.col("valid_from")

    @rule(
        "one_source",
        "须填表号，或同时填场所与能源品种，二者择一",
        "either the meter, or site and carrier must be filled, and not both",
    )
    def exactly_one_source(cls) -> pl.Expr:
        meter, site, carrier = (pl.col(name).is_not_null() for name in ("meter_id", "site_id", "carrier"))
        return (meter & ~site & ~carrier) | (~meter & site & carrier)

    @rule("one_target", "场所与租户须恰填一项", "exactly one of target_site_id and tenant must be filled")
    def exactly_one_target(cls) -> pl.Expr:
        return pl.col("target_site_id").is_not_null() != pl.col("tenant").is_not_null()
