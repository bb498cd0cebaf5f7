-- zh: 各场所每月客户投诉案件；投诉台账已到而无投诉的场所记 0
-- en: Complaint cases by site and month; a site without any, while the register has arrived, counts 0
-- grain: site_id, month, policy
-- rows: complaint by received_at
with received as (
    select
        c.source,
        c.complaint_id,
        coalesce(c.case_id, c.complaint_id) as case_key,
        coalesce(c.site_id, o.site_id) as site_id,
        c.received_at,
        c.closed_at,
        c.is_justified
    from clean.complaint as c
    left join clean.customer_order as o on c.order_id = o.order_id and not o.is_superseded
    where not c.is_superseded
),

merged as (
    -- duplicates of one case count once, in the month it was first received
    select
        case_key,
        arg_min(site_id, row(received_at, complaint_id)) as site_id,
        min(received_at) as received_at,
        max(closed_at) as closed_at,
        count(closed_at) = count(*) as is_closed,
        bool_or(is_justified) as is_justified
    from received
    group by case_key
),

cases as (
    select
        m.site_id,
        strftime(wall_time(coalesce(z.timezone, n.timezone), m.received_at), '%Y-%m') as month,
        p.policy,
        count(*) as complaint_cases,
        count(*) filter (where m.is_closed) as closed_cases,
        count(*) filter (where m.is_closed and m.closed_at <= m.received_at + to_hours(p.close_within_h)) as closed_in_time_cases
    from merged as m
    cross join reference.complaint_policy as p
    cross join reference.run as n
    left join reference.site_zone as z on m.site_id = z.site_id
    where p.counts_unjustified or m.is_justified
    group by all
),

-- a register speaks for the sites it has ever named; for a site none has named, all of them together do
spoken_for as (
    select r.site_id, a.month
    from received as r
    inner join meta.arrival as a on a.contract = 'complaint' and r.source = a.source
    union distinct
    select s.site_id, s.month
    from reference.site_month as s
    inner join reference.complete_month as c on c.contract = 'complaint' and s.month = c.month
),

-- a site takes orders in the months its orders were delivered for, also in one without any
served as (
    select site_id, month from mart.site_month_order
    union distinct
    select o.site_id, a.month
    from clean.customer_order as o
    inner join meta.arrival as a on a.contract = 'customer_order' and o.source = a.source
    inner join reference.site_month as s on o.site_id = s.site_id and a.month = s.month
),

quiet as (
    select o.site_id, o.month, p.policy
    from served as o
    inner join spoken_for as r on o.site_id = r.site_id and o.month = r.month
    cross join reference.complaint_policy as p
    where not exists (select 1 from cases as c where c.site_id = o.site_id and c.month = o.month and c.policy = p.policy)
),

counted as (
    select * from cases
    union all by name
    select site_id, month, policy, 0 as complaint_cases, 0 as closed_cases, 0 as closed_in_time_cases from quiet
)

select c.site_id, s.legal_entity_id, c.month, c.policy, c.complaint_cases, c.closed_cases, c.closed_in_time_cases
from counted as c
left join reference.site_month as s on c.site_id = s.site_id and c.month = s.month
order by site_id, month, policy
