-- reference tables that follow from others: sites and meters with the enterprise's defaults, and what marts look up
create view reference.site as
select s.* replace (coalesce(s.timezone, r.timezone) as timezone)
from clean.site as s
cross join reference.run as r;

create view reference.meter as
select row_number() over (order by meter_id, valid_from nulls first) as meter_row, *
from clean.meter;

-- what one of a unit comes to in its carrier's mart unit; empty where nobody says what temperature a gas volume refers to
create table reference.carrier_factor as
select
    c.carrier,
    u.from_unit as unit,
    r.volume_reference,
    c.unit as mart_unit,
    u.factor / case when u.to_unit = c.unit then 1 else case r.volume_reference when '0C' then 1 when '20C' then v.value end end as factor
from reference.carrier as c
inner join reference.unit_factor as u
    on c.unit = u.to_unit or (c.carrier = 'natural_gas' and u.to_unit = 'm3')
cross join (values (null), ('0C'), ('20C')) as r (volume_reference)
cross join (select value from reference.emission_factor where factor_id = 'vol_ratio_20C_to_0C') as v;

-- each row of the register: what one of it comes to, its transformers included, and the last day it is in place; a row that
-- names no end lasts until another takes its place
create table reference.meter_register as
select
    m.meter_row,
    f.mart_unit,
    coalesce(m.multiplier, 1) * f.factor as factor,
    least(m.valid_to, min(m.valid_from) over (
        partition by m.site_id, m.carrier, coalesce(m.supply_point_id, m.meter_id) order by coalesce(m.valid_from, date '0001-01-01')
        range between interval 1 day following and unbounded following
    ) - 1) as last_day
from reference.meter as m
inner join reference.carrier_factor as f
    on m.carrier = f.carrier and m.unit = f.unit and m.volume_reference is not distinct from f.volume_reference;

create table reference.site_zone as
select site_id, arg_max(timezone, coalesce(valid_from, date '0001-01-01')) as timezone
from reference.site
group by site_id;

-- the site as it was at each month's end, or last in that month; for every month of the years anything was delivered for
create table reference.site_month as
with span as (
    select min(month) as first_month, max(month) as last_month from meta.arrival
),

months as (
    select
        strftime(unnest(generate_series(
            (left(first_month, 4) || '-01-01')::date - interval 1 month,
            (left(last_month, 4) || '-12-01')::date + interval 1 month,
            interval 1 month
        )), '%Y-%m') as month
    from span
    where first_month is not null
)

select
    s.site_id,
    m.month,
    last_day((m.month || '-01')::date) as month_end,
    s.legal_entity_id,
    s.site_kind,
    s.region,
    s.timezone,
    s.floor_area_m2
from months as m
inner join reference.site as s
    on
        coalesce(s.valid_from, (m.month || '-01')::date) <= last_day((m.month || '-01')::date)
        and coalesce(s.valid_to, last_day((m.month || '-01')::date)) >= (m.month || '-01')::date
qualify row_number() over (partition by s.site_id, m.month order by coalesce(s.valid_from, date '0001-01-01') desc) = 1;

-- the months in which none of a contract's sources is late: of those begun by then all have arrived
create table reference.complete_month as
with begun as (
    select contract, source, min(month) as first_month
    from meta.arrival
    group by contract, source
)

select m.contract, m.month
from (select distinct contract, month from meta.arrival) as m
inner join begun as b on m.contract = b.contract and m.month >= b.first_month
left join meta.arrival as a on b.contract = a.contract and b.source = a.source and m.month = a.month
group by m.contract, m.month
having count(a.source) = count(*);

-- where a province's grid factor is looked for: itself, its grid region, the nation; HK, MO and TW have their own grids only
create table reference.grid_fallback as
select
    r.region as province,
    g.grid_region,
    case
        when r.region in ('CN-HK', 'CN-MO', 'CN-TW') then r.region
        else split_part(r.region, '-', 1)
    end as nation
