-- zh: 各场所每月接单数
-- en: Orders accepted by site and month
-- grain: site_id, month
-- rows: customer_order by accepted_at
-- zero: customer_order
select
    o.site_id,
    s.legal_entity_id,
    strftime(wall_time(z.timezone, o.accepted_at), '%Y-%m') as month,
    count(*) as accepted_orders
from clean.customer_order as o
inner join reference.site_zone as z on o.site_id = z.site_id
left join reference.site_month as s
    on o.site_id = s.site_id and s.month = strftime(wall_time(z.timezone, o.accepted_at), '%Y-%m')
where not o.is_superseded and o.accepted_at is not null
group by all
order by site_id, month
