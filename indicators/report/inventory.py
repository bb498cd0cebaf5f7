"""What a greenhouse-gas inventory of a period is made of: every figure of it, read by SQL from the published file.

Nothing is computed here but sums over the period; each line's emission is `mart.emission_line`'s, each site-month's
`mart.site_month_emission`'s. A sum with something missing in it is missing, and says what of it is known.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import duckdb

from schemas.enterprise import Declaration
from schemas.errors import HubError
from warehouse.publish import upstream

Row = dict[str, Any]
PARTS = ("scope1", "scope2_location", "scope2_market", "scope3", "biogenic")
"""What an inventory keeps apart; emissions of biomass are no part of a total."""

_PART = """case when is_biogenic then 'biogenic' when scope = 1 then 'scope1' when scope = 2 then 'scope2_' || basis else 'scope3' end"""
_COLUMNS = {
    "scope1": "scope1_tco2e", "scope2_location": "scope2_location_tco2e", "scope2_market": "scope2_market_tco2e", "scope3": "scope3_tco2e",
    "biogenic": "biogenic_tco2",
}  # fmt: skip
_OWN = PARTS[:3]
_EXACT = "emission_tco2e::decimal(38, 12)"


@dataclass(frozen=True)
class Amount:
    """An amount in tCO2e.

    Attributes:
        known: the sum of what is known; None where there is nothing at all.
        missing: the reason codes of what is not; with any of them there is no total.
    """

    known: Decimal | None = None
    missing: frozenset[str] = frozenset()

    def __add__(self, other: Amount) -> Amount:
        """Both together."""
        there = [part for part in (self.known, other.known) if part is not None]
        return Amount(sum(there, Decimal(0)) if there else None, self.missing | other.missing)

    @property
    def total(self) -> Decimal | None:
        """The amount, where it is known as a whole."""
        return None if self.missing else self.known


def together(amounts: Iterable[Amount]) -> Amount:
    """The sum of amounts."""
    return sum(amounts, Amount())


@dataclass
class Inventory:
    """The figures of one enterprise and period; rows are dicts named by the columns of the queries below.

    Attributes:
        cells: (site, month, part) → amount, for every month a site is expected in; site None: lines that name none.
        lines: emissions by part, lifecycle scope, category, subject and gas.
        gases: mass and emission by part and gas.
        activities: activity by category, subject and unit, of the enterprise and by site.
        applied: factors as they were applied; `factors`: the rows of the library they are made of.
        gwps: the GWPs used.
        flagged: factors given as CO2e of another GWP set.
        unknown: lines without a figure, by reason; `gaps`: what a site-month lacks.
        quality: emission of scopes 1 and 2 (location) by quality of the activity and tier; `uncertainty_pct` of them.
        deliveries: what sources delivered and how much of it was refused.
        changed_factors: factors that are not those of the same months a year before, and what that made of this period's emissions.
        years: totals by part of the same months a year before, and of the base year; None where there are no values.
    """

    period: str
    months: list[str]
    enterprise: Declaration
    run: Row
    run_ids: list[str]
    sites: list[Row]
    cells: dict[tuple[str | None, str, str], Amount]
    lines: list[Row]
    gases: list[Row]
    activities: list[Row]
    site_activities: list[Row]
    applied: list[Row]
    factors: list[Row]
    gwps: list[Row]
    flagged: list[Row]
    unknown: list[Row]
    gaps: list[Row]
    quality: list[Row]
    uncertainty_pct: float | None
    deliveries: list[Row]
    changed_factors: list[Row]
    years: dict[str, dict[str, Amount] | None]

    def part(self, part: str, site: str | None = None, month: str | None = None) -> Amount:
        """A part of the whole, or of one site or month."""
        return together(
            amount
            for (place, when, what), amount in self.cells.items()
            if what == part and site in (None, place) and month in (None, when)
        )

    def own(self, basis: str, site: str | None = None, month: str | None = None) -> Amount:
        """Scopes 1 and 2, by `location` or by `market`."""
        return self.part("scope1", site, month) + self.part(f"scope2_{basis}", site, month)


def gather(connection: duckdb.DuckDBPyConnection, enterprise: Declaration, period: str, months: list[str]) -> Inventory:
    """Read an inventory.

    Args:
        connection: as `warehouse.access.connect` opens it.
        enterprise: `enterprise.yaml`.
        period: a year, a window or a month.
        months: its months.

    Raises:
        HubError: the period has no line of emissions.
    """

    def rows(query: str, **more: Any) -> list[Row]:  # noqa: ANN401 - whatever a query takes
        given = {name: value for name, value in ({"months": months} | more).items() if f"${name}" in query}
        result = connection.execute(query, given)
        names = [column[0] for column in result.description or []]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    if not rows("select 1 from mart.emission_line where month in (select unnest($months)) limit 1"):
        raise HubError(
            f"there are no emissions of {period} / 没有该期间的排放数据",
            "mart.emission_line",
            "esg run --month … for its months; where that was done, no energy, fuel or other source of emissions has been delivered for them:"
            " esg status / 各月均已运行仍无数据，则尚未交付能源、燃料等排放来源",
        )
    connection.execute(f"create or replace temp table wanted as select *, {_PART} as part from mart.emission_line where month in ({_list(months)})")  # fmt: skip
    last_year = [f"{int(month[:4]) - 1}{month[4:]}" for month in months]
    base = enterprise.inventory.base_year
    years = {"last": _totals(connection, last_year)}
    if base is not None:
        years["base"] = _totals(connection, [f"{base}-{number:02d}" for number in range(1, 13)])
    return Inventory(
        period, months, enterprise,
        run=rows("select * from reference.run")[0],
        run_ids=[row["run_id"] for row in rows("select distinct run_id from indicator.value where run_id is not null order by 1")],
        sites=rows(_SITES, first=f"{months[0]}-01", last=f"{months[-1]}-01"),
        cells=_cells(connection, months),
        lines=rows(_LINES), gases=rows(_GASES), activities=rows(_ACTIVITIES.format(site="")),
        site_activities=rows(_ACTIVITIES.format(site="site_id,")), applied=rows(_APPLIED), factors=rows(_FACTORS), gwps=rows(_GWPS),
        flagged=rows(_FLAGGED), unknown=rows(_UNKNOWN),
        gaps=rows("select site_id, subject, reason, list(month order by month) as months from mart.energy_gap where month in (select unnest($months)) group by all order by all"),
        quality=rows(_QUALITY), uncertainty_pct=rows(_UNCERTAINTY)[0]["uncertainty_pct"],
        deliveries=rows(_DELIVERIES, contracts=_contracts("emission_line")),
        changed_factors=rows(_CHANGED_FACTORS.format(months=_list([*months, *last_year]), last=_list(last_year))), years=years,
    )  # fmt: skip


def _list(months: list[str]) -> str:
    return ", ".join(f"'{month}'" for month in months)


def _contracts(mart: str) -> list[str]:
    return sorted(table.removeprefix("clean.") for table in upstream(mart) if table.startswith("clean."))


def _totals(connection: duckdb.DuckDBPyConnection, months: list[str]) -> dict[str, Amount] | None:
    """Amounts by part of some months; None where there is no value of any of them."""
    if not connection.execute(f"select 1 from mart.emission_line where month in ({_list(months)}) limit 1").fetchall():
        return None
    cells = _cells(connection, months)
    return {part: together(amount for (_, _, what), amount in cells.items() if what == part) for part in PARTS}


def _cells(connection: duckdb.DuckDBPyConnection, months: list[str]) -> dict[tuple[str | None, str, str], Amount]:
    """(site, month, part) → amount. A site is expected in every month it is valid if it ever emitted anything."""
    cells = {}
    for site, month, there, ever, gap, *given in connection.execute(_CELLS.format(months=_list(months))).fetchall():
        for place, part in enumerate(PARTS):
            value, known, lines, reasons = given[4 * place : 4 * place + 4]
            if value is not None:  # the mart is the judge of what is complete
                cells[site, month, part] = Amount(value)
                continue
            why = set(reasons or ())
            if part in (ever or ()) and not there:
                why.add("no_emission")
            elif part in (ever or ()) and part in _OWN and gap:
                why.add(gap)
            elif lines and not why:
                why.add("no_value")
            cells[site, month, part] = Amount(known, frozenset(why))
    for month, part, reasons in connection.execute(_NOWHERE.format(months=_list(months))).fetchall():
        cells[None, month, part] = Amount(missing=frozenset(reasons))
    return cells


_CELLS = (
    f"""