from (select distinct region from reference.site where region is not null) as r
left join reference.grid_region as g on r.region = g.province;

-- the meter as it was at each month's end, or last in that month; from the month before the first delivered to the month after the last
create table reference.meter_month as
with span as (
    select
        strftime((min(month) || '-01')::date - interval 1 month, '%Y-%m') as first_month,
        strftime((max(month) || '-01')::date + interval 1 month, '%Y-%m') as last_month
    from meta.arrival
)

select
    s.month,
    m.meter_id,
    m.site_id,
    m.area,
    m.line,
    m.equipment,
    m.carrier,
    coalesce(m.role, 'main') as role,
    m.generation_kind,
    m.parent_meter_id,
    m.supply_point_id,
    coalesce(m.valid_from <= (s.month || '-01')::date, true) and coalesce(m.valid_to >= s.month_end, true) as is_whole_month
from (select distinct month, month_end from reference.site_month) as s
inner join span as a on s.month >= a.first_month and s.month <= a.last_month
inner join reference.meter as m
    on coalesce(s.month_end >= m.valid_from, true) and coalesce((s.month || '-01')::date <= m.valid_to, true)
qualify row_number() over (partition by m.meter_id, s.month order by coalesce(m.valid_from, date '0001-01-01') desc) = 1;

-- the meters of its site and carrier that a meter lies behind, the nearest first
create table reference.meter_ancestor as
with recursive chain as (
    select month, meter_id, parent_meter_id as ancestor_id, 1 as depth
    from reference.meter_month
    where parent_meter_id is not null
    union
    select c.month, c.meter_id, p.parent_meter_id as ancestor_id, c.depth + 1 as depth
    from chain as c
    inner join reference.meter_month as p on c.month = p.month and c.ancestor_id = p.meter_id
    -- meters registered in a circle come to an end
    where p.parent_meter_id is not null and c.depth < 32
)

select c.month, c.meter_id, c.ancestor_id, min(c.depth) as depth, a.role, a.area, a.line, a.equipment, bool_or(a.role = m.role) as has_role
from chain as c
inner join reference.meter_month as m on c.month = m.month and c.meter_id = m.meter_id
inner join reference.meter_month as a
    on c.month = a.month and c.ancestor_id = a.meter_id and m.site_id = a.site_id and m.carrier = a.carrier
where c.ancestor_id <> c.meter_id
group by c.month, c.meter_id, c.ancestor_id, a.role, a.area, a.line, a.equipment;

-- every factor a site could need in a month, and how far it is fetched: the site's region, its grid region, its nation, the world,
-- another region. Grid and heat factors are never fetched from beyond the nation, nor is what an enterprise says of one province.
-- `year_rank` is what the policy prefers.
create table reference.factor_candidate as
with place as (
    select distinct s.month, s.region, g.grid_region, g.nation
    from reference.site_month as s
    left join reference.grid_fallback as g on s.region = g.province
),

near as (
    select
        p.month,
        p.region as place,
        p.grid_region,
        p.nation,
        f.*,
        case
            when f.region = p.region then 0
            when f.region = p.grid_region then 1
            when f.region = p.nation then 2
            -- the one country that is written in two ways
            when f.region in ('GB', 'UK') and p.nation in ('GB', 'UK') then 2
            -- what a certificate conveys is the same everywhere; what a grid emits is its own
            when f.kind = 'grid_contractual' and f.region = 'GLOBAL' then 3
            when f.kind like 'grid\_%' escape '\' or f.kind = 'heat_factor' then null
            when f.region = 'GLOBAL' then 3
            when f.origin = 'enterprise' and f.region like '%-%' then null
            else 4
        end as distance
    from place as p
    cross join reference.emission_factor as f
)

