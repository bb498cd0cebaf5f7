-- zh: 自有车辆行驶的甲烷与氧化亚氮：里程 × 车型、燃料与排放阶段的因子；从无该燃料采购者二氧化碳未知；外包车辆不在此列
-- en: CH4 and N2O of own vehicles: kilometres x the factor of class, fuel and emission stage; CO2 unknown of a fuel nobody bought; not outsourced ones
-- grain: activity_id, gas
-- kept: in emission_line
-- rows: trip by started_at
with vehicle as (
    select v.*, z.timezone
    from clean.vehicle as v
    inner join reference.site_zone as z on v.site_id = z.site_id
),

trip as (
    select
        t.trip_id, t.source, t.extract_id, t.row_number, t.distance_km, v.site_id, v.vehicle_class, v.energy_type, v.emission_standard,
        strftime(wall_time(v.timezone, t.started_at), '%Y-%m') as month
    from clean.trip as t
    inner join vehicle as v
        on
            t.vehicle_id = v.vehicle_id
            and (v.valid_from is null or wall_time(v.timezone, t.started_at)::date >= v.valid_from)
            and (v.valid_to is null or wall_time(v.timezone, t.started_at)::date <= v.valid_to)
    -- what has no combustion engine burns nothing; what does not run on roads has no factor per kilometre
    where
        v.ownership <> 'outsourced' and coalesce(v.energy_type not in ('electric', 'hydrogen'), true)
        and coalesce(v.vehicle_class not in ('forklift', 'yard_crane', 'locomotive', 'vessel', 'aircraft'), true)
),

-- a fuel reckoned in CO2e has these gases in its own factor
complete as (
    select x.fuel, c.month, c.region
    from reference.fuel_factor as x
    inner join reference.fuel_co2 as c on x.co2_subject = c.subject
    where c.gas = 'CO2e'
),

-- what was burnt is what was bought: of a fuel nobody has ever bought the kilometres do not tell the CO2 (gas may come by a pipe)
unbought as (
    select x.fuel
    from reference.fuel_factor as x
    where
        x.co2_subject <> 'natural_gas' and not x.is_biogenic
        and not exists (
            select 1
            from clean.fuel_purchase as p
            left join reference.fuel_factor as f on p.fuel = f.fuel
            -- a biofuel may be burnt in the place of any
            where p.fuel = x.fuel or f.is_biogenic
        )
),

-- what a kilometre of each kind of vehicle emits at a site in a month, chosen once and not for each trip
kilometre as (
    select
        k.*, s.legal_entity_id, g.gas, c.subject as emission_class, f.factor_id, f.value * u.factor as factor_value, f.verified, f.rule_path
    from (select distinct site_id, month, vehicle_class, energy_type, emission_standard from trip) as k
    cross join (values ('CH4', 'vehicle_ch4_per_km'), ('N2O', 'vehicle_n2o_per_km'), ('CO2', null)) as g (gas, kind)
    left join reference.site_month as s on k.site_id = s.site_id and k.month = s.month
    left join reference.vehicle_emission_class as c
        on
            k.vehicle_class = c.vehicle_class and k.energy_type = c.energy_type and coalesce(k.emission_standard, '') = coalesce(c.emission_standard, '')
    left join reference.factor_choice as f
        on g.kind = f.kind and c.subject = f.subject and k.month = f.month and s.region is not distinct from f.region
    left join reference.unit_factor as u on f.unit = u.from_unit and u.to_unit = 'kg/km'
    left join complete as x on k.energy_type = x.fuel and k.month = x.month and s.region is not distinct from x.region
    where
        case g.gas
            when 'CO2' then k.energy_type in (select fuel from unbought)
            when 'N2O' then x.fuel is null and c.has_n2o is distinct from false
            else x.fuel is null
        end
)

select
    t.site_id,
    k.legal_entity_id,
    t.month,
    1 as scope,
    'direct' as basis,
    'TTW' as lifecycle_scope,
    'mobile' as category,
    coalesce(k.emission_class, concat_ws(' ', k.vehicle_class, k.energy_type, k.emission_standard)) as subject,
    k.gas,
    false as is_biogenic,
    true as is_kyoto,
    t.distance_km as activity,
    'km' as activity_unit,
    k.factor_id,
    k.factor_value,
    'kg' || k.gas || '/km' as factor_unit,
    null::varchar as factor_gwp_set,
    k.verified as is_factor_verified,
    k.rule_path,
    1 as tier,
    'measured' as activity_quality,
    0.0 as estimated_share,
    case
        when k.legal_entity_id is null then 'site_unknown'
        when k.gas = 'CO2' then 'no_fuel_purchase'
        when k.emission_class is null then 'no_emission_class'
        when k.factor_value is null then 'no_factor'
        when t.distance_km is null then 'activity_unknown'
    end as reason,
    'trip' as activity_table,
    t.trip_id as activity_id,
    t.source,
    t.extract_id,
    t.row_number
from trip as t
inner join kilometre as k
    on
        t.site_id = k.site_id and t.month = k.month and t.vehicle_class is not distinct from k.vehicle_class
        and t.energy_type is not distinct from k.energy_type and t.emission_standard is not distinct from k.emission_standard