with wanted as (
    select month, (month || '-01')::date as first_day, last_day((month || '-01')::date) as last_day
    from (select unnest([{{months}}]) as month)
),

expected as (
    select distinct s.site_id, m.month
    from reference.site as s
    inner join wanted as m
        on coalesce(s.valid_from, m.first_day) <= m.last_day and coalesce(s.valid_to, m.last_day) >= m.first_day
    where s.site_id in (select site_id from mart.emission_line)
    union
    select site_id, month from mart.site_month_emission where month in ({{months}})
),

part as (
    select site_id, month, {_PART} as part, count(*) as lines, sum({_EXACT}) as known, list_distinct(list(reason) filter (where emission_tco2e is null)) as reasons
    from mart.emission_line
    where month in ({{months}})
    group by all
)

select
    x.site_id, x.month, e.site_id is not null as there,
    (select list(distinct {_PART}) from mart.emission_line as l where l.site_id = x.site_id) as ever,
    (select max(g.reason) from mart.energy_gap as g where g.site_id = x.site_id and g.month = x.month) as gap,
    """
    + ",\n    ".join(
        f"any_value(e.{column})::decimal(38, 12), any_value(p.known) filter (where p.part = '{part}'), sum(p.lines) filter (where p.part = '{part}'), any_value(p.reasons) filter (where p.part = '{part}')"
        for part, column in _COLUMNS.items()
    )
    + """
