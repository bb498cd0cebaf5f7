-- reference tables that follow from others: sites and meters with the enterprise's defaults, and what marts look up
create view reference.site as
select s.* replace (coalesce(s.timezone, r.timezone) as timezone)
from clean.site as s
cross join reference.run as r;

create view reference.meter as
select row_number() over (order by meter_id, valid_from nulls first) as meter_row, *
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

create table reference.carrier_tce as
select c.carrier, f.factor_id, f.verified, f.value * u.factor as tce_per_unit
from reference.carrier as c
inner join reference.emission_factor as f on c.tce_factor_id = f.factor_id
inner join reference.unit_factor as u on f.unit = u.from_unit and u.to_unit = 'tce/' || c.unit;
