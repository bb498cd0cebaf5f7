-- reference tables that follow from others: sites and meters with the enterprise's defaults, and what marts look up
create view reference.site as
select s.* replace (coalesce(s.timezone, r.timezone) as timezone)
from clean.site as s
cross join reference.run as r;

create view reference.meter as
select row_number() over (order by meter_id, valid_from) as meter_row, *
from clean.meter;

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

-- the meter as it was at each month's end, or last in that month
create table reference.meter_month as
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
    coalesce(m.valid_from <= (s.month || '-01')::date, true) and coalesce(m.valid_to >= s.month_end, true) as is_whole_month
from (select distinct month, month_end from reference.site_month) as s
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

-- tonnes of coal equivalent per unit of each carrier and fuel, by month: the enterprise's own coefficient, else the heat value it
-- measured, else the shipped coefficient; beside it the equal value of the year, or the latest year before
create table reference.tce as
with subject as (
    select carrier as subject, unit, tce_factor_id, needs_equal_value
    from reference.carrier
    union all
    -- fuels are counted by mass, gases in normal cubic metres
    select fuel as subject, case when fuel = 'cng' then 'Nm3' else 'kg' end as unit, tce_factor_id, false as needs_equal_value
    from reference.fuel_factor
    where fuel not in (select carrier from reference.carrier)
),

wanted as (
    select s.*, m.month, m.month_end
    from subject as s
    cross join (select distinct month, month_end from reference.site_month) as m
),

usable as (
    select f.*
    from reference.emission_factor as f
    cross join reference.run as r
    where f.published_on is null or f.published_on <= r.factors_as_of
),

coefficient as (
    select
        w.subject,
        w.month,
        f.factor_id,
        f.verified,
        f.value * u.factor / case when f.kind = 'fuel_ncv' then d.gj_per_tce else 1 end as tce_per_unit
    from wanted as w
    inner join usable as f
        on
            w.tce_factor_id = f.factor_id
            or (
                w.subject = f.subject
                and f.origin = 'enterprise'
                and f.kind in ('tce_coefficient', 'fuel_ncv')
                and coalesce(w.month_end >= f.valid_from, true)
                and coalesce((w.month || '-01')::date <= f.valid_to, true)
                and coalesce(left(w.month, 4)::bigint >= f.data_year, true)
            )
    left join reference.unit_factor as u
        on f.unit = u.from_unit and u.to_unit = case when f.kind = 'fuel_ncv' then 'GJ/' else 'tce/' end || w.unit
    cross join (
        select e.value * g.factor as gj_per_tce
        from reference.emission_factor as e
        inner join reference.unit_factor as g on e.unit = g.from_unit and g.to_unit = 'GJ/tce'
        where e.kind = 'tce_definition'
    ) as d
    qualify row_number() over (
        partition by w.subject, w.month
        order by
            (f.origin = 'enterprise') desc, (f.kind = 'tce_coefficient') desc, (f.factor_id = w.tce_factor_id) asc,
            f.data_year desc nulls last, f.valid_from desc nulls last, f.factor_id asc
    ) = 1
),

equal_value as (
    select w.subject, w.month, f.factor_id, f.verified, f.value * u.factor as tce_per_unit
    from wanted as w
    inner join usable as f
        on
            w.subject = f.subject
            and f.kind = 'tce_equal_value'
            and coalesce(left(w.month, 4)::bigint >= f.data_year, true)
            and coalesce(w.month_end >= f.valid_from, true)
            and coalesce((w.month || '-01')::date <= f.valid_to, true)
    left join reference.unit_factor as u on f.unit = u.from_unit and u.to_unit = 'tce/' || w.unit
    qualify row_number() over (
        partition by w.subject, w.month
        order by (f.origin = 'enterprise') desc, f.data_year desc nulls last, f.valid_from desc nulls last, f.factor_id asc
    ) = 1
)

select
    w.month,
    w.subject,
    w.unit,
    c.factor_id,
    c.verified,
    c.tce_per_unit,
    case when e.factor_id is not null then e.factor_id when not w.needs_equal_value then c.factor_id end as equal_value_factor_id,
    case when e.factor_id is not null then e.tce_per_unit when not w.needs_equal_value then c.tce_per_unit end as equal_value_tce_per_unit
from wanted as w
left join coefficient as c on w.subject = c.subject and w.month = c.month
left join equal_value as e on w.subject = e.subject and w.month = e.month
order by w.month, w.subject;
