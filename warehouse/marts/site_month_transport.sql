-- zh: 各场所每月自有与租赁车辆的行驶、周转量与燃料；各比率的分子分母取自同一批行程
-- en: Kilometres, transport work and fuel of own and leased vehicles; each ratio's two sides come from the same trips
-- grain: site_id, month
-- rows: trip by started_at
with trip as (
    select
        t.*,
        v.site_id,
        v.energy_type,
        v.capacity_t,
        strftime(wall_time(z.timezone, t.started_at), '%Y-%m') as month,
        -- a vehicle no document ever names takes its fuel where none tells how much: its trips are in no ratio of fuel
        t.vehicle_id in (select vehicle_id from mart.fuel_line where vehicle_id is not null and fuel <> 'adblue') as is_fuelled,
        t.load_t * (t.distance_km - t.empty_km) as work_t_km,
        v.capacity_t * t.distance_km as capacity_t_km
    from clean.trip as t
    inner join clean.vehicle as v on t.vehicle_id = v.vehicle_id
    inner join reference.site_zone as z on v.site_id = z.site_id
    where
        v.ownership in ('own', 'leased')
        and wall_time(z.timezone, t.started_at)::date >= coalesce(v.valid_from, wall_time(z.timezone, t.started_at)::date)
        and wall_time(z.timezone, t.started_at)::date <= coalesce(v.valid_to, wall_time(z.timezone, t.started_at)::date)
),

fuelled as (
    -- energy and fuel ratios: only vehicles whose fuel is bought by the document, and all of their trips
    select
        site_id,
        month,
        sum(volume_l::decimal(24, 6)) filter (where fuel in ('diesel', 'gasoline'))::double as fuel_l,
        case when count(energy_tce) = count(*) then sum(energy_tce::decimal(38, 12))::double * any_value(k.factor) end as energy_kgce,
        case when count(emission_tco2e) = count(*) then sum(emission_tco2e::decimal(38, 12))::double * any_value(g.factor) end as emission_gco2e,
        count(*) filter (where fuel in ('diesel', 'gasoline') and volume_l is null) = 0 as is_fuel_in_litres
    from mart.fuel_line
    cross join (select factor from reference.unit_factor where from_unit = 'tce' and to_unit = 'kgce') as k
    cross join (select factor from reference.unit_factor where from_unit = 'tCO2e' and to_unit = 'gCO2e') as g
    -- urea is a reagent: it gives no energy, and its CO2 stands by itself in the emission lines
    where vehicle_id is not null and ownership in ('own', 'leased') and fuel <> 'adblue'
    group by site_id, month
),

driven as (
    select
        site_id,
        month,
        sum(distance_km::decimal(18, 4))::double as distance_km,
        sum(empty_km::decimal(18, 4))::double as empty_km,
        sum(distance_km::decimal(18, 4)) filter (where empty_km is not null)::double as empty_known_distance_km,
        sum(work_t_km::decimal(24, 4)) filter (where capacity_t_km is not null)::double as turnover_t_km,
        sum(capacity_t_km::decimal(24, 4)) filter (where work_t_km is not null)::double as capacity_t_km,
        case
            when count(energy_type) = count(*)
                then sum(distance_km::decimal(18, 4)) filter (where is_fuelled and energy_type in ('diesel', 'gasoline'))::double
        end as fuel_distance_km,
        case
            when
                count(energy_type) = count(*)
                and count(*) filter (where is_fuelled and energy_type not in ('electric', 'hydrogen') and work_t_km is null) = 0
                then sum(work_t_km::decimal(24, 4)) filter (where is_fuelled and energy_type not in ('electric', 'hydrogen'))::double
        end as fuel_turnover_t_km
    from trip
    group by all
)

select
    d.site_id,
    s.legal_entity_id,
    d.month,
    d.distance_km,
    d.empty_km,
    d.empty_known_distance_km,
    d.turnover_t_km,
    d.capacity_t_km,
    case when f.is_fuel_in_litres then f.fuel_l end as fuel_l,
    d.fuel_distance_km,
    d.fuel_turnover_t_km,
    f.energy_kgce,
    f.emission_gco2e
from driven as d
left join fuelled as f on d.site_id = f.site_id and d.month = f.month
left join reference.site_month as s on d.site_id = s.site_id and d.month = s.month
order by site_id, month