select
    n.*,
    r.factors as policy,
    case
        when n.data_year is null then case n.origin when 'enterprise' then 0 else 9999 end
        when r.factors = 'matching_year_else_latest' and n.data_year = left(n.month, 4)::int then 1
        else 9999 - n.data_year
    end as year_rank,
    -- who, where and when, in the order in which one was preferred to another
    case
        -- what is not given by province is at home in its nation
        when n.distance = 0 or (n.distance = 2 and not (n.kind like 'grid\_%' escape '\' or n.kind = 'heat_factor')) then n.region
        when n.distance = 1 then 'no province value for ' || n.place || ' -> ' || n.region
        when n.distance = 2 then 'no province or grid value for ' || n.place || ' -> ' || n.region
        when n.place is null then n.region
        else 'no value for ' || n.place || ' -> ' || n.region
    end
    || coalesce(' ' || n.data_year, '')
    || case
        when n.data_year is null then ''
        when r.factors = 'frozen' then ' (frozen)'
        when r.factors = 'matching_year_else_latest' and n.data_year <> left(n.month, 4)::int
            then ' (no value of ' || left(n.month, 4) || ' yet: the latest)'
        else ''
    end
    || case n.origin when 'enterprise' then ', own row' else '' end as rule_path
from near as n
cross join reference.run as r
where
    n.distance is not null
    and coalesce(n.published_on <= r.factors_as_of, true)
    -- nobody has published by that day what a later year was like
    and coalesce(n.data_year <= year(r.factors_as_of), true)
    and coalesce(n.data_year = r.frozen_year or n.data_year is null, true)
    -- the dates of a row with a data year are that year; the dates of any other row say when it holds
    and (
        n.data_year is not null
        or (
            coalesce(n.valid_from <= last_day((n.month || '-01')::date), true)
            and coalesce(n.valid_to >= (n.month || '-01')::date, true)
        )
    );

-- the factor chosen for each month, region, kind and subject
create table reference.factor_choice as
select
    c.month, c.place as region, c.kind, c.subject, c.factor_id, c.value, c.unit, c.gas, c.lifecycle_scope, c.parameter_set, c.gwp_set, c.data_year,
    c.verified, c.origin, c.rule_path
from reference.factor_candidate as c
cross join reference.run as r
where
    c.kind not in ('gwp100', 'molar_mass')
    -- methane and nitrous oxide of a haul are parts of its factor, never the whole
    and not coalesce(c.kind like 'tkm\_%' escape '\' and c.gas in ('CH4', 'N2O'), false)
qualify row_number() over (
    partition by c.month, c.place, c.kind, c.subject
    order by
        c.distance asc, (c.origin = 'enterprise' and c.data_year is null) desc, (c.parameter_set = r.parameter_set) desc nulls last,
        c.year_rank, (c.origin = 'enterprise') desc, (c.gas = 'CO2e') desc nulls last, c.factor_id
) = 1;

-- GWP100 of the inventory's one set; an enterprise's own row comes first
create table reference.gwp as
select f.subject as gas, f.value as gwp, f.factor_id, f.gwp_set, f.verified
from reference.emission_factor as f
cross join reference.run as r
where f.kind = 'gwp100' and f.gwp_set = r.gwp_set
qualify row_number() over (partition by f.subject order by (f.origin = 'enterprise') desc, f.factor_id) = 1;

-- what is known of burning a fuel in each parameter set: the set's own rows, with the enterprise's in their place; what an enterprise says of
-- another country counts only where nothing nearer is known of the fuel
create table reference.fuel_part as
with known as (
    select *, min(distance) over (partition by month, place, subject) as nearest
    from reference.factor_candidate
    where
        kind in ('fuel_ncv', 'fuel_carbon_per_heat', 'fuel_oxidation', 'fuel_co2_per_heat', 'fuel_co2_mass', 'fuel_co2_derived', 'fuel_ttw_co2e')
)

select
    c.month, c.place, c.kind, c.subject, c.distance, c.origin, c.parameter_set, c.factor_id, c.value, c.unit, c.verified, c.gwp_set, c.rule_path
from known as c
where c.origin = 'shipped' or c.distance < 4 or c.nearest = 4 or c.place is null
qualify row_number() over (
    partition by c.month, c.place, c.kind, c.subject, case c.origin when 'enterprise' then null else c.parameter_set end
    order by c.distance, c.year_rank, c.factor_id
) = 1;

create table reference.fuel_set_part as
with sets as (
    select distinct month, place, subject, parameter_set from reference.fuel_part where origin = 'shipped' and parameter_set is not null
)

select s.month, s.place, s.subject, s.parameter_set, p.kind, p.origin, p.factor_id, p.value, p.unit, p.verified
from sets as s
inner join reference.fuel_part as p
    on
        s.subject = p.subject and s.month = p.month and s.place is not distinct from p.place
        and (p.origin = 'enterprise' or s.parameter_set = p.parameter_set)
qualify row_number() over (
    partition by s.month, s.place, s.subject, s.parameter_set, p.kind order by (p.origin = 'enterprise') desc
) = 1;

-- kilograms of CO2 per gigajoule of a fuel in each parameter set: what the enterprise measured, else
-- carbon content x oxidation x 44/12, or as the set itself says; where a set has both, that with an own part comes first
create table reference.fuel_set_heat as
with known as (
    select
        c.month, c.place, c.subject, c.parameter_set,
        c.value * uc.factor * o.value * uo.factor * (dioxide.value / carbon.value) * ut.factor as value,
        c.factor_id || ' * ' || o.factor_id || ' * 44/12' as factor_id,
        c.verified and o.verified as verified,
        concat_ws(' and ', case c.origin when 'enterprise' then 'carbon content' end, case o.origin when 'enterprise' then 'oxidation' end) as own
    from reference.fuel_set_part as c
    inner join reference.fuel_set_part as o
        on c.month = o.month and c.place is not distinct from o.place and c.subject = o.subject and c.parameter_set = o.parameter_set
    inner join reference.unit_factor as uc on c.unit = uc.from_unit and uc.to_unit = 'tC/GJ'
    inner join reference.unit_factor as uo on o.unit = uo.from_unit and uo.to_unit = '1'
    inner join reference.unit_factor as ut on ut.from_unit = 'tCO2e' and ut.to_unit = 'kgCO2e'
    cross join (select value from reference.emission_factor where factor_id = 'molar_mass_co2') as dioxide
    cross join (select value from reference.emission_factor where factor_id = 'molar_mass_c') as carbon
    where c.kind = 'fuel_carbon_per_heat' and o.kind = 'fuel_oxidation'
    union all by name
    select
        h.month, h.place, h.subject, h.parameter_set, h.value * u.factor as value, h.factor_id, h.verified,
        case h.origin when 'enterprise' then 'CO2 per heat' else '' end as own
    from reference.fuel_set_part as h
    inner join reference.unit_factor as u on h.unit = u.from_unit and u.to_unit = 'kgCO2e/GJ'
    where h.kind = 'fuel_co2_per_heat'
)

select *
from known
qualify row_number() over (
    partition by month, place, subject, parameter_set order by (own = 'CO2 per heat') desc, (own <> '') desc, factor_id asc
) = 1;

-- CO2 (or CO2e) of burning a fuel, per kilogram, normal cubic metre or litre, and per gigajoule where it is bought by its heat: the
-- enterprise's own measured factor, in CO2 before CO2e; else by heat value, carbon content and oxidation of ONE parameter set (an own heat value,
-- carbon content or oxidation takes the place of the set's); else a factor by mass of a set. The chosen set comes first, another only where that
-- has nothing.
create table reference.fuel_choice as
with formula as (
    select
        n.month, n.place, n.subject, n.parameter_set, n.value * un.factor * h.value as value,
        case when n.unit like '%Nm3' then 'kgCO2/Nm3' else 'kgCO2/kg' end as unit,
        n.factor_id || ' * ' || h.factor_id as factor_id, n.verified and h.verified as verified,
        coalesce(', own ' || nullif(concat_ws(' and ', case n.origin when 'enterprise' then 'heat value' end, nullif(h.own, '')), ''), '') as note
    from reference.fuel_set_part as n
    inner join reference.fuel_set_heat as h
        on n.month = h.month and n.place is not distinct from h.place and n.subject = h.subject and n.parameter_set = h.parameter_set
    inner join reference.unit_factor as un on n.unit = un.from_unit and un.to_unit in ('GJ/kg', 'GJ/Nm3')
    where n.kind = 'fuel_ncv'
),

offer as (
    select
        month, place, subject, false as is_by_heat, parameter_set, value, unit, 'CO2' as gas, null as gwp_set, factor_id, verified,
        'parameter set ' || parameter_set || note as rule_path, 2 as preference
    from formula
    union all by name
    select
        month, place, subject, true as is_by_heat, parameter_set, value, 'kgCO2/GJ' as unit, 'CO2' as gas, null as gwp_set, factor_id, verified,
        'parameter set ' || parameter_set || coalesce(', own ' || nullif(own, ''), '') as rule_path, 2 as preference
    from reference.fuel_set_heat
    union all by name
    select
        p.month, p.place, p.subject, true as is_by_heat, p.parameter_set, p.value * u.factor as value, 'kgCO2/GJ' as unit, 'CO2' as gas, null as gwp_set,
        p.factor_id, p.verified, p.rule_path, 0 as preference
    from reference.fuel_part as p
    inner join reference.unit_factor as u on p.unit = u.from_unit and u.to_unit = 'kgCO2e/GJ'
    where p.kind = 'fuel_co2_per_heat' and p.origin = 'enterprise'
    union all by name
    select
        p.month, p.place, p.subject, false as is_by_heat, p.parameter_set, p.value * u.factor as value, replace(u.to_unit, 'CO2e', 'CO2') as unit,
        'CO2' as gas, null as gwp_set, p.factor_id, p.verified,
        case p.origin when 'enterprise' then p.rule_path else 'parameter set ' || p.parameter_set end as rule_path,
        case when p.origin = 'enterprise' then 0 when p.kind = 'fuel_co2_mass' then 3 else 4 end as preference
    from reference.fuel_part as p
    inner join reference.unit_factor as u on p.unit = u.from_unit and u.to_unit in ('kgCO2e/kg', 'kgCO2e/Nm3', 'kgCO2e/L')
    where p.kind in ('fuel_co2_mass', 'fuel_co2_derived')
    union all by name
    select
        p.month, p.place, p.subject, false as is_by_heat, p.parameter_set, p.value * u.factor as value, u.to_unit as unit, 'CO2e' as gas, p.gwp_set,
        p.factor_id, p.verified, concat_ws(', ', 'parameter set ' || p.parameter_set, p.rule_path) as rule_path,
        case when p.parameter_set is null then 1 else 5 end as preference
    from reference.fuel_part as p
    inner join reference.unit_factor as u on p.unit = u.from_unit and u.to_unit in ('kgCO2e/kg', 'kgCO2e/Nm3', 'kgCO2e/L')
    -- an enterprise's own row needs no set; one of a set is not its own word, but that set's
    where p.kind = 'fuel_ttw_co2e' and (p.parameter_set is not null or p.origin = 'enterprise')
)

select
    o.month, o.place as region, o.subject, o.is_by_heat, o.value, o.unit, o.gas, o.gwp_set, o.factor_id, o.parameter_set, o.verified,
    case
        when o.preference > 1 and o.parameter_set <> r.parameter_set
            then 'parameter set ' || r.parameter_set || ' has no ' || case when o.is_by_heat then 'heat of ' else '' end || o.subject || ' -> '
        else ''
    end || o.rule_path as rule_path
from offer as o
cross join reference.run as r
qualify row_number() over (
    partition by o.month, o.place, o.subject, o.is_by_heat
    order by (o.preference <= 1) desc, (o.parameter_set = r.parameter_set) desc nulls last, o.preference, o.parameter_set asc, o.factor_id asc
) = 1;

create table reference.fuel_co2 as select * exclude (is_by_heat) from reference.fuel_choice where not is_by_heat;

-- by the heat only CO2 is known, of no set of GWP
create table reference.fuel_co2_heat as select * exclude (is_by_heat, gas, gwp_set) from reference.fuel_choice where is_by_heat;

-- CO2e of supplying a fuel (well to tank): an own or shipped row, else what one set says of the whole chain less what it says of the use
create table reference.fuel_wtt as
with whole as (
    select c.*, u.to_unit, c.value * u.factor as plain
    from reference.factor_choice as c
    inner join reference.unit_factor as u on c.unit = u.from_unit and u.to_unit in ('kgCO2e/kg', 'kgCO2e/Nm3', 'kgCO2e/L', 'kgCO2e/GJ')
    where c.kind in ('fuel_wtt_co2e', 'fuel_wtw_co2e', 'fuel_ttw_co2e')
)

select month, region, subject, plain as value, to_unit as unit, factor_id, gwp_set, verified, rule_path
from whole
where kind = 'fuel_wtt_co2e'
union all by name
select
    w.month, w.region, w.subject, w.plain - t.plain as value, w.to_unit as unit, w.factor_id || ' - ' || t.factor_id as factor_id, w.gwp_set,
    w.verified and t.verified as verified, w.rule_path || ', the whole chain less the use by ' || w.parameter_set as rule_path
from whole as w
inner join whole as t
    on
        w.month = t.month and w.region is not distinct from t.region and w.subject = t.subject and w.to_unit = t.to_unit
        and w.parameter_set = t.parameter_set
where
    w.kind = 'fuel_wtw_co2e' and t.kind = 'fuel_ttw_co2e'
    and not exists (
        select 1 from whole as x
        where x.kind = 'fuel_wtt_co2e' and x.subject = w.subject and x.month = w.month and x.region is not distinct from w.region
    );

-- kilograms per (normal) cubic metre, by month and region; an enterprise's own density comes before the shipped one, that of another country only
-- where nothing nearer is known
create table reference.density as
select d.month, d.place as region, d.subject, d.factor_id, d.value * u.factor as kg_per_m3
from reference.factor_candidate as d
left join reference.unit_factor as u
    on d.unit = u.from_unit and u.to_unit = case when d.subject = 'natural_gas_0C' then 'kg/Nm3' else 'kg/m3' end
where d.kind = 'density'
qualify row_number() over (
    partition by d.month, d.place, d.subject
    order by
        (d.origin = 'enterprise' and (d.distance < 4 or d.place is null)) desc, (d.distance < 4) desc, (d.origin = 'enterprise') desc,
        d.distance asc, d.year_rank asc, d.factor_id asc
) = 1;

-- tonnes of coal equivalent per unit of each carrier and fuel, by month and region: the enterprise's own coefficient, else the heat value it
-- measured, else the shipped coefficient; a fuel bought by its heat by the definition of coal equivalent; beside it the equal value.
-- Which of several rows counts is what the policy says of every factor.
create table reference.tce as
with definition as (
    select f.factor_id, g.to_unit, f.value * g.factor as gj_per_tce
    from reference.emission_factor as f
    inner join reference.unit_factor as g on f.unit = g.from_unit and g.to_unit = 'GJ/tce'
    where f.kind = 'tce_definition'
),

subject as (
    select carrier as subject, unit, tce_factor_id, needs_equal_value, false as is_by_heat
    from reference.carrier
    union all
    -- fuels are counted by mass, gases in normal cubic metres
    select fuel as subject, case when fuel = 'cng' then 'Nm3' else 'kg' end as unit, tce_factor_id, false as needs_equal_value, false as is_by_heat
    from reference.fuel_factor
    where fuel not in (select carrier from reference.carrier)
    union all
    select f.fuel as subject, 'GJ' as unit, d.factor_id as tce_factor_id, false as needs_equal_value, true as is_by_heat
    from reference.fuel_factor as f
    cross join definition as d
),

wanted as (
    select s.*, m.month, m.region
    from subject as s
    cross join (select distinct month, region from reference.site_month) as m
),

coefficient as (
    select
        w.subject, w.unit, w.month, w.region, f.factor_id, f.verified, f.rule_path,
        case f.kind
            when 'tce_definition' then 1 / d.gj_per_tce
            when 'fuel_ncv' then f.value * u.factor / d.gj_per_tce
            else f.value * u.factor
        end as tce_per_unit
    from wanted as w
    inner join reference.factor_candidate as f
        on
            w.month = f.month and w.region is not distinct from f.place
            and (
                w.tce_factor_id = f.factor_id
                or (not w.is_by_heat and w.subject = f.subject and f.origin = 'enterprise' and f.kind in ('tce_coefficient', 'fuel_ncv'))
            )
    left join reference.unit_factor as u
        on f.unit = u.from_unit and u.to_unit = case when f.kind = 'fuel_ncv' then 'GJ/' else 'tce/' end || w.unit
    cross join definition as d
    cross join reference.run as r
    qualify row_number() over (
        partition by w.subject, w.unit, w.month, w.region
        order by
            -- what an enterprise says of another country, only where nothing nearer is known
            (f.origin = 'enterprise' and (f.distance < 4 or f.place is null)) desc, (f.distance < 4) desc, (f.origin = 'enterprise') desc,
            (f.kind = 'tce_coefficient') desc, f.distance asc, (f.parameter_set = r.parameter_set) desc nulls last, f.year_rank asc, f.factor_id asc
    ) = 1
),

equal_value as (
    select w.subject, w.unit, w.month, w.region, f.factor_id, f.rule_path, f.value * u.factor as tce_per_unit
    from wanted as w
    inner join reference.factor_candidate as f
        on w.month = f.month and w.region is not distinct from f.place and w.subject = f.subject and f.kind = 'tce_equal_value'
    left join reference.unit_factor as u on f.unit = u.from_unit and u.to_unit = 'tce/' || w.unit
    cross join reference.run as r
    qualify row_number() over (
        partition by w.subject, w.unit, w.month, w.region
        order by
            (f.origin = 'enterprise') desc, f.distance asc, (f.parameter_set = r.parameter_set) desc nulls last, f.year_rank asc, f.factor_id asc
    ) = 1
)

select
    w.month,
    w.region,
    w.subject,
    w.unit,
    c.factor_id,
    c.verified,
    c.rule_path,
    c.tce_per_unit,
    case when e.factor_id is not null then e.factor_id when not w.needs_equal_value then c.factor_id end as equal_value_factor_id,
    case when e.factor_id is not null then e.rule_path when not w.needs_equal_value then c.rule_path end as equal_value_rule_path,
    case when e.factor_id is not null then e.tce_per_unit when not w.needs_equal_value then c.tce_per_unit end as equal_value_tce_per_unit
from wanted as w
left join coefficient as c
    on w.subject = c.subject and w.unit = c.unit and w.month = c.month and w.region is not distinct from c.region
left join equal_value as e
    on w.subject = e.subject and w.unit = e.unit and w.month = e.month and w.region is not distinct from e.region
order by w.month, w.region, w.subject, w.unit;

drop table reference.fuel_choice;
drop table reference.fuel_set_heat;
drop table reference.fuel_set_part;
drop table reference.fuel_part;
drop table reference.factor_candidate;
