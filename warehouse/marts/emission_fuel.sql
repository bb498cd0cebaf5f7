-- zh: 每笔燃料采购的排放活动：燃烧（TTW）与上游（WTT）分列；车用尿素单列；外包车辆用油归入外包运输
-- en: What every fuel purchase emits: use (TTW) and supply (WTT) apart; urea by itself; fuel of outsourced vehicles as outsourced transport
-- grain: activity_id, lifecycle_scope
-- kept: in emission_line
with own as (
    select
        f.*,
        f.ownership = 'outsourced' as is_outsourced,
        case
            when f.ownership = 'outsourced' then 'outsourced_transport'
            when f.vehicle_id is null then 'stationary'
            else 'mobile'
        end as place_of_use
    from mart.fuel_line as f
    left join mart.site_month_energy as e on f.site_id = e.site_id and f.month = e.month and f.fuel = e.carrier
    -- what a meter or a bill counts at the site is not counted again where it was bought; what a vehicle was filled with is
    where f.vehicle_id is not null or e.site_id is null
),

line as (
    select
        f.*,
        case when f.is_outsourced then 3 else 1 end as scope,
        'TTW' as lifecycle_scope,
        f.place_of_use as category,
        f.fuel as subject,
        f.co2_gas as gas,
        f.is_biogenic as is_bio,
        f.co2_activity as activity,
        split_part(f.co2_unit, '/', 2) as activity_unit,
        f.co2_factor_id as factor_id,
        f.co2_value as factor_value,
        f.co2_unit as factor_unit,
        f.co2_gwp_set as factor_gwp_set,
        f.is_co2_factor_verified as is_factor_verified,
        f.rule_path as path,
        f.reason as why
    from own as f
    where f.fuel <> 'adblue'
    union all by name
    -- urea becomes CO2 one to one: mass x share of urea x 44/60
    select
        f.*,
        case when f.is_outsourced then 3 else 1 end as scope,
        'TTW' as lifecycle_scope,
        case when f.is_outsourced then 'outsourced_transport' else 'urea' end as category,
        f.fuel as subject,
        'CO2' as gas,
        false as is_bio,
        f.mass_kg as activity,
        'kg' as activity_unit,
        p.factor_id || ' * 44/60' as factor_id,
        p.value * u.factor * dioxide.value / urea.value as factor_value,
        'kgCO2/kg' as factor_unit,
        null as factor_gwp_set,
        p.verified as is_factor_verified,
        p.rule_path as path,
        case when f.reason is not null then f.reason when p.value is null then 'no_factor' end as why
    from own as f
    left join reference.site_month as s on f.site_id = s.site_id and f.month = s.month
    left join reference.factor_choice as p
        on p.kind = 'urea' and p.subject = 'urea mass share of AdBlue / DEF' and f.month = p.month and s.region is not distinct from p.region
    left join reference.unit_factor as u on p.unit = u.from_unit and u.to_unit = '1'
    cross join (select value from reference.emission_factor where factor_id = 'molar_mass_co2') as dioxide
    cross join (select value from reference.emission_factor where factor_id = 'molar_mass_urea') as urea
    where f.fuel = 'adblue'
    union all by name
    select
        f.*,
        3 as scope,
        'WTT' as lifecycle_scope,
        case when f.is_outsourced then 'outsourced_transport' else 'upstream_fuel' end as category,
        f.fuel as subject,
        'CO2e' as gas,
        false as is_bio,
        case w.unit
            when 'kgCO2e/kg' then f.mass_kg
            when 'kgCO2e/Nm3' then f.volume_nm3
            when 'kgCO2e/L' then f.liquid_l
            when 'kgCO2e/GJ' then f.heat_gj
        end as activity,
        split_part(w.unit, '/', 2) as activity_unit,
        w.factor_id,
        w.value as factor_value,
        w.unit as factor_unit,
        w.gwp_set as factor_gwp_set,
        w.verified as is_factor_verified,
        w.rule_path as path,
        case
            when f.legal_entity_id is null then 'site_unknown'
            when w.value is null then 'no_factor'
            when activity is null and f.heat_gj is not null then 'factor_not_per_heat'
            when activity is null then 'no_density'
        end as why
    from own as f
    left join reference.site_month as s on f.site_id = s.site_id and f.month = s.month
    left join reference.fuel_wtt as w on f.co2_subject = w.subject and f.month = w.month and s.region is not distinct from w.region
    where f.fuel <> 'adblue'
)

select
    site_id, legal_entity_id, month, scope, 'direct' as basis, lifecycle_scope, category, subject, gas, is_bio as is_biogenic, true as is_kyoto,
    activity, activity_unit, factor_id, factor_value, factor_unit, factor_gwp_set, is_factor_verified, path as rule_path,
    -- a carrier's fuel is the best that can be known of it, whosever factor it is reckoned by
    case when not is_outsourced and (path like '%own row%' or path like '%, own %') then 2 else 1 end as tier,
    'invoiced' as activity_quality,
    0.0 as estimated_share,
    why as reason,
    'fuel_purchase' as activity_table, document_id as activity_id, source, extract_id, row_number
from line
