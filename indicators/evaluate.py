"""Values of indicators: Σ numerator / Σ denominator per period and organisational unit, with a state and a reason.

Roll-ups over months and sites add numerators and denominators; a mean of ratios is never formed. A site-month counts
when everything expected of it is there: a site is expected to deliver what it has ever delivered, in every month it is
valid, and a row that says why it does not know its figure is no figure. What is not complete is `partial`, over the site-months that are; what cannot be formed is `missing`, with a code.
Of a closed month the site-months are those that were frozen: a longer period adds up what was closed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from indicators.declared import Indicator, Term, catalogue
from schemas.errors import CatalogueError
from schemas.lake import beside, digest, months_of
from warehouse.marts import DEFAULTS, Warehouse, mart, marts

ESTIMATED_ABOVE = 0.3
"""A value is `estimated` when more than this share of its activity is."""

_EXACT = 1e-6
"""Sums of site-months are told apart by whole numbers; less than this is rounding."""

POLICIES = {
    "site_month_footprint": "emission", "site_month_comprehensive_energy": "energy", "site_month_delivery": "on_time", "site_month_complaint": "complaint", "site_month_goods": "intact", "site_month_survey": "satisfaction",
    "site_month_customer_satisfaction": "customer_satisfaction",
}  # fmt: skip
"""Which of the enterprise's policies chooses among the rows of a mart."""

_SCHEMA: dict[str, type[pl.DataType]] = {
    "indicator_id": pl.String, "period": pl.String, "org_id": pl.String, "org_kind": pl.String, "policy": pl.String,
    "numerator": pl.Float64, "numerator_unit": pl.String, "denominator": pl.Float64, "denominator_unit": pl.String,
    "value": pl.Float64, "unit": pl.String, "state": pl.String, "coverage": pl.Float64, "reason": pl.String,
    "boundary": pl.String, "run_id": pl.String, "is_chosen": pl.Boolean,
}  # fmt: skip
_CELL: dict[str, tuple[str, type[pl.DataType]]] = {
    "indicator_id": ("indicator_id", pl.String), "month": ("month", pl.String), "site_id": ("site_id", pl.String),
    "legal_entity_id": ("legal_entity_id", pl.String), "policy": ("policy", pl.String),
    "numerator": ("n", pl.Float64), "denominator": ("d", pl.Float64), "estimated_part": ("estimated_n", pl.Float64),
    "numerator_reason": ("why_n", pl.String), "denominator_reason": ("why_d", pl.String),
    "is_numerator_expected": ("expected_n", pl.Boolean), "is_denominator_expected": ("expected_d", pl.Boolean),
    "is_numerator_there": ("n_there", pl.Boolean), "is_denominator_there": ("d_there", pl.Boolean),
    "is_used_by_site": ("by_site", pl.Boolean), "is_used_above": ("above", pl.Boolean), "people": ("people", pl.Float64),
}  # fmt: skip
"""The columns of `indicator.cell`, and what they are called on the way."""

VALUE_KEY = ["indicator_id", "period", "org_kind", "org_id", "policy"]
CELL_KEY = ["indicator_id", "policy", "month", "legal_entity_id", "site_id"]
"""What the two tables are sorted by."""

_KEYS = ["site_id", "legal_entity_id", "month", "policy"]
_ORG = ["org_kind", "org_id", "period", "policy"]
_Cell = TypeVar("_Cell")


def evaluate(warehouse: Warehouse, run_id: str, family: str | None = None) -> pl.DataFrame:
    """Computed indicators and metrics for every month, calendar year and twelve months' window there is data for.

    Args:
        warehouse: where the marts are.
        run_id: stamped on every row.
        family: one family of the catalogue, or all.

    Returns:
        Rows in the columns of `indicator.value`, sorted by its key.
    """
    return evaluated(warehouse, run_id, family)[0]


