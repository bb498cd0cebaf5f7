-- zh: 各场所每月交付货物与完好货物，件与吨各一行，互不相加
-- en: Goods delivered and intact by site and month, one row for pieces and one for tonnes, never added together
-- grain: site_id, month, policy
-- rows: customer_order by delivered_at
-- zero: customer_order
with delivered as (
    select
        o.*,
        strftime(
            -- what was lost was never delivered: it counts when it was promised, or when it was accepted
            wall_time(z.timezone, coalesce(o.delivered_at, case when o.status = 'lost' then coalesce(o.promised_by, o.accepted_at) end)),
            '%Y-%m'
        ) as month
    from clean.customer_order as o
    inner join reference.site_zone as z on o.site_id = z.site_id
    where not o.is_superseded
),

measured as (
    select site_id, month, 'pieces' as policy, pieces_due as due, pieces_intact as intact, status from delivered
    union all
    select site_id, month, 'tonnes' as policy, goods_due_t as due, goods_intact_t as intact, status from delivered
)

select
    m.site_id,
    s.legal_entity_id,
    m.month,
    m.policy,
    sum(m.due::decimal(24, 6))::double as due,
    sum(case when m.status = 'lost' then 0 else m.intact end::decimal(24, 6))::double as intact,
    sum((m.due - case when m.status = 'lost' then 0 else m.intact end)::decimal(24, 6))::double as damaged,
    count(*) as orders
from measured as m
left join reference.site_month as s on m.site_id = s.site_id and m.month = s.month
where m.month is not null and m.due is not null and (m.intact is not null or m.status = 'lost')
group by all
order by site_id, month, policy
