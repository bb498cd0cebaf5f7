-- zh: 各场所每月应交订单与准时订单，按每种准时口径各一行
-- en: Orders due and on time by site and month, one row per on-time policy
-- grain: site_id, month, policy
-- rows: customer_order by promised_by
-- zero: customer_order
with delivered_until as (
    -- what happens to orders is known up to the end of the last month their source has delivered
    select source, max((month || '-01')::timestamp + interval 1 month) as until_at
    from meta.arrival
    where contract = 'customer_order'
    group by source
),

target as (
    select
        o.*,
        p.policy,
        p.precision,
        p.tolerance_min,
        p.cancelled,
        p.undelivered,
        p.partial,
        z.timezone,
        wall_time(
            z.timezone,
            case p.population when 'promised_by' then o.promised_by when 'requested_by' then o.requested_by when 'accepted_at' then o.accepted_at end
        ) as counted_at,
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
        t.*,
        strftime(t.counted_at, '%Y-%m') as month,
        case
            when t.status in ('cancelled', 'lost', 'undeliverable') then false
            when t.status = 'partially_delivered' and t.partial = 'late' then false
            when t.delivered_at is null then false
            when t.precision = 'day'
                then wall_time(t.timezone, t.delivered_at)::date <= (wall_time(t.timezone, t.due_at) + to_minutes(t.tolerance_min))::date
            else t.delivered_at <= t.due_at + to_minutes(t.tolerance_min)
        end as is_on_time,
        case
            when t.pieces_due is not null and t.pieces_intact is not null then t.pieces_intact >= t.pieces_due
            when t.goods_due_t is not null and t.goods_intact_t is not null then t.goods_intact_t >= t.goods_due_t
            -- of what has not come, or not all of it, nobody counts how much is intact
            when t.pieces_due is null and t.goods_due_t is null then null
            when t.delivered_at is null or t.status = 'partially_delivered' then false
        end as is_in_full
    from target as t
    left join delivered_until as u on t.source = u.source
    where
        t.due_at is not null
        and t.counted_at is not null
        and not (coalesce(t.status, '') = 'cancelled' and t.cancelled = 'excluded')
        -- an open order is late once it is overdue, and before that nothing can be said of it
        and not (
            t.delivered_at is null
            and coalesce(t.status, '') not in ('cancelled', 'lost', 'undeliverable', 'returned')
            and (t.undelivered = 'excluded' or coalesce(wall_time(t.timezone, t.due_at) >= u.until_at, false))
        )
)

select
    j.site_id,
    s.legal_entity_id,
    j.month,
    j.policy,
    count(*) as due_orders,
    count(*) filter (where j.is_on_time) as on_time_orders,
    -- orders are taken by what is known of their quantities, never by how they went: late ones alone would make it 0 %
    nullif(count(j.is_in_full), 0) as otif_due_orders,
    case when count(j.is_in_full) > 0 then count(*) filter (where j.is_in_full and j.is_on_time) end as otif_orders,
    case when count(j.is_in_full) = 0 then 'quantity_unknown' end as reason
from judged as j
left join reference.site_month as s on j.site_id = s.site_id and j.month = s.month
group by all
order by site_id, month, policy
