-- zh: 外包运输排放：承运商燃料优先，其次车公里，再次吨公里；TTW 与 WTT 分列；该车燃料已由本企业采购者列示而不计
-- en: Bought transport: by the carrier's fuel, else vehicle-kilometres, else ton-kilometres; TTW and WTT apart; listed, not counted, where we bought the fuel
-- grain: activity_id, lifecycle_scope
-- rows: carrier_service by performed_on
with fuelled as (
    select distinct vehicle_id, strftime(purchased_on, '%Y-%m') as month
    from clean.fuel_purchase
    -- a reagent is no fuel
    where vehicle_id is not null and fuel <> 'adblue'
),

service as (
    select
        c.*,
        strftime(c.performed_on, '%Y-%m') as month,
        p.legal_entity_id,
        p.region,
        x.co2_subject,
        coalesce(x.is_biogenic, false) as is_bio,
        -- litres, kilograms and normal cubic metres of the fuel, as far as its density tells
        coalesce(c.mass_kg, case when x.density_subject <> 'natural_gas_0C' then c.volume_l * l.factor * d.kg_per_m3 end) as fuel_kg,
        coalesce(c.volume_l, case when x.density_subject <> 'natural_gas_0C' then c.mass_kg / d.kg_per_m3 / l.factor end) as fuel_l,
        case when x.density_subject = 'natural_gas_0C' then c.mass_kg / d.kg_per_m3 end as fuel_nm3,
        coalesce(c.turnover_t_km, c.mass_t * c.distance_km) as work_tkm,
        coalesce(c.factor_subject, v.subject, m.subject) as tkm_subject,
        case when c.fuel is not null then 1 when k.factor_id is not null then 2 else 3 end as tier,
        k.factor_id as km_factor_id, k.value * uk.factor as km_value, k.lifecycle_scope as km_scope, k.gwp_set as km_gwp_set, k.verified as is_km_verified,
        k.rule_path as km_path,
        f.vehicle_id is not null as is_fuelled
    from clean.carrier_service as c
    left join reference.site_month as p on c.site_id = p.site_id and strftime(c.performed_on, '%Y-%m') = p.month
    left join reference.fuel_factor as x on c.fuel = x.fuel
    left join reference.density as d
        on x.density_subject = d.subject and p.month = d.month and p.region is not distinct from d.region
    left join reference.transport_default as v on c.mode = v.mode and c.vehicle_class = v.vehicle_class
    left join reference.transport_default as m on c.mode = m.mode and m.vehicle_class is null
    left join fuelled as f on c.vehicle_id = f.vehicle_id and strftime(c.performed_on, '%Y-%m') = f.month
    left join reference.factor_choice as k
        on
            k.kind = 'vehicle_co2e_per_km' and k.subject = coalesce(c.factor_subject, c.vehicle_class) and c.distance_km is not null
            and p.month = k.month and p.region is not distinct from k.region
    left join reference.unit_factor as uk on k.unit = uk.from_unit and uk.to_unit = 'kgCO2e/km'
    cross join (select factor from reference.unit_factor where from_unit = 'L' and to_unit = 'm3') as l
),

-- one factor per ton-kilometre: of the use, else of supply and use together, else of the life cycle
hauled as (
    select
        s.*, c.factor_id, c.value * u.factor as value, c.gwp_set, c.verified, c.rule_path as path,
        case c.kind when 'tkm_ttw' then 'TTW' when 'tkm_lifecycle' then 'LCA' else 'WTW' end as covers
    from service as s
    left join reference.factor_choice as c
        on
            c.kind in ('tkm_ttw', 'tkm_wtw', 'tkm_lifecycle') and s.tkm_subject = c.subject
            and s.month = c.month and s.region is not distinct from c.region
    left join reference.unit_factor as u on c.unit = u.from_unit and u.to_unit = 'kgCO2e/tkm'
    where s.tier = 3
    qualify row_number() over (partition by s.service_id order by c.kind = 'tkm_lifecycle', c.kind = 'tkm_wtw', c.factor_id) = 1
),

-- the supply of what a factor of use names: a row of the same subject, or of that subject behind `WTT- `, as DEFRA writes it
supply as (
    select w.*, w.value * u.factor as plain, replace(lower(w.subject), 'wtt- ', '') as of_subject
    from reference.factor_choice as w
    left join reference.unit_factor as u on w.unit = u.from_unit and u.to_unit = 'kgCO2e/tkm'
    where w.kind = 'tkm_wtt'
    qualify row_number() over (
        partition by w.month, w.region, replace(lower(w.subject), 'wtt- ', '') order by (w.origin = 'enterprise') desc, w.factor_id asc
    ) = 1
),

-- a fuel is burnt, and before that it is brought
fuel as (
    select 'TTW' as lifecycle_scope, month, region, subject, gas, value, unit, gwp_set, factor_id, verified, rule_path from reference.fuel_co2
    union all by name
    select 'WTT' as lifecycle_scope, month, region, subject, 'CO2e' as gas, value, unit, gwp_set, factor_id, verified, rule_path from reference.fuel_wtt
),

