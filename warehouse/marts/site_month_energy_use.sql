-- zh: 各场所每月综合能耗（当量值；等价值并列）：电、气、热等与自有燃料；不含耗能工质与外包车辆；任一部分未知则合计为空
-- en: Comprehensive energy by site and month, calorific and equal value: carriers and own fuels; no media, no outsourced vehicles; unknown with any part
-- grain: site_id, month
with gap as (
    select site_id, month, max(reason) as reason
    from mart.energy_gap
    group by site_id, month
),

total as (
    -- exact sums, so that they do not depend on the order of the rows
    select
        site_id,
        legal_entity_id,
        month,
        sum(energy_tce::decimal(38, 12))::double as energy_tce,
        sum(energy_equal_value_tce::decimal(38, 12))::double as energy_equal_value_tce,
        sum(energy_tce::decimal(38, 12)) filter (where counted_by = 'purchase' or subject = 'natural_gas')::double as fuel_tce,
        sum(estimated_tce::decimal(38, 12))::double as estimated_tce,
        sum(estimated_equal_value_tce::decimal(38, 12))::double as estimated_equal_value_tce,
        max(reason) as reason,
        max(equal_value_reason) as equal_value_reason,
        count(*) filter (where energy_tce is null) = 0 as is_known,
        count(*) filter (where energy_tce is null and (counted_by = 'purchase' or subject = 'natural_gas')) = 0 as is_fuel_known
    from mart.energy_line
    where is_counted
    group by all
)

select
    t.site_id,
    t.legal_entity_id,
    t.month,
    case when t.is_known and g.reason is null then t.energy_tce end as energy_tce,
    case when t.equal_value_reason is null and g.reason is null then t.energy_equal_value_tce end as energy_equal_value_tce,
    e.quantity as electricity_kwh,
    case when t.is_fuel_known and g.reason is null then t.fuel_tce end as fuel_tce,
    t.estimated_tce,
    t.estimated_equal_value_tce,
    coalesce(t.reason, g.reason) as reason,
    coalesce(t.equal_value_reason, g.reason) as equal_value_reason
from total as t
left join gap as g on t.site_id = g.site_id and t.month = g.month
left join mart.site_month_energy as e on t.site_id = e.site_id and t.month = e.month and e.carrier = 'electricity'
order by t.site_id, t.month
