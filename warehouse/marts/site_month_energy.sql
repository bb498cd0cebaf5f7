-- zh: 各场所每月各能源品种的用量；用量 = 总表 + 自发电 − 上网 − 租户；缺一块表或只有分表则用量为空并写明原因
-- en: Energy used by site, month and carrier: main + own generation - export - tenants; unknown, with the reason, when a meter is or the main one is missing
-- grain: site_id, month, carrier
with known as (
    select
        *,
        case role when 'sub' then 0 when 'main' then 1 when 'generation' then 1 when 'export' then -1 when 'tenant' then -1 end as sign,
        case role when 'main' then 1 when 'tenant' then -1 else 0 end as purchased_sign
    from mart.meter_month
),

-- a meter that has counted in other months, was in place all this month and says nothing of it
silent as (
    select m.site_id, c.month, m.carrier, count(*) as meters
    from (select distinct site_id, month, carrier from known) as c
    inner join reference.meter as m on c.site_id = m.site_id and c.carrier = m.carrier
    where
        coalesce(m.role, 'main') <> 'sub'
        and coalesce(m.valid_from <= (c.month || '-01')::date, true)
        and coalesce(m.valid_to >= last_day((c.month || '-01')::date), true)
        and m.meter_id in (select meter_id from known)
        and not exists (select 1 from known as k where k.meter_id = m.meter_id and k.month = c.month)
    group by all
),

total as (
    select
        site_id,
        month,
        carrier,
        any_value(unit) as unit,
        count(*) filter (where role <> 'sub') as meters,
        count(*) filter (where role = 'main') as mains,
        count(*) filter (where role <> 'sub' and quantity is null) as unknown_meters,
        sum((quantity * sign)::decimal(38, 6))::double as quantity,
        sum((quantity * purchased_sign)::decimal(38, 6))::double as purchased_quantity,
        sum((quantity * sign * coalesce(estimated_share, 0.0))::decimal(38, 6))::double as estimated_quantity
    from known
    group by site_id, month, carrier
),

judged as (
    select
        t.*,
        case
            when t.meters = 0 then 'only_sub_meters'
            when t.mains = 0 and s.meters is null then 'no_main_meter'
            when t.unknown_meters > 0 then 'quantity_unknown'
            when s.meters > 0 then 'meter_silent'
        end as reason
    from total as t
    left join silent as s on t.site_id = s.site_id and t.month = s.month and t.carrier = s.carrier
)

select
    e.site_id,
    s.legal_entity_id,
    e.month,
    e.carrier,
    case when e.reason is null then e.quantity end as quantity,
    e.unit,
    case when e.reason is null then e.purchased_quantity end as purchased_quantity,
    case when e.reason is null then e.quantity * t.tce_per_unit end as energy_tce,
    case when e.reason is null then e.estimated_quantity / nullif(e.quantity, 0) end as estimated_share,
    e.reason
from judged as e
left join reference.site_month as s on e.site_id = s.site_id and e.month = s.month
left join reference.carrier_tce as t on e.carrier = t.carrier
order by site_id, month, carrier
