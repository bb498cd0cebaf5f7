-- zh: 各场所每月综合能耗（电、气、热等表计能源与自有燃料合计，当量值；不含水，不含外包车辆）
-- en: Comprehensive energy by site and month: metered carriers and own fuels, calorific equivalents; without water and outsourced vehicles
-- grain: site_id, month
with part as (
    select
        site_id, legal_entity_id, month, energy_tce, energy_tce * estimated_share as estimated_tce,
        case when carrier = 'electricity' then quantity end as electricity_kwh,
        case when carrier = 'natural_gas' then energy_tce end as fuel_tce,
        case when energy_tce is null then 'quantity_or_coefficient_unknown' end as reason
    from mart.site_month_energy
    where carrier <> 'water'
    union all by name
    select
        site_id, legal_entity_id, month, energy_tce, 0.0 as estimated_tce, null as electricity_kwh, energy_tce as fuel_tce,
        case when energy_tce is null then coalesce(reason, 'no_coefficient') end as reason
    from mart.fuel_line
    where ownership <> 'outsourced' and site_id is not null
)
select
    site_id,
    legal_entity_id,
    month,
    case when count(energy_tce) = count(*) then sum(energy_tce) end as energy_tce,
    sum(electricity_kwh) as electricity_kwh,
    sum(fuel_tce) as fuel_tce,
    sum(estimated_tce) as estimated_tce,
    max(reason) as reason
from part
group by site_id, legal_entity_id, month
order by site_id, month