from expected as x
left join mart.site_month_emission as e on x.site_id = e.site_id and x.month = e.month
left join part as p on x.site_id = p.site_id and x.month = p.month
group by all
order by x.site_id, x.month
"""
)

_NOWHERE = f"""
select month, {_PART} as part, list_distinct(list(coalesce(reason, 'site_unknown'))) as reasons
from mart.emission_line
where site_id is null and month in ({{months}})
group by all
order by all
"""

_SITES = """
select s.site_id, arg_max(s.name, coalesce(s.valid_from, date '0001-01-01')) as name,
    arg_max(s.legal_entity_id, coalesce(s.valid_from, date '0001-01-01')) as legal_entity_id,
    arg_max(s.site_kind, coalesce(s.valid_from, date '0001-01-01')) as site_kind, arg_max(s.region, coalesce(s.valid_from, date '0001-01-01')) as region,
    arg_max(s.floor_area_m2, coalesce(s.valid_from, date '0001-01-01')) as floor_area_m2,
    s.site_id in (select site_id from wanted) as has_lines
from reference.site as s
where coalesce(s.valid_from, date '0001-01-01') <= last_day($last::date) and coalesce(s.valid_to, date '9999-12-31') >= $first::date
group by s.site_id
order by s.site_id
"""

_LINES = f"""
select part, scope, lifecycle_scope, category, count(*) as lines, list(distinct subject order by subject) as subjects,
    list(distinct gas order by gas) as gases, count(distinct site_id) as sites,
    sum({_EXACT}) as known, list_distinct(list(coalesce(reason, 'no_value')) filter (where emission_tco2e is null)) as reasons
from wanted
group by all
order by scope, part, category, lifecycle_scope
"""

_GASES = f"""
select gas, part, sum(gas_kg::decimal(38, 9)) as gas_kg, count(*) filter (where gas_kg is null) as unknown_masses, sum({_EXACT}) as known,
    list_distinct(list(coalesce(reason, 'no_value')) filter (where emission_tco2e is null)) as reasons
from wanted
group by all
order by gas, part
"""

# an activity stands once per gas and basis; those that share the very same activity are shown in one row
_ACTIVITIES = """
with each_gas as (
    select {site} scope, part, category, subject, lifecycle_scope, gas, activity_unit, activity_table, activity_quality,
        count(*) as lines, count(activity) as known_lines, sum(activity::decimal(38, 6)) as activity,
        list_distinct(list(reason) filter (where activity is null)) as reasons, list(distinct source order by source) as sources,
        max(estimated_tco2e) > 0 as has_estimates
    from wanted
    group by all
)

select {site} scope, category, subject, activity_unit, activity_table, activity_quality, lines, known_lines, activity, reasons, sources,
    bool_or(has_estimates) as has_estimates, list(distinct part order by part) as parts, list(distinct gas order by gas) as gases, list(distinct lifecycle_scope order by lifecycle_scope) as lifecycle_scopes
from each_gas
group by all
order by {site} scope, category, subject, activity_unit, activity_table, activity_quality, gases, parts
"""

_APPLIED = """
select category, subject, gas, lifecycle_scope, basis, factor_id, factor_value, factor_unit, bool_and(is_factor_verified) as is_verified,
    list(distinct rule_path order by rule_path) as rule_paths, count(*) as lines
from wanted
where factor_id is not null and factor_value is not null
group by all
order by category, basis, subject, gas, lifecycle_scope, factor_id, factor_value
"""

_FACTORS = """
with used as (
    select distinct unnest(string_split_regex(factor_id, ' [*-] ')) as factor_id from wanted
    union
    select g.factor_id from reference.gwp as g where g.gas in (select gas from wanted where gas not in ('CO2', 'CO2e'))
)