line as (
    select
        s.service_id, s.site_id, s.legal_entity_id, s.month, s.source, s.extract_id, s.row_number, s.is_fuelled, s.tier,
        p.lifecycle_scope, s.fuel as subject, case p.lifecycle_scope when 'WTT' then 'CO2e' else c.gas end as gas,
        s.is_bio and p.lifecycle_scope = 'TTW' as is_bio,
        case split_part(c.unit, '/', 2) when 'kg' then s.fuel_kg when 'L' then s.fuel_l when 'Nm3' then s.fuel_nm3 end as activity,
        split_part(c.unit, '/', 2) as activity_unit, c.factor_id, c.value as factor_value, c.unit as factor_unit, c.gwp_set, c.verified,
        c.rule_path as path, 'no_density' as lacking
    from service as s
    cross join (values ('TTW'), ('WTT')) as p (lifecycle_scope)
    left join fuel as c
        on
            p.lifecycle_scope = c.lifecycle_scope and s.co2_subject = c.subject and s.month = c.month
            and s.region is not distinct from c.region
    where s.tier = 1 and s.fuel <> 'electricity'
    union all by name
    -- what charges a carrier's vehicle was made in a power station: nothing is burnt where it drives
    select
        s.service_id, s.site_id, s.legal_entity_id, s.month, s.source, s.extract_id, s.row_number, s.is_fuelled, s.tier,
        'generation' as lifecycle_scope, s.fuel as subject, 'CO2' as gas, false as is_bio, s.energy_kwh as activity, 'kWh' as activity_unit,
        c.factor_id, c.value * u.factor as factor_value, 'kgCO2/kWh' as factor_unit, null as gwp_set, c.verified, c.rule_path as path,
        'activity_unknown' as lacking
    from service as s
    left join reference.factor_choice as c
        on c.kind = 'grid_location_avg' and c.subject = 'electricity' and s.month = c.month and s.region is not distinct from c.region
    left join reference.unit_factor as u on c.unit = u.from_unit and u.to_unit = 'kgCO2e/kWh'
    where s.fuel = 'electricity'
    union all by name
    select
        s.service_id, s.site_id, s.legal_entity_id, s.month, s.source, s.extract_id, s.row_number, s.is_fuelled, s.tier,
        coalesce(s.km_scope, 'unknown') as lifecycle_scope, s.mode as subject, 'CO2e' as gas, false as is_bio, s.distance_km as activity,
        'km' as activity_unit, s.km_factor_id as factor_id, s.km_value as factor_value, 'kgCO2e/km' as factor_unit, s.km_gwp_set as gwp_set,
        s.is_km_verified as verified, s.km_path as path, 'activity_unknown' as lacking
    from service as s
    where s.tier = 2
    union all by name
    select
        h.service_id, h.site_id, h.legal_entity_id, h.month, h.source, h.extract_id, h.row_number, h.is_fuelled, h.tier,
        h.covers as lifecycle_scope, h.mode as subject, 'CO2e' as gas, false as is_bio, h.work_tkm as activity, 'tkm' as activity_unit, h.factor_id,
        h.value as factor_value, 'kgCO2e/tkm' as factor_unit, h.gwp_set, h.verified, h.tkm_subject || ': ' || coalesce(h.path, 'no value') as path,
        'activity_unknown' as lacking
    from hauled as h
    union all by name
    select
        h.service_id, h.site_id, h.legal_entity_id, h.month, h.source, h.extract_id, h.row_number, h.is_fuelled, h.tier,
        'WTT' as lifecycle_scope, h.mode as subject, 'CO2e' as gas, false as is_bio, h.work_tkm as activity, 'tkm' as activity_unit, w.factor_id,
        w.plain as factor_value, 'kgCO2e/tkm' as factor_unit, w.gwp_set, w.verified, w.subject || ': ' || w.rule_path as path,
        'activity_unknown' as lacking
    from hauled as h
    left join supply as w on lower(h.tkm_subject) = w.of_subject and h.month = w.month and h.region is not distinct from w.region
    where h.covers = 'TTW'
)

select
    site_id,
    legal_entity_id,
    month,
    3 as scope,
    'direct' as basis,
    lifecycle_scope,
    'outsourced_transport' as category,
    subject,
    gas,
    is_bio as is_biogenic,
    true as is_kyoto,
    activity,
    activity_unit,
    factor_id,
    factor_value,
    factor_unit,
    gwp_set as factor_gwp_set,
    verified as is_factor_verified,
    case tier when 1 then 'fuel of the carrier' when 2 then 'vehicle-kilometres' when 3 then 'ton-kilometres' end || coalesce(', ' || path, '') as rule_path,
    tier,
    'invoiced' as activity_quality,
    0.0 as estimated_share,
    case
        when is_fuelled then 'counted_by_fuel'
        when legal_entity_id is null then 'site_unknown'
        when factor_value is null then 'no_factor'
        when activity is null then lacking
    end as reason,
    'carrier_service' as activity_table,
    service_id as activity_id,
    source,
    extract_id,
    row_number
from line
order by month, activity_id, lifecycle_scope
