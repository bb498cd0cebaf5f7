-- zh: 排放明细（最细粒度）：活动 × 因子 × GWP；每行写明因子、选取路径、方法层级、数据质量、不确定度；无法算出者写明原因
-- en: Emission lines, the lowest grain: activity x factor x GWP, each with factor, how it was chosen, method tier, quality, uncertainty; or the reason why not
-- grain: activity_table, activity_id, basis, lifecycle_scope, gas
with line as (
    select * from mart.emission_fuel
    union all by name
    select * from mart.emission_vehicle
    union all by name
    select * from mart.emission_energy
    union all by name
    select * from mart.emission_refrigerant
    union all by name
    select * from mart.emission_carrier
    -- a service whose fuel we bought ourselves is already here as that purchase
    where reason is distinct from 'counted_by_fuel'
    union all by name
    select * from mart.emission_packaging
),

-- of an activity and a factor together, which do not depend on each other
uncertainty as (
    select a.what as activity, f.what as factor, sqrt(pow(a.half_width_pct, 2) + pow(f.half_width_pct, 2)) as half_width_pct
    from reference.uncertainty as a
    cross join reference.uncertainty as f
    where a.part = 'activity' and f.part = 'factor'
)

select
    l.site_id,
    l.legal_entity_id,
    l.month,
    l.scope,
    l.basis,
    l.lifecycle_scope,
    l.category,
    l.subject,
    l.gas,
    l.is_biogenic,
    l.is_kyoto,
    l.activity,
    l.activity_unit,
    l.factor_id,
    l.factor_value,
    l.factor_unit,
    l.is_factor_verified,
    l.rule_path,
    l.tier,
    l.activity_quality,
    case when l.gas = 'CO2e' then 1.0 else g.gwp end as gwp,
    case when l.gas = 'CO2e' then l.factor_gwp_set when l.gas <> 'CO2' then g.gwp_set end as gwp_set,
    l.activity * l.factor_value as gas_kg,
    -- CO2 of biomass is no part of the total: it is shown apart
    case when l.reason is null then l.activity * l.factor_value * case when l.gas = 'CO2e' then 1.0 else g.gwp end * u.factor end as emission_tco2e,
    case when l.reason is null then l.activity * l.factor_value * case when l.gas = 'CO2e' then 1.0 else g.gwp end * u.factor * l.estimated_share end
        as estimated_tco2e,
    p.half_width_pct as uncertainty_pct,
    case
        when l.gas = 'CO2e' and l.factor_value is not null and coalesce(l.factor_gwp_set, 'unknown') <> r.gwp_set
            then 'other_gwp_set: ' || coalesce(l.factor_gwp_set, 'unknown')
    end as flag,
    case when l.reason is not null then l.reason when l.gas <> 'CO2e' and g.gwp is null then 'no_gwp' end as reason,
    l.activity_table,
    l.activity_id,
    l.source,
    l.extract_id,
    l.row_number
from line as l
cross join reference.run as r
left join reference.gwp as g on l.gas = g.gas
left join uncertainty as p
    on l.activity_quality = p.activity and p.factor = case
        when l.category = 'outsourced_transport' and l.tier > 1 then 'outsourced_default'
        when l.category = 'refrigerant' then 'refrigerant' else l.category || ' ' || l.gas
    end
cross join (select factor from reference.unit_factor where from_unit = 'kgCO2e' and to_unit = 'tCO2e') as u
order by l.month, l.activity_table, l.activity_id, l.basis, l.lifecycle_scope, l.gas
