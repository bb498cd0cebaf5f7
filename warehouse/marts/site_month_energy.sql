-- zh: 各场所每月各能源品种的用量；用量 = 总表 + 自发电 − 上网 − 租户
-- en: Energy used by site, month and carrier; quantity = main + own generation - export - tenants
-- grain: site_id, month, carrier
with signed as (
    select
        *,
        case role when 'main' then 1 when 'generation' then 1 when 'export' then -1 when 'tenant' then -1 end as sign,
        case role when 'main' then 1 when 'tenant' then -1 when 'generation' then 0 when 'export' then 0 end as purchased_sign
    from mart.meter_month
    where role <> 'sub'
),
total as (
    select
        site_id,
        month,
        carrier,
        any_value(unit) as unit,
        -- one meter whose quantity is not known makes the site's quantity unknown
        case when count(quantity) = count(*) then sum(quantity * sign) end as quantity,
        case when count(quantity) = count(*) then sum(quantity * purchased_sign) end as purchased_quantity,
        case when count(quantity) = count(*) then sum(quantity * sign * coalesce(estimated_share, 0.0)) end as estimated_quantity
    from signed
    group by site_id, month, carrier
)
select
    e.site_id,
    s.legal_entity_id,
    e.month,
    e.carrier,
    e.quantity,
    e.unit,
    e.purchased_quantity,
    e.quantity * t.tce_per_unit as energy_tce,
    e.estimated_quantity / nullif(e.quantity, 0) as estimated_share
from total as e
left join reference.site_month as s on e.site_id = s.site_id and e.month = s.month
left join reference.carrier_tce as t on e.carrier = t.carrier
order by site_id, month, carrier
