-- zh: 各场所每月应交订单与准时订单，按每种准时口径各一行
-- en: Orders due and on time by site and month, one row per on-time policy
-- grain: site_id, month, policy
-- rows: customer_order by promised_by
with target as (
    select
        o.*,
        p.policy,
        p.precision,
        p.tolerance_min,
        p.cancelled,
        p.partial,
        z.timezone,
        timezone(z.timezone, case p.population when 'promised_by' then o.promised_by when 'accepted_at' then o.accepted_at end) as counted_at,
        case
            when p.customer_reschedule = 'replaces' and o.reschedule_cause = 'customer' and o.rescheduled_to is not null then o.rescheduled_to
            when p.reference_time = 'promised_by' then o.promised_by
            when p.reference_time = 'requested_by' then o.requested_by
            when p.reference_time = 'rescheduled_to' then coalesce(o.rescheduled_to, o.promised_by)
        end as due_at
    from clean.customer_order as o
    inner join reference.site_zone as z on o.site_id = z.site_id
    cross join reference.on_time_policy as p
    where not o.is_superseded
),
judged as (
    select
        *,
        strftime(counted_at, '%Y-%m') as month,
        case
            when status is not null and status in ('cancelled', 'lost', 'undeliverable') then false
            when status is not null and status = 'partially_delivered' and partial = 'late' then false
            when delivered_at is null then false
            when precision = 'day' then timezone(timezone, delivered_at)::date <= (timezone(timezone, due_at) + to_minutes(tolerance_min))::date
            else delivered_at <= due_at + to_minutes(tolerance_min)
        end as is_on_time,
        case
            when pieces_due is not null and pieces_intact is not null then pieces_intact >= pieces_due
            when goods_due_t is not null and goods_intact_t is not null then goods_intact_t >= goods_due_t
        end as is_in_full
    from target
    where
        due_at is not null
        and counted_at is not null
        and not (status is not null and status = 'cancelled' and cancelled = 'excluded')
)
select
    j.site_id,
    s.legal_entity_id,
    j.month,
    j.policy,
    count(*) as due_orders,
    count(*) filter (where j.is_on_time) as on_time_orders,
    -- in full can only be said of orders whose due and intact quantities are known, or that never arrived
    count(*) filter (where j.is_in_full is not null or not j.is_on_time) as otif_due_orders,
    count(*) filter (where j.is_in_full and j.is_on_time) as otif_orders
from judged as j
left join reference.site_month as s on j.site_id = s.site_id and j.month = s.month
group by all
order by site_id, month, policy