select f.*
from reference.emission_factor as f
where f.factor_id in (select factor_id from used) or (f.kind = 'molar_mass' and exists (select 1 from used as u where regexp_matches(u.factor_id, '^\\d+/\\d+$')))
order by f.kind, f.factor_id
"""

_GWPS = """
select w.gas, w.gwp, w.gwp_set, g.factor_id, g.verified, count(*) as lines
from wanted as w
left join reference.gwp as g on w.gas = g.gas
where w.gas not in ('CO2', 'CO2e')
group by all
order by w.gas, w.gwp
"""

_FLAGGED = f"""
select category, subject, factor_id, flag, count(*) as lines, sum({_EXACT}) as known
from wanted
where flag is not null
group by all
order by all
"""

_UNKNOWN = """
select scope, part, category, subject, gas, coalesce(reason, 'no_value') as reason, activity_unit, count(*) as lines, count(activity) as known_activities,
    sum(activity::decimal(38, 6)) as activity, list(distinct coalesce(site_id, '?') order by coalesce(site_id, '?')) as sites,
    list(distinct month order by month) as months
from wanted
where emission_tco2e is null
group by all
order by scope, part, category, subject, gas, reason, activity_unit
"""

# what of a measured or invoiced line is estimated counts as estimated
_QUALITY = f"""
select quality, tier, sum(emission) as known, sum(lines) as lines, sum(verified) as verified
from (
    -- of what nobody has said how much is estimated, the quality is not known
    select case when estimated_tco2e is not null then activity_quality end as quality, tier,
        sum(case when estimated_tco2e is null then {_EXACT} else {_EXACT} - estimated_tco2e::decimal(38, 12) end) as emission, count(*) as lines,
        sum({_EXACT}) filter (where is_factor_verified) as verified
    from wanted
    where part in ('scope1', 'scope2_location') and emission_tco2e is not null
    group by all
    union all
    select 'estimated' as quality, tier, sum(estimated_tco2e::decimal(38, 12)) as emission, 0 as lines, null as verified
    from wanted
    where part in ('scope1', 'scope2_location') and emission_tco2e is not null and estimated_tco2e is not null
    group by all
)
group by all
order by all
"""

# as in the marts: independent between categories and gases, wholly dependent within one
_UNCERTAINTY = f"""
select case when count(*) = count(half_width) then sqrt(sum(pow(half_width, 2))) / nullif(sum(emission)::double, 0) end as uncertainty_pct
from (
    select case when count(*) = count(uncertainty_pct) then sum((emission_tco2e * uncertainty_pct)::decimal(38, 9))::double end as half_width,
        sum({_EXACT}) as emission
    from wanted
    where part in ('scope1', 'scope2_location') and emission_tco2e is not null
    group by category, gas
)
"""

_DELIVERIES = """
select contract, source, count(*) as files, sum("rows")::bigint as "rows", sum(accepted)::bigint as accepted, sum(refused)::bigint as refused,
    sum(duplicates)::bigint as duplicates
from meta.extract
where contract in (select unnest($contracts)) and (month is null or month in (select unnest($months)))
group by all
order by all
"""

# a factor of a site and month against the factor of the same month a year before; of an activity with several factors in one of
# them the effect cannot be told
_CHANGED_FACTORS = """
with cell as (
    select site_id, right(month, 2) as month_of_year, month in ({last}) as is_before, category, subject, gas, lifecycle_scope, basis, factor_unit,
        list(distinct factor_id order by factor_id) as factor_ids, list(distinct factor_value order by factor_value) as factor_values,
        sum(activity::decimal(38, 6)) as activity, any_value(gwp) as gwp
    from mart.emission_line
    where month in ({months}) and factor_id is not null and factor_value is not null
    group by all
)

select n.category, n.subject, n.gas, n.lifecycle_scope, n.basis, n.factor_unit, o.factor_ids as old_ids, o.factor_values as old_values,
    n.factor_ids as new_ids, n.factor_values as new_values,
    case
        when len(o.factor_values) = 1 and len(n.factor_values) = 1 and count(n.activity) = count(*) and count(n.gwp) = count(*)
            then sum((n.activity * (n.factor_values[1] - o.factor_values[1]) * n.gwp / k.kg_per_t)::decimal(38, 9))
    end as effect
from cell as n
inner join cell as o
    on n.site_id is not distinct from o.site_id and n.month_of_year = o.month_of_year and n.category = o.category and n.subject = o.subject
        and n.gas = o.gas and n.lifecycle_scope = o.lifecycle_scope and n.basis = o.basis and n.factor_unit = o.factor_unit
cross join (select factor as kg_per_t from reference.unit_factor where from_unit = 'tCO2e' and to_unit = 'kgCO2e') as k
where not n.is_before and o.is_before and (n.factor_ids <> o.factor_ids or n.factor_values <> o.factor_values)
group by n.category, n.subject, n.gas, n.lifecycle_scope, n.basis, n.factor_unit, o.factor_ids, o.factor_values, n.factor_ids, n.factor_values
order by n.category, n.basis, n.subject, n.gas, n.lifecycle_scope, n.factor_unit, old_ids, new_ids, old_values, new_values
"""
