-- zh: 各场所每月综合能耗（电、气、热等表计能源与自有燃料合计，当量值；不含水，不含外包车辆）；任一部分未知则合计为空
-- en: Comprehensive energy by site and month: metered carriers and own fuels, calorific equivalents; no water, no outsourced vehicles; unknown with any part
-- grain: site_id, month
with gap as (
    select site_id, month, max(reason) as reason
    from mart.energy_gap
    group by site_id, month
),

part as (
    select
        site_id, legal_entity_id, month, energy_tce, energy_tce * estimated_share as estimated_tce,
        carrier = 'electricity' as is_electricity,
        carrier = 'natural_gas' as is_fuel,
        case when carrier = 'electricity' then quantity end as electricity_kwh,
        case when energy_tce is null then coalesce(reason, 'no_coefficient') end as reason
    from mart.site_month_energy
    where carrier <> 'water'
    union all by name
    select
        site_id, legal_entity_id, month, energy_tce, 0.0 as estimated_tce, false as is_electricity, true as is_fuel,
        null as electricity_kwh,
        case when energy_tce is null then coalesce(reason, 'no_coefficient') end as reason
    from mart.fuel_line
    where ownership <> 'outsourced' and site_id is not null
),

total as (
    -- exact sums, so that they do not depend on the order of the rows
    select
        site_id,
        legal_entity_id,
        month,
        sum(energy_tce::decimal(38, 12))::double as energy_tce,
        sum(energy_tce::decimal(38, 12)) filter (where is_fuel)::double as fuel_tce,
        sum(electricity_kwh::decimal(38, 6))::double as electricity_kwh,
        sum(estimated_tce::decimal(38, 12))::double as estimated_tce,
        max(reason) as reason,
        count(*) filter (where energy_tce is null) = 0 as is_known,
        count(*) filter (where is_fuel and energy_tce is null) = 0 as is_fuel_known
    from part
    group by all
)

select
    t.site_id,
    t.legal_entity_id,
    t.month,
    case when t.is_known and g.reason is null then t.energy_tce end as energy_tce,
    t.electricity_kwh,
    case when t.is_fuel_known and g.reason is null then t.fuel_tce end as fuel_tce,
    t.estimated_tce,
    coalesce(t.reason, g.reason) as reason
from total as t
left join gap as g on t.site_id = g.site_id and t.month = g.month
order by site_id, month
