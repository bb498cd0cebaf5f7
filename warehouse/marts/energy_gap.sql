-- zh: 场所某月能源数据的缺口：别的月份有而该月无的能源品种或燃料来源；有缺口的月份不给出合计
-- en: What a site's energy lacks in a month: a carrier or a fuel source that other months have; with a gap there is no total
-- grain: site_id, month, subject
with span as (
    select source, min(month) as first_month, max(month) as last_month
    from meta.arrival
    where contract = 'fuel_purchase'
    group by source
),

expected as (
    select p.site_id, s.month, p.carrier as subject
    from (
        select distinct e.site_id, e.carrier
        from mart.site_month_energy as e
        inner join reference.carrier as c on e.carrier = c.carrier
        where not c.is_medium
    ) as p
    inner join reference.site_month as s on p.site_id = s.site_id
    union
    -- a source that begins after another has ended has taken its place: neither is waited for in the other's months
    select p.site_id, s.month, p.source as subject
    from (select distinct site_id, source from mart.fuel_line where ownership <> 'outsourced' and site_id is not null) as p
    inner join reference.site_month as s on p.site_id = s.site_id
    inner join span as a on p.source = a.source
    where
        not exists (select 1 from span as b where b.first_month > a.last_month and b.first_month <= s.month)
        and not exists (select 1 from span as b where b.last_month < a.first_month and b.last_month >= s.month)
),

delivered as (
    select site_id, month, carrier as subject
    from mart.site_month_energy
    union all
    -- a fuel source that has delivered the month and says nothing of a site says that it bought none
    select s.site_id, a.month, a.source as subject
    from meta.arrival as a
    cross join (select distinct site_id from mart.fuel_line) as s
    where a.contract = 'fuel_purchase'
)

select e.site_id, e.month, e.subject, e.subject || '_not_delivered' as reason
from expected as e
where
    e.month in (select a.month from meta.arrival as a)
    and not exists (
        select 1 from delivered as d
        where d.site_id = e.site_id and d.month = e.month and d.subject = e.subject
    )
order by site_id, month, subject