def evaluated(warehouse: Warehouse, run_id: str, family: str | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The values as `evaluate` gives them, and the site-months they are the sums of.

    Returns:
        Rows in the columns of `indicator.value`, and of `indicator.cell`: both sides of every site-month in the units of
        the indicator, whether each was expected and is there, and whether the value of the site, and those of its legal
        entity and the enterprise, count it. Both are sorted by their keys.
    """
    given = _Given(warehouse)
    values, cells = [pl.DataFrame(schema=_SCHEMA)], [pl.DataFrame(schema=dict(_CELL.values())).rename(_named())]
    for indicator in catalogue().values():
        if indicator.is_computed and family in (None, indicator.family):
            one = _Evaluation(given, indicator)
            values.append(one.values(run_id))
            cells.append(one.cells())
    return pl.concat(values).sort(VALUE_KEY), pl.concat(cells).sort(CELL_KEY)


def fingerprint(warehouse: Warehouse, family: str) -> str:
    """What the values of a family follow from: as long as it is the same, so are they, but for the id of the run."""
    members = [one for one in catalogue().values() if one.is_computed and one.family == family]
    for one in marts():
        warehouse.mart(one.name)
    sides = sorted({term.mart for one in members for term in one.terms()})
    read = [*(f"mart.{name}" for name in sides), *(f"clean.{zero}" for name in sides if (zero := mart(name).zero))]
    named = [f"reference.{kind}_policy" for kind in POLICIES.values()]
    enterprise, rules = warehouse.enterprise, [one.model_dump(mode="json") for one in members]
    return digest(
        Path(__file__).read_text(encoding="utf-8"), rules, [one.factors() for one in members], _months(warehouse),
        [(name, warehouse.inputs.get(name)) for name in (*read, *named, "reference.site_month", "meta.arrival")],
        enterprise.id, enterprise.declaration.model_dump(mode="json"), sorted(enterprise.lake.closed.items()),
    )  # fmt: skip


def _named() -> dict[str, str]:
    return {inner: name for name, (inner, _) in _CELL.items()}


def _months(warehouse: Warehouse) -> list[str]:
    """The months that were delivered and that any mart knows of: an order due next month does not make a figure of it yet."""
    found = {month for one in marts() for month in warehouse.mart(one.name).months}
    return sorted(found & set(warehouse.frame("meta.arrival")["month"]))


def chosen(warehouse: Warehouse, mart: str) -> str:
    """The policy the enterprise chose for a mart with policies.

    Raises:
        CatalogueError: it names one that does not exist.
    """
    kind = POLICIES[mart]
    name = warehouse.enterprise.declaration.policies.get(kind, DEFAULTS[kind])
    name = name if isinstance(name, str) else "enterprise"
    known = set(warehouse.frame(f"reference.{kind}_policy")["policy"]) if kind != "intact" else {"pieces", "tonnes"}
    if name not in known:
        raise CatalogueError(
            f"policies.{kind}: no policy is called {name!r}",
            "enterprise.yaml",
            f"use one of: {', '.join(sorted(known))}",
        )
    return name


def _periods(months: list[str]) -> pl.DataFrame:
    """Month → the periods it belongs to, and how many months those have."""
    rows = [(month, month, 1) for month in months] + [
        (month, month[:4], 12) for month in _spread({month[:4] for month in months})
    ]
    for last in months:
        window = _window(last)
        if months and window[0] >= months[0] and not last.endswith("-12"):
            rows += [(month, f"{window[0]}..{last}", 12) for month in window]
    return pl.DataFrame(
        sorted(set(rows)), schema={"month": pl.String, "period": pl.String, "length": pl.Int64}, orient="row"
    )


def _spread(years: Iterable[str]) -> list[str]:
    return [f"{year}-{month:02d}" for year in sorted(years) for month in range(1, 13)]


def _window(last: str) -> list[str]:
    return months_of(f"{beside(last, -11)}..{last}")


class _Given:
    """What indicators are formed from; many share a mart, and each is asked for once."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        self.periods = _periods(_months(warehouse))
        self.sites = warehouse.frame("reference.site_month").select("site_id", "legal_entity_id", "month")
        self._arrival = warehouse.frame("meta.arrival")
        self._rows: dict[str, pl.DataFrame] = {}

    def rows(self, name: str) -> pl.DataFrame:
        """The rows of a mart in months that what it counts was delivered for: a few orders due next month are no month."""
        if name not in self._rows:
            self.warehouse.mart(name)
            rows = self.warehouse.frame(f"mart.{name}").filter(self.is_delivered(name))
            if contract := mart(name).zero:
                # nor of a site whose own source is late
                delivered = self.delivered(contract)
                late = rows.select("site_id", "month").join(delivered, on=["site_id", "month"], how="anti")
                rows = rows.join(late.join(delivered, on="site_id", how="semi"), on=["site_id", "month"], how="anti")
            self._rows[name] = rows
        return self._rows[name]

    def delivered(self, contract: str) -> pl.DataFrame:
        """The sites that sources of a contract name, and the months those sources have delivered."""
        return self.warehouse.connection.execute(
            f"""select distinct r.site_id, a.month, true as delivered from clean.{contract} as r
                inner join meta.arrival as a on a.contract = ? and a.source = r.source""",
            [contract],
        ).pl()

    def is_delivered(self, name: str) -> pl.Expr:
        """Whether what a mart counts was delivered for a row's month."""
        counted = mart(name).rows
        if not counted:
            return pl.lit(value=True)
        arrived = self._arrival.filter(pl.col("contract").is_in(list(counted)))["month"]
        return pl.col("month").is_in(arrived.unique().to_list())


class _Evaluation:
    """One indicator on its way from mart cells to values."""

    def __init__(self, given: _Given, indicator: Indicator) -> None:
        self.given, self.indicator, self.sites, self.periods = given, indicator, given.sites, given.periods
        self.warehouse, self.enterprise = given.warehouse, given.warehouse.enterprise
        self._parts: dict[str, pl.DataFrame] = {}
        marts = [term.mart for term in indicator.terms() if term.policy]
        self.chosen = chosen(self.warehouse, marts[0]) if marts else "default"
        self._site_months = self._held(self._cells())

    def values(self, run_id: str) -> pl.DataFrame:
        rolled = pl.concat([self._rolled(kind) for kind in ("site", "legal_entity", "enterprise")])
        return self._stated(self._every(rolled), run_id)

    def cells(self) -> pl.DataFrame:
        """The site-months in the columns of `indicator.cell`."""
        by_site = self._part("site").select(*_KEYS, pl.col("usable").alias("by_site"))
        whole = (
            self._part("enterprise").rename({"usable": "above"}).join(by_site, on=_KEYS, how="left", nulls_equal=True)
        )
        return whole.select(
            (
                pl.lit(self.indicator.id) if name == "indicator_id"
                else pl.col(inner).fill_null("default") if name == "policy"
                else pl.col(inner).fill_null(value=False) if name == "is_used_by_site"  # what is of no site
                else pl.col(inner)
            ).cast(kind).alias(name)
            for name, (inner, kind) in _CELL.items()
        )  # fmt: skip

    def _held(self, cells: pl.DataFrame) -> pl.DataFrame:
        """The cells, those of closed months as they were frozen."""
        closed = self._frozen("indicator.value")
        if not closed.height:
            return cells
        policy = pl.col("policy") if self.indicator.has_policy else pl.lit(None, dtype=pl.String).alias("policy")
        kept = self._frozen("indicator.cell").with_columns(policy)
        kept = kept.rename({name: inner for inner, name in _named().items()})
        live = cells.filter(~pl.col("month").is_in(closed["period"].unique().to_list()))
        return pl.concat([live, kept.select(name for name in live.columns if name in kept.columns)], how="diagonal")

    def _frozen(self, table: str) -> pl.DataFrame:
        """What was frozen of the indicator."""
        rows = self.warehouse.frozen(table)
        return rows.filter(pl.col("indicator_id") == self.indicator.id) if rows.width else rows

    def _term(self, term: Term, scale: float, name: str) -> pl.DataFrame:
        """One side's cells: `name` is the value, null where a row of the mart does not know it, and `why`."""
        frame = self.given.rows(term.mart)
        columns = frame.columns
        for column, word in term.where.items():
            frame = frame.filter(pl.col(column) == word)
        policy = pl.col("policy") if term.policy else pl.lit(None, dtype=pl.String).alias("policy")
        reason = term.reason or "reason"
        why = pl.col(reason).max() if reason in columns else pl.lit(None, dtype=pl.String)
        estimated = pl.col(term.estimated).sum() * scale if term.estimated else pl.lit(0.0)
        people = pl.col(term.people).cast(pl.Float64).sum() if term.people else pl.lit(None, dtype=pl.Float64)
        known = pl.col(term.column).is_not_null().all()
        # sums of floats depend on their order, so rows are put in one before they are added
        return frame.sort(pl.all()).group_by("site_id", "legal_entity_id", "month", policy, maintain_order=True).agg(
            pl.when(known).then(pl.col(term.column).cast(pl.Float64).sum() * scale).alias(name),
            pl.when(~known).then(why).alias(f"why_{name}"), estimated.alias(f"estimated_{name}"), people.alias("people" if name == "d" else "people_n"),
        )  # fmt: skip

    def _cells(self) -> pl.DataFrame:
        """Site-months with numerator and denominator, and whether each was to be expected."""
        above, below = self.indicator.factors()
        numerator, denominator = self.indicator.numerator, self.indicator.denominator
        assert numerator is not None  # noqa: S101 - only computed indicators are evaluated
        cells = self._term(numerator, above, "n")
        if denominator is None:
            nothing = pl.lit(None, dtype=pl.Float64)
            cells = cells.with_columns(
                nothing.alias("d"), nothing.alias("people"), pl.lit(None, dtype=pl.String).alias("why_d")
            )
        else:
            other = self._term(denominator, below, "d")
            cells = self._joined(cells, other, numerator, denominator)
        cells = self._expected(cells)
        # one row that knows only one of its two sides does not know the other, and a stated reason is no figure
        pair = pl.lit(denominator is not None and denominator.mart == numerator.mart)
        late_n = ~self.given.is_delivered(numerator.mart)
        late_d = ~self.given.is_delivered(denominator.mart) if denominator else pl.lit(value=False)
        n, d = (pl.col(side).is_not_null() for side in ("n", "d"))
        return cells.with_columns(
            (n | ~(pl.col("expected_n") | pl.col("why_n").is_not_null() | (pair & d) | late_n)).alias("n_there"),
            (d | ~(pl.col("expected_d") | pl.col("why_d").is_not_null() | (pair & n) | late_d)).alias("d_there"),
        )

    def _joined(self, cells: pl.DataFrame, other: pl.DataFrame, numerator: Term, denominator: Term) -> pl.DataFrame:
        policies = (
            pl.concat([cells.select("policy"), other.select("policy")]).unique().filter(pl.col("policy").is_not_null())
        )
        if numerator.policy != denominator.policy and policies.height:
            spread = other if numerator.policy else cells
            spread = spread.drop("policy").join(policies, how="cross")
            cells, other = (cells, spread) if numerator.policy else (spread, other)
        return cells.join(other, on=_KEYS, how="full", coalesce=True, nulls_equal=True)

    def _expected(self, cells: pl.DataFrame) -> pl.DataFrame:
        """Add the site-months that should be there, and mark which sides of each are expected."""
        if self.indicator.occasional:
            return cells.with_columns(pl.col(side).is_not_null().alias(f"expected_{side}") for side in ("n", "d"))
        wanted = []
        for side in ("n", "d"):
            ever = (
                cells.filter(pl.col("site_id").is_not_null() & pl.col(side).is_not_null())
                .select("site_id", "policy")
                .unique()
            )
            own = self.sites.join(ever, on="site_id")
            wanted.append(
                pl.concat([own, self._unattributed_months(cells, side)], how="diagonal").with_columns(
                    pl.lit(value=True).alias(f"expected_{side}")
                )
            )
        expected = wanted[0].join(wanted[1], on=_KEYS, how="full", coalesce=True, nulls_equal=True)
        months = self.periods.select("month").unique()
        whole = cells.join(
            expected.join(months, on="month"), on=_KEYS, how="full", coalesce=True, nulls_equal=True
        ).with_columns(pl.col("expected_n", "expected_d").fill_null(value=False))
        return self._with_zeros(whole)

    def _with_zeros(self, cells: pl.DataFrame) -> pl.DataFrame:
        """A site that had no order in a month its order system has delivered had none: that is a count, not a gap."""
        for side, term in (("n", self.indicator.numerator), ("d", self.indicator.denominator)):
            contract = mart(term.mart).zero if term else None
            if contract is None:
                continue
            quiet = (
                pl.col("delivered")
                & pl.col(f"expected_{side}")
                & pl.col(side).is_null()
                & pl.col(f"why_{side}").is_null()
            )
            cells = cells.join(self.given.delivered(contract), on=["site_id", "month"], how="left").with_columns(
                pl.when(quiet).then(0.0).otherwise(pl.col(side)).alias(side)
            )
            cells = cells.drop("delivered")
        return cells

    def _unattributed_months(self, cells: pl.DataFrame, side: str) -> pl.DataFrame:
        """Months in which a legal entity that books amounts of no site has none whatever, of a site or not."""
        has = cells.filter(pl.col("legal_entity_id").is_not_null() & pl.col(side).is_not_null())
        ever = has.filter(pl.col("site_id").is_null()).select("legal_entity_id", "policy").unique()
        return (
            self.sites.select("legal_entity_id", "month").unique().join(ever, on="legal_entity_id")
            .join(has, on=["legal_entity_id", "month", "policy"], how="anti", nulls_equal=True)
        )  # fmt: skip

    def _part(self, kind: str) -> pl.DataFrame:
        """The cells that belong to a kind of organisational unit, and which of them its values count."""
        if kind not in self._parts:
            self._parts[kind] = self._part_of(kind)
        return self._parts[kind]

    def _part_of(self, kind: str) -> pl.DataFrame:
        cells = self._site_months
        org = {
            "site": pl.col("site_id"),
            "legal_entity": pl.col("legal_entity_id"),
            "enterprise": pl.lit(self.enterprise.id),
        }[kind]
        part = cells.with_columns(org.alias("org_id"), pl.lit(kind).alias("org_kind")).filter(
            pl.col("org_id").is_not_null()
        )
        usable = pl.col("n_there") & pl.col("d_there") & (pl.col("n").is_not_null() | pl.col("d").is_not_null())
        expected = pl.col("expected_n") | pl.col("expected_d") | ~pl.col("n_there") | ~pl.col("d_there")
        part = part.with_columns(usable.alias("usable"), expected.alias("expected"))
        return self._without_attribution(part, cells) if kind == "site" else self._with_unattributed(part)

    def _rolled(self, kind: str) -> pl.DataFrame:
        """Cells added up per organisational unit and period."""
        part = self._part(kind).join(self.periods, on="month")
        monthly = part.sort(*_ORG, "month", "site_id", "legal_entity_id").group_by(*_ORG, "month", "length", maintain_order=True).agg(
            pl.col("n").filter(pl.col("usable")).sum().alias("n"), pl.col("d").filter(pl.col("usable")).sum().alias("d"),
            pl.col("n").filter(pl.col("usable")).count().alias("n_cells"), pl.col("d").filter(pl.col("usable")).count().alias("d_cells"),
            pl.col("estimated_n").filter(pl.col("usable")).sum().alias("estimated"), pl.col("people").filter(pl.col("usable")).sum(),
            (pl.col("usable") & pl.col("expected")).sum().alias("usable_cells"), pl.col("expected").sum().alias("expected_cells"),
            pl.col("usable").sum().alias("any_cells"), pl.col("site_id").filter(pl.col("usable")).unique().alias("sites"),
            *(pl.col(name).drop_nulls().max().alias(name) for name in ("why_n", "why_d")),
            (~pl.col("n_there")).any().alias("n_gap"), (~pl.col("d_there")).any().alias("d_gap"),
            pl.col("unattributed").any().alias("unattributed"),
        )  # fmt: skip
        return self._over_months(monthly)

    def _over_months(self, monthly: pl.DataFrame) -> pl.DataFrame:
        sums = {side: pl.col(side).sum() for side in ("n", "d")}
        for side, term in (("n", self.indicator.numerator), ("d", self.indicator.denominator)):
            if term is not None and term.over_months == "average":
                sums[side] = pl.col(side).filter(pl.col(f"{side}_cells") > 0).mean()
        return monthly.sort(*_ORG, "month").group_by(*_ORG, "length", maintain_order=True).agg(
            sums["n"].alias("n"), sums["d"].alias("d"), pl.col("n_cells").sum(), pl.col("d_cells").sum(), pl.col("estimated").sum(), pl.col("people").sum(),
            pl.col("usable_cells").sum(), pl.col("expected_cells").sum(), pl.col("any_cells").sum(),
            pl.col("sites").explode().drop_nulls().n_unique().alias("sites"), pl.col("why_n").drop_nulls().max(), pl.col("why_d").drop_nulls().max(),
            pl.col("n_gap").any(), pl.col("d_gap").any(), pl.col("unattributed").any(),
            pl.col("month").filter(pl.col("any_cells") > 0).n_unique().alias("months"),
        )  # fmt: skip

    def _with_unattributed(self, part: pl.DataFrame) -> pl.DataFrame:
        """Where a legal entity's month has amounts of no site, its sites' amounts only mean something together.

        Then the whole block counts when every site has delivered what is expected of it beside them, or none of it.
        """
        blocks = part.filter(pl.col("site_id").is_null() & pl.col("legal_entity_id").is_not_null()).group_by("legal_entity_id", "month", "policy").agg(
            pl.col("n").is_not_null().any().alias("free_n"), pl.col("d").is_not_null().any().alias("free_d")
        )  # fmt: skip
        joined = part.join(blocks, on=["legal_entity_id", "month", "policy"], how="left", nulls_equal=True)
        # an amount of no site stands for the sites that have none of their own
        n_there = pl.col("n_there") | pl.col("free_n").fill_null(value=False)
        d_there = pl.col("d_there") | pl.col("free_d").fill_null(value=False)
        whole = (n_there & d_there).all().over("legal_entity_id", "month", "policy")
        block = pl.col("free_n").is_not_null()
        something = pl.col("n").is_not_null() | pl.col("d").is_not_null()
        return joined.with_columns(
            pl.when(block).then(whole & something).otherwise(pl.col("usable")).alias("usable"),
            pl.lit(value=False).alias("unattributed"),
        ).drop("free_n", "free_d")

    def _without_attribution(self, part: pl.DataFrame, cells: pl.DataFrame) -> pl.DataFrame:
        """A site whose legal entity's denominator is of no site has no ratio of its own."""
        free = cells.filter(
            pl.col("site_id").is_null() & pl.col("legal_entity_id").is_not_null() & pl.col("d").is_not_null()
        )
        free = (
            free.select("legal_entity_id", "month", "policy")
            .unique()
            .with_columns(pl.lit(value=True).alias("unattributed"))
        )
        joined = part.join(free, on=["legal_entity_id", "month", "policy"], how="left", nulls_equal=True)
        lacking = pl.col("unattributed").fill_null(value=False)
        return joined.with_columns(lacking.alias("unattributed"), (pl.col("usable") & ~lacking).alias("usable"))

    def _every(self, rolled: pl.DataFrame) -> pl.DataFrame:
        """One row per organisational unit, period and (at least the chosen) policy, whether or not anything was delivered."""
        policies = (
            rolled.select("policy").unique().drop_nulls()["policy"].to_list() if self.indicator.has_policy else [None]
        )
        policies = sorted({*policies, self.chosen}) if self.indicator.has_policy else policies
        sites = self.sites.select(pl.lit("site").alias("org_kind"), pl.col("site_id").alias("org_id"), "month")
        entities = self.sites.select(
            pl.lit("legal_entity").alias("org_kind"), pl.col("legal_entity_id").alias("org_id"), "month"
        )
        whole = self.periods.select(
            pl.lit("enterprise").alias("org_kind"), pl.lit(self.enterprise.id).alias("org_id"), "month"
        )
        orgs = (
            pl.concat([sites, entities, whole])
            .drop_nulls()
            .join(self.periods, on="month")
            .select("org_kind", "org_id", "period", "length")
            .unique()
        )
        wanted = orgs.join(pl.DataFrame({"policy": policies}, schema={"policy": pl.String}), how="cross")
        return wanted.join(rolled, on=[*_ORG, "length"], how="left", nulls_equal=True)

    def _stated(self, rolled: pl.DataFrame, run_id: str) -> pl.DataFrame:
        one = self.indicator
        whole = pl.col("expected_cells").fill_null(0)
        coverage = (
            pl.when(whole > 0)
            .then(pl.col("usable_cells") / whole)
            .when(pl.col("any_cells") > 0)
            .then(1.0)
            .otherwise(0.0)
        )
        has_n, has_d = pl.col("n_cells").fill_null(0) > 0, pl.col("d_cells").fill_null(0) > 0
        ratio = one.denominator is not None
        formed = has_n & has_d if ratio else has_n
        divisible = (pl.col("d") > 0) if ratio else pl.lit(value=True)
        # of whom nothing is expected site by site, every month is
        short = (coverage < 1.0) | (
            ((whole == 0) & (pl.col("months") < pl.col("length"))) if not one.occasional else pl.lit(value=False)
        )
        without = (
            pl.lit("missing")
            if not one.occasional
            else pl.when(whole == 0).then(pl.lit("not_applicable")).otherwise(pl.lit("missing"))
        )
        estimated = pl.col("estimated") > ESTIMATED_ABOVE * pl.col("n").abs()
        state = (
            pl.when(~formed).then(without)
            .when(~divisible).then(pl.lit("missing")).when(short).then(pl.lit("partial"))
            .when(estimated).then(pl.lit("estimated")).otherwise(pl.lit(one.state))
        )  # fmt: skip
        frame = rolled.with_columns(
            state.alias("state"),
            pl.when(formed).then(coverage).otherwise(0.0).alias("coverage"),
            formed.alias("formed"),
            divisible.alias("divisible"),
        )
        frame = frame.with_columns(self._reason().alias("reason"), pl.when(formed & divisible).then(
            pl.col("n") / pl.col("d") * one.scale if ratio else pl.col("n")).alias("value"))  # fmt: skip
        frame = frame.with_columns(
            pl.when(pl.col("formed")).then(pl.col("n")).alias("numerator"),
            pl.when(pl.col("formed")).then(pl.col("d")).alias("denominator")
            if ratio
            else pl.lit(None, dtype=pl.Float64).alias("denominator"),
        )
        frame = self._with_privacy(frame)
        sites = pl.col("sites").fill_null(0)
        counted = pl.when(sites == 1).then(pl.lit("1 site")).otherwise(pl.format("{} sites", sites))
        boundary = pl.concat_str(counted, self._boundary(), separator="; ", ignore_nulls=True)
        return frame.select(
            pl.lit(one.id).alias("indicator_id"), "period", "org_id", "org_kind", pl.col("policy").fill_null("default"),
            "numerator", self._units("numerator").alias("numerator_unit"), "denominator", self._units("denominator").alias("denominator_unit"),
            "value", pl.lit(one.unit).alias("unit"), "state", "coverage", "reason", boundary.alias("boundary"), pl.lit(run_id).alias("run_id"),
            (pl.col("policy").fill_null("default") == self.chosen).alias("is_chosen"),
        ).cast(pl.Schema(_SCHEMA))  # fmt: skip

    def _boundary(self) -> pl.Expr:
        said = self.indicator.boundary
        if isinstance(said, dict):
            return pl.col("policy").replace_strict(said, default=None, return_dtype=pl.String)
        return pl.lit(said, dtype=pl.String)

    def _units(self, side: str) -> pl.Expr:
        unit = self.indicator.numerator_unit if side == "numerator" else self.indicator.denominator_unit
        expression = pl.lit(unit(self.chosen), dtype=pl.String)
        if self.indicator.has_policy:
            for policy in ("pieces", "tonnes"):
                expression = (
                    pl.when(pl.col("policy") == policy)
                    .then(pl.lit(unit(policy), dtype=pl.String))
                    .otherwise(expression)
                )
        return expression

    def _reason(self) -> pl.Expr:
        names = [
            term.mart.removeprefix("site_month_") if term else ""
            for term in (self.indicator.numerator, self.indicator.denominator)
        ]
        no_n = pl.coalesce(pl.col("why_n"), pl.lit(f"no_{names[0]}"))
        no_d = pl.coalesce(pl.col("why_d"), pl.lit(f"no_{names[1]}"))
        lacking_n = pl.col("n_cells").fill_null(0) == 0
        not_formed = (
            pl.when(pl.col("unattributed").fill_null(value=False)).then(pl.lit(f"{names[1]}_not_attributed"))
            .when(pl.col("n_gap").fill_null(value=False) | (lacking_n & ~pl.col("d_gap").fill_null(value=False))).then(no_n).otherwise(no_d)
        )  # fmt: skip
        if self.indicator.occasional:
            nothing = pl.col("state") == "not_applicable"
            not_formed = pl.when(nothing).then(pl.lit(self.indicator.occasional)).otherwise(not_formed)
        return (
            pl.when(~pl.col("formed")).then(not_formed).when(~pl.col("divisible")).then(pl.lit("denominator_not_positive"))
            .when(pl.col("state") == "partial").then(pl.coalesce("why_n", "why_d", pl.lit("incomplete_site_months")))
        )  # fmt: skip

    def _with_privacy(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Hide breakdowns about few people, and one more where subtraction would give the hidden one away."""
        if not self.indicator.people:
            return frame
        side = self.indicator.counts_people
        people = pl.col(side) / pl.col("months") if self._is_repeated(side) else pl.col(side)
        # of cells about equally many people the first is hidden, in every run the same
        numbered = frame.with_columns(people.alias("people")).sort(*_ORG).with_row_index("row")
        hidden: set[int] = set()
        nobodys = self._of_no_site(side)
        for (policy,), part in numbered.filter(pl.col("people") > 0).group_by("policy"):
            of_no_site = {period: people for period, word, people in nobodys.iter_rows() if word == policy}
            hidden |= self._hidden(part, str(policy or "default"), of_no_site)
        gone = pl.col("row").is_in(sorted(hidden))
        return numbered.with_columns(
            *(pl.when(~gone).then(pl.col(name)).alias(name) for name in ("numerator", "denominator", "value")),
            pl.when(gone).then(pl.lit("missing")).otherwise(pl.col("state")).alias("state"),
            pl.when(gone).then(pl.lit("small_cell")).otherwise(pl.col("reason")).alias("reason"),
        )  # fmt: skip

    def _of_no_site(self, side: str) -> pl.DataFrame:
        """Period, policy and how many people count for the enterprise alone, having named no site."""
        name = _CELL[side][0]
        cells = self._site_months.filter(pl.col("legal_entity_id").is_null() & (pl.col(name) > 0))
        people = pl.col(name).sum() / pl.col("month").n_unique() if self._is_repeated(side) else pl.col(name).sum()
        return cells.join(self.periods, on="month").group_by("period", "policy").agg(people)

    def _is_repeated(self, side: str) -> bool:
        """Whether who works every month is counted every month; who answers two surveys is counted as they are."""
        term = self.indicator.numerator if side == "numerator" else self.indicator.denominator
        return term is not None and term.over_months == "sum" and not self.indicator.occasional

    def _hidden(self, part: pl.DataFrame, policy: str, of_no_site: Mapping[str, float]) -> set[int]:
        """The rows of one policy to hide; what is closed stays hidden or shown. Sites add up to their legal entity, entities to the enterprise, months to longer periods.

        Whoever named no site is the enterprise less its legal entities: no row says so, but subtraction would.
        """
        row = {(one["org_kind"], one["org_id"], one["period"]): one["row"] for one in part.iter_rows(named=True)}
        people = dict(zip(part["row"], part["people"], strict=True))
        below = {row[key]: people[row[key]] for key in row if key[0] != "enterprise"}
        sums: dict[tuple[str, ...], set[int]] = {}
        for kind, org, period in row:
            if kind == "legal_entity":
                sums.setdefault(("enterprise", period), set()).add(row[kind, org, period])
        least = self.enterprise.declaration.privacy.min_cell
        for number, (period, count) in enumerate(of_no_site.items(), start=1):
            # being shown nowhere, it may stand beside a hidden entity before a second one must
            below[-number] = min(count, least)
            sums.setdefault(("enterprise", period), set()).add(-number)
        belongs = self.sites.join(self.periods, on="month").select("site_id", "legal_entity_id", "period").unique()
        for site, entity, period in belongs.iter_rows():
            members = {row[key] for key in (("site", site, period), ("legal_entity", entity, period)) if key in row}
            sums.setdefault(("legal_entity", entity, period), set()).update(members)
            sums.setdefault(("site", entity, period), set()).update(
                {row["site", site, period]} if ("site", site, period) in row else ()
            )
        longer = self.periods.filter(pl.col("length") > 1)
        for month, period in longer.select("month", "period").iter_rows():
            for kind, org in {key[:2] for key in row if key[0] != "enterprise"}:
                members = {row[key] for key in ((kind, org, month), (kind, org, period)) if key in row}
                sums.setdefault((kind, org, period, "months"), set()).update(members)
        closed = self._frozen("indicator.value")
        decided = {
            row[key]: reason == "small_cell"
            for *key_, reason in (
                closed.filter(pl.col("policy") == policy).select("org_kind", "org_id", "period", "reason").iter_rows()
                if closed.height else ()
            )
            if (key := tuple(key_)) in row
        }  # fmt: skip
        hidden = suppressed(below, list(sums.values()), least, decided)
        numbered = {**row, **{("nobody", "", period): -number for number, period in enumerate(of_no_site, start=1)}}
        fixed = {cell for cell, is_hidden in decided.items() if not is_hidden}
        # of what is shown a window of twelve months that is no year is missed least
        order = {number: (".." not in key[2], below[number], key) for key, number in row.items() if number in below}
        few = {cell for cell in hidden - fixed if below[cell] < least}
        hidden = undeducible(hidden, few, self._made_of(numbered), {one: order[one] for one in order.keys() - fixed})
        return {cell for cell in hidden if cell >= 0}

    def _made_of(self, row: Mapping[tuple[str, str, str], int]) -> dict[int, set[tuple[str, str]]]:
        """The site-months each row adds up; those of no site go by an empty name."""
        of_month = {
            (*key, month): [("", month)] for month in self.periods["month"].unique() if ("nobody", "", month) in row
            for key in (("nobody", ""), ("enterprise", self.enterprise.id))
        }  # fmt: skip
        for site, entity, month in self.sites.select("site_id", "legal_entity_id", "month").iter_rows():
            if ("site", site, month) in row:
                for key in (("site", site), ("legal_entity", entity), ("enterprise", self.enterprise.id)):
                    of_month.setdefault((*key, month), []).append((site, month))
        made: dict[int, set[tuple[str, str]]] = {number: set() for number in row.values()}
        months: dict[str, list[str]] = {}
        for month, period in self.periods.select("month", "period").iter_rows():
            months.setdefault(period, []).append(month)
        for (kind, org, period), number in row.items():
            made[number].update(*(of_month.get((kind, org, month), ()) for month in months[period]))
        return made


def suppressed(
    people: Mapping[_Cell, float],
    sums: Sequence[set[_Cell]],
    least: int,
    decided: Mapping[_Cell, bool] = MappingProxyType({}),
) -> set[_Cell]:
    """The cells that must not be shown.

    Args:
        people: how many people each cell that could be hidden is about.
        sums: sets of cells between which subtraction is possible: the parts of a published total, or parts and their total.
        least: cells about fewer people are hidden; where that leaves one hidden cell in a sum, the smallest other one is too.
        decided: cells that are closed, hidden (true) or shown (false) for good.

    Returns:
        The hidden cells; in no sum is one of them alone, unless no other cell of the sum can be hidden.
    """
    hidden = {cell for cell, count in people.items() if decided.get(cell, count < least)}
    shown = {cell for cell, is_hidden in decided.items() if not is_hidden}
    while True:
        lone = [one for one in sums if len(one & hidden) == 1 and one - hidden - shown]
        if not lone:
            return hidden
        for one in lone:
            if len(one & hidden) == 1:
                hidden.add(min(one - hidden - shown, key=lambda cell: (people[cell], str(cell))))


def undeducible(
    hidden: set[int],
    few: set[int],
    made_of: Mapping[int, set[tuple[str, str]]],
    order: Mapping[int, tuple[bool, float, tuple[str, str, str]]],
) -> set[int]:
    """Hide more cells until none about few people follows from what is shown by any adding and subtracting.

    Windows of twelve months overlap: the difference of two is that of two months, whatever else is hidden between them.

    Args:
        hidden: the cells that are hidden already.
        few: those of them that must not follow.
        made_of: the site-months every cell adds up, the cells of the enterprise among them.
        order: the cells that may be hidden, by what is given up first.

    Returns:
        The hidden cells; what still follows, follows from cells that may not be hidden.
    """
    hidden = set(hidden)
    while few:
        shown = [cell for cell in made_of if cell not in hidden]
        used = [one & order.keys() for one in _combined(few, shown, made_of)]
        if not any(used):
            break
        hidden |= {min(one, key=lambda cell: order[cell]) for one in used if one}
    return hidden


def _combined(few: set[int], shown: Sequence[int], made_of: Mapping[int, set[tuple[str, str]]]) -> list[set[int]]:
    """For each of the few that follows: the shown cells that, added and subtracted, give it away."""
    known = set().union(*(made_of[cell] for cell in shown if len(made_of[cell]) == 1))
    column = {part: at for at, part in enumerate(sorted(set().union(*made_of.values()) - known))}
    shown = [cell for cell in shown if made_of[cell] - known]
    sums, wanted = _indicated(shown, made_of, column), _indicated(sorted(few), made_of, column)
    weights = np.linalg.lstsq(sums, wanted)[0]
    follows = np.abs(sums @ weights - wanted).max(axis=0, initial=0) < _EXACT
    return [{shown[at] for at in np.flatnonzero(np.abs(weight) > _EXACT)} for weight in weights.T[follows]]


def _indicated(
    cells: Sequence[int], made_of: Mapping[int, set[tuple[str, str]]], column: Mapping[tuple[str, str], int]
) -> NDArray[np.float64]:
    """A column for each cell, with 1 in the rows of the site-months it adds up."""
    found = np.zeros((len(column), len(cells)))
    for at, cell in enumerate(cells):
        found[[column[part] for part in made_of[cell] if part in column], at] = 1
    return found
