-- zh: 各月能源分摊：来源（表或场所）按比例（按天加权）分给场所或租户的量；比例合计不为 1 或来源未知则为空并写明原因
-- en: Energy shared out by month: a source's quantity x share (weighted by days); unknown, with the reason, where shares do not add up to 1
-- grain: source, target, month, carrier
-- warns: reason is not null
with span as (
    select distinct month, (month || '-01')::date as month_start, month_end
    from reference.site_month
),

share as (
    select
        a.meter_id,
        a.site_id,
        a.target_site_id,
        a.tenant,
        a.share::decimal(18, 9) as share,
        coalesce('meter ' || a.meter_id, 'site ' || a.site_id) as source,
        coalesce('site ' || a.target_site_id, 'tenant ' || a.tenant) as target,
        coalesce(a.carrier, m.carrier) as carrier,
        coalesce(a.site_id, m.site_id) as source_site_id,
        m.role,
        s.month,
        s.month_start,
        s.month_end,
        greatest(coalesce(a.valid_from, s.month_start), s.month_start) as from_day,
        least(coalesce(a.valid_to, s.month_end), s.month_end) as to_day
    from clean.allocation_share as a
    inner join span as s
        on coalesce(a.valid_from <= s.month_end, true) and coalesce(a.valid_to >= s.month_start, true)
    left join reference.meter_month as m on a.meter_id = m.meter_id and s.month = m.month
),

-- the days on which the shares of a source may change
turn as (
    select source, carrier, month, month_start as on_day
    from share
    union
    select source, carrier, month, from_day as on_day
    from share
    union
    select source, carrier, month, to_day + 1 as on_day
    from share
    where to_day < month_end
),

-- on a day without any share the source keeps all
judged as (
    select source, carrier, month, bool_and(shares is null or shares = 1) as is_whole
    from (
        select t.source, t.carrier, t.month, t.on_day, sum(s.share) as shares
        from turn as t
        left join share as s
            on
                t.source = s.source and t.carrier is not distinct from s.carrier and t.month = s.month
                and t.on_day >= s.from_day and t.on_day <= s.to_day
        group by all
    ) as d
    group by all
),

origin as (
    select
        'meter ' || meter_id as source, carrier, month, unit, quantity, quantity as purchased_quantity, 0.0 as exported_quantity,
        0.0 as renewable_quantity, 0.0 as converted_quantity, estimated_quantity
    from mart.meter_month_use
    union all by name
    select
        'site ' || site_id as source, carrier, month, unit, quantity, purchased_quantity, exported_quantity,
        renewable_quantity, converted_quantity, estimated_quantity
    from mart.site_month_metered
),

weighted as (
    select
        source, target, carrier, month, any_value(source_site_id) as source_site_id, any_value(target_site_id) as target_site_id,
        any_value(tenant) as tenant, any_value(role) as role,
        sum(share * (to_day - from_day + 1))::double / any_value(month_end - month_start + 1) as share
    from share
    group by source, target, carrier, month
),

valued as (
    select
        w.*,
        o.unit,
        o.source is not null as is_reported,
        o.quantity * w.share as quantity,
        o.purchased_quantity * w.share as purchased_quantity,
        o.exported_quantity * w.share as exported_quantity,
        o.renewable_quantity * w.share as renewable_quantity,
        o.converted_quantity * w.share as converted_quantity,
        o.estimated_quantity * w.share as estimated_quantity,
        case
            when not j.is_whole then 'allocation_shares_not_one'
            when w.role not in ('main', 'sub') then 'allocation_of_' || w.role
            when o.quantity is null then 'allocation_source_unknown'
        end as reason
    from weighted as w
    inner join judged as j on w.source = j.source and w.carrier is not distinct from j.carrier and w.month = j.month
    left join origin as o on w.source = o.source and w.carrier = o.carrier and w.month = o.month
)

select
    source,
    target,
    month,
    carrier,
    source_site_id,
    target_site_id,
    tenant,
    share,
    unit,
    case when reason is null then quantity::decimal(38, 6)::double end as quantity,
    case when reason is null then purchased_quantity::decimal(38, 6)::double end as purchased_quantity,
    case when reason is null then exported_quantity::decimal(38, 6)::double end as exported_quantity,
    case when reason is null then renewable_quantity::decimal(38, 6)::double end as renewable_quantity,
    case when reason is null then converted_quantity::decimal(38, 6)::double end as converted_quantity,
    case when reason is null then estimated_quantity::decimal(38, 6)::double end as estimated_quantity,
    reason
from valued as v
-- a month of which neither end says anything is a gap, and named as one
where
    is_reported
    or exists (
        select 1 from mart.site_month_metered as k
        where k.site_id in (v.source_site_id, v.target_site_id) and k.month = v.month and k.carrier = v.carrier
    )
order by source, target, month, carrier
