-- zh: 各场所每月各能源品种的用量；用量 = 总表（或账单）+ 自发电 − 上网 − 租户 ± 分摊；任一部分未知则为空并写明原因
-- en: Energy used by site, month and carrier: main (or bill) + own generation - export - tenants ± shares; unknown, with the reason, with any part
-- grain: site_id, month, carrier
with part as (
    select
        site_id, month, carrier, unit, quantity, purchased_quantity, exported_quantity, renewable_quantity, converted_quantity,
        estimated_quantity, null as allocated_quantity, counted_by, reason
    from mart.site_month_metered
    union all by name
    select
        target_site_id as site_id, month, carrier, unit, quantity, purchased_quantity, exported_quantity, renewable_quantity,
        converted_quantity, estimated_quantity, quantity as allocated_quantity, null as counted_by, reason
    from mart.allocation_month
    where target_site_id is not null
    union all by name
    select
        source_site_id as site_id, month, carrier, unit, -quantity as quantity, -purchased_quantity as purchased_quantity,
        -exported_quantity as exported_quantity, -renewable_quantity as renewable_quantity, -converted_quantity as converted_quantity,
        -estimated_quantity as estimated_quantity, -quantity as allocated_quantity, null as counted_by, reason
    from mart.allocation_month
    where source_site_id is not null
),

total as (
    select
        site_id,
        month,
        carrier,
        any_value(unit) as unit,
        coalesce(any_value(counted_by), 'allocation') as counted_by,
        max(reason) as reason,
        sum(quantity::decimal(38, 6))::double as quantity,
        sum(purchased_quantity::decimal(38, 6))::double as purchased_quantity,
        sum(exported_quantity::decimal(38, 6))::double as exported_quantity,
        sum(renewable_quantity::decimal(38, 6))::double as renewable_quantity,
        sum(converted_quantity::decimal(38, 6))::double as converted_quantity,
        sum(estimated_quantity::decimal(38, 6))::double as estimated_quantity,
        sum(allocated_quantity::decimal(38, 6))::double as allocated_quantity
    from part
    group by site_id, month, carrier
)

select
    e.site_id,
    s.legal_entity_id,
    e.month,
    e.carrier,
    case when e.reason is null then e.quantity end as quantity,
    coalesce(e.unit, c.unit) as unit,
    case when e.reason is null then e.purchased_quantity end as purchased_quantity,
    case when e.reason is null then e.exported_quantity end as exported_quantity,
    case when e.reason is null then e.renewable_quantity end as renewable_quantity,
    -- what the site made of a fuel that is counted as energy already
    case when e.reason is null then e.converted_quantity end as converted_quantity,
    case when e.reason is null then e.allocated_quantity end as allocated_quantity,
    e.counted_by,
    case when e.reason is null and not c.is_medium then (e.quantity - e.converted_quantity) * t.tce_per_unit end as energy_tce,
    case when e.reason is null then e.estimated_quantity / nullif(e.quantity, 0) end as estimated_share,
    e.reason
from total as e
inner join reference.carrier as c on e.carrier = c.carrier
left join reference.site_month as s on e.site_id = s.site_id and e.month = s.month
left join reference.tce as t
    on e.carrier = t.subject and c.unit = t.unit and e.month = t.month and s.region is not distinct from t.region
order by e.site_id, e.month, e.carrier
