-- zh: 各作业类别每月的能耗排放（上游、行驶、全程分列）、运输活动量与强度；空驶计入排放，不计入活动量
-- en: Emissions (WTT, TTW, WTW apart), transport activity and intensity of an operation category; empty running is in the emissions, never in the activity
-- grain: toc_id, month
-- rows: toc_energy by month, transport_leg by started_on, trip by started_at, fuel_purchase by purchased_on
-- what is recorded for the category itself stands before what its vehicles bought and drove
with used as (
    select
        e.toc_id, e.month, e.fuel, 'toc_energy' as counted_by, coalesce(x.density_subject = 'natural_gas_0C', false) as is_gas, e.volume_l,
        coalesce(e.mass_kg, case when not is_gas then e.volume_l * u.factor * d.kg_per_m3 end) as mass_kg,
        case when is_gas then e.mass_kg / d.kg_per_m3 end as volume_nm3,
        e.energy_kwh,
        coalesce(e.data_type, 'primary') as data_type
    from clean.toc_energy as e
    left join reference.fuel_factor as x on e.fuel = x.fuel
    -- a category has no region: its density is that of all of them, or none
    left join (
        select month, subject, case when count(distinct factor_id) = 1 then any_value(kg_per_m3) end as kg_per_m3
        from reference.density
        group by month, subject
    ) as d on x.density_subject = d.subject and e.month = d.month
    cross join (select factor from reference.unit_factor where from_unit = 'L' and to_unit = 'm3') as u
    union all
    select
        v.toc_id, f.month, f.fuel, 'vehicle' as counted_by, f.unit = 'Nm3' as is_gas, f.volume_l, f.mass_kg, f.volume_nm3, null as energy_kwh,
        'primary' as data_type
    from mart.fuel_line as f
    inner join clean.fuel_purchase as p on f.document_id = p.document_id
    inner join clean.vehicle as v
        on
            f.vehicle_id = v.vehicle_id
            and p.purchased_on >= coalesce(v.valid_from, p.purchased_on)
            and p.purchased_on <= coalesce(v.valid_to, p.purchased_on)
    where v.toc_id is not null and not exists (select 1 from clean.toc_energy as e where e.toc_id = v.toc_id and e.month = f.month)
),

candidate as (
    select
        m.month, m.fuel, f.factor_id, f.value, f.unit, f.origin, coalesce(f.parameter_set, '') as parameter_set,
        coalesce(f.data_year, year(f.valid_from)) as vintage,
        -- the footprint of electricity covers its supply, and there is nothing else
        case when f.kind = 'electricity_lifecycle' then 'WTW' else f.lifecycle_scope end as lifecycle
    from (select distinct month, fuel, (month || '-01')::date as first_day from used) as m
    inner join reference.emission_factor as f
        on
            (f.kind in ('fuel_ttw_co2e', 'fuel_wtt_co2e', 'fuel_wtw_co2e') and m.fuel = f.subject)
            or (f.kind = 'electricity_lifecycle' and m.fuel = 'electricity')
    cross join reference.run as n
    where
        coalesce(f.published_on, n.factors_as_of) <= n.factors_as_of
        -- the validity of electricity is the year of its data, never an expiry
        and (
            f.kind = 'electricity_lifecycle'
            or (coalesce(f.valid_from, m.first_day) <= last_day(m.first_day) and coalesce(f.valid_to, m.first_day) >= m.first_day)
        )
    qualify row_number() over (
        partition by m.month, m.fuel, f.origin, f.parameter_set, lifecycle order by vintage desc nulls last, f.factor_id asc
    ) = 1
),

-- the phases of a fuel come from one set of factors or not at all
chosen as (
    select month, fuel, origin, parameter_set
    from candidate
    group by month, fuel, origin, parameter_set
    qualify row_number() over (
        partition by month, fuel
        order by
            (origin = 'enterprise') desc, (bool_or(lifecycle = 'WTW') or count(*) = 2) desc, max(vintage) desc nulls last, parameter_set asc
    ) = 1
),

factor as (
    select
        c.month, c.fuel,
        max(c.value * u.factor) filter (where c.lifecycle = 'TTW') as ttw,
        max(c.value * u.factor) filter (where c.lifecycle = 'WTT') as wtt,
        max(c.value * u.factor) filter (where c.lifecycle = 'WTW') as wtw,
        max(u.to_unit) filter (where c.lifecycle = 'TTW') as ttw_unit,
        max(u.to_unit) filter (where c.lifecycle = 'WTT') as wtt_unit,
        max(u.to_unit) filter (where c.lifecycle = 'WTW') as wtw_unit,
        string_agg(c.factor_id, ', ' order by c.factor_id) as factor_ids
    from candidate as c
    semi join chosen as s on c.month = s.month and c.fuel = s.fuel and c.origin = s.origin and c.parameter_set = s.parameter_set
    left join reference.unit_factor as u
        on c.unit = u.from_unit and u.to_unit in ('kgCO2e/L', 'kgCO2e/kg', 'kgCO2e/Nm3', 'kgCO2e/kWh')
    group by c.month, c.fuel
),

phase as (
    select
        u.*,
        f.factor_ids,
        -- what runs on electricity or hydrogen emits nothing on the way
        case when u.fuel in ('electricity', 'hydrogen') then 0 else f.ttw * case f.ttw_unit
            when 'kgCO2e/L' then u.volume_l when 'kgCO2e/kg' then u.mass_kg when 'kgCO2e/Nm3' then u.volume_nm3 when 'kgCO2e/kWh' then u.energy_kwh
        end end as ttw,
        f.wtt * case f.wtt_unit
            when 'kgCO2e/L' then u.volume_l when 'kgCO2e/kg' then u.mass_kg when 'kgCO2e/Nm3' then u.volume_nm3 when 'kgCO2e/kWh' then u.energy_kwh
        end as wtt,
        f.wtw * case f.wtw_unit
            when 'kgCO2e/L' then u.volume_l when 'kgCO2e/kg' then u.mass_kg when 'kgCO2e/Nm3' then u.volume_nm3 when 'kgCO2e/kWh' then u.energy_kwh
        end as wtw
    from used as u
    left join factor as f on u.month = f.month and u.fuel = f.fuel
),

burnt as (
    select
        toc_id, month, counted_by, data_type, factor_ids,
        ttw as ttw_kg,
        coalesce(wtt, wtw - ttw) as wtt_kg,
        coalesce(wtw, ttw + wtt) as wtw_kg
    from phase
),

energy as (
    select
        toc_id, month, counted_by,
        case when count(ttw_kg) = count(*) then sum(ttw_kg::decimal(38, 9)) end as ttw_kg,
        case when count(wtt_kg) = count(*) then sum(wtt_kg::decimal(38, 9)) end as wtt_kg,
        case when count(wtw_kg) = count(*) then sum(wtw_kg::decimal(38, 9)) end as wtw_kg,
        case when bool_or(data_type = 'modelled') then 'modelled' else 'primary' end as data_type,
        string_agg(distinct factor_ids, ', ' order by factor_ids) as factor_ids,
        case
            when count(factor_ids) < count(*) then 'no_factor'
            when count(coalesce(wtw_kg, ttw_kg)) < count(*) then 'factor_does_not_fit_the_quantity'
        end as reason
    from burnt
    group by toc_id, month, counted_by
),

declared as (
    select
        toc_id, month,
        sum(distance_km::decimal(24, 4)) as distance_km,
        sum(empty_km::decimal(24, 4)) as empty_km,
        sum(turnover_t_km::decimal(38, 9)) as turnover_t_km,
        sum(throughput_t::decimal(38, 9)) as throughput_t
    from clean.toc_energy
    group by toc_id, month
),

trip as (
    select
        v.toc_id,
        strftime(wall_time(z.timezone, t.started_at), '%Y-%m') as month,
        t.distance_km,
        t.empty_km,
        t.distance_km - t.empty_km as laden_km,
        t.load_t,
        v.energy_type
    from clean.trip as t
    inner join clean.vehicle as v on t.vehicle_id = v.vehicle_id
    inner join reference.site_zone as z on v.site_id = z.site_id
    where
        v.toc_id is not null
        and wall_time(z.timezone, t.started_at)::date >= coalesce(v.valid_from, wall_time(z.timezone, t.started_at)::date)
        and wall_time(z.timezone, t.started_at)::date <= coalesce(v.valid_to, wall_time(z.timezone, t.started_at)::date)
),

category as (
    -- the category as it was at the month's end
    select k.toc_id, k.month, t.name, t.mode, t.operator, t.is_own, t.distance_type, t.ttw_factor_id, t.wtt_factor_id, t.wtw_factor_id, t.data_type
    from (
        select toc_id, month from used
        union
        select toc_id, month from trip
        union
        select toc_id, month from mart.leg_activity
    ) as k
    left join clean.toc as t
        on
            k.toc_id = t.toc_id
            and coalesce(t.valid_from, (k.month || '-01')::date) <= last_day((k.month || '-01')::date)
            and coalesce(t.valid_to, last_day((k.month || '-01')::date)) >= (k.month || '-01')::date
    qualify row_number() over (partition by k.toc_id, k.month order by coalesce(t.valid_from, date '0001-01-01') desc) = 1
),

driven as (
    select
        t.toc_id, t.month,
        sum(t.distance_km::decimal(24, 4)) as distance_km,
        case when count(t.empty_km) = count(*) then sum(t.empty_km::decimal(24, 4)) end as empty_km,
        bool_or(t.energy_type in ('electric', 'hybrid', 'hydrogen')) as has_charged,
        count(*) as trips,
        sum(case
            when t.laden_km = 0 or t.load_t = 0 then 0
            when c.distance_type in ('sfd', 'gcd') then t.laden_km * t.load_t
            when t.laden_km >= d.added_km then (t.laden_km - d.added_km) / d.value * t.load_t
        end::decimal(38, 9)) as turnover_t_km,
        count(case
            when t.laden_km = 0 or t.load_t = 0 then 0
            when c.distance_type in ('sfd', 'gcd') then t.laden_km * t.load_t
            when t.laden_km >= d.added_km then (t.laden_km - d.added_km) / d.value * t.load_t
        end) as known_trips
    from trip as t
    inner join category as c on t.toc_id = c.toc_id and t.month = c.month
    left join reference.distance_adjustment as d on c.mode = d.mode
    group by t.toc_id, t.month
),

carried as (
    select
        toc_id, month,
        case when count(activity) = count(*) then sum(activity::decimal(38, 9)) end as activity,
        max(reason) as reason
    from mart.leg_activity
    group by toc_id, month
),

worked as (
    select
        c.*,
        coalesce(x.distance_km, case when coalesce(e.counted_by, '') <> 'toc_energy' then d.distance_km end) as distance_km,
        coalesce(x.empty_km, case when coalesce(e.counted_by, '') <> 'toc_energy' then d.empty_km end) as empty_km,
        case when c.mode = 'hub' then 't' when c.mode is not null then 'tkm' end as activity_unit,
        case
            when c.mode = 'hub' then coalesce(x.throughput_t, l.activity)
            when c.mode is not null then coalesce(x.turnover_t_km, case when d.known_trips = d.trips then d.turnover_t_km end, l.activity)
        end::double as activity,
        case
            when c.mode = 'hub' and x.throughput_t is not null then 'declared'
            when c.mode <> 'hub' and x.turnover_t_km is not null then 'declared'
            when c.mode <> 'hub' and d.known_trips = d.trips then 'trips'
            when c.mode is not null and l.activity is not null then 'legs'
        end as activity_by,
        e.counted_by as energy_by,
        e.ttw_kg, e.wtt_kg, e.wtw_kg, e.data_type as energy_data_type, e.factor_ids,
        case
            when c.mode is null then 'toc_not_valid'
            when e.counted_by = 'vehicle' and d.has_charged then 'charged_energy_unknown'
            else e.reason
        end as energy_reason,
        l.reason as leg_reason
    from category as c
    left join energy as e on c.toc_id = e.toc_id and c.month = e.month
    left join declared as x on c.toc_id = x.toc_id and c.month = x.month
    left join driven as d on c.toc_id = d.toc_id and c.month = d.month
    left join carried as l on c.toc_id = l.toc_id and c.month = l.month
),

-- without recorded energy: the intensity factors the category names, each in the column of its own phase
named as (
    select
        w.toc_id, w.month,
        ft.value * ut.factor as ttw,
        fs.value * us.factor as wtt,
        fw.value * uw.factor as wtw,
        coalesce(ft.parameter_set = fs.parameter_set, false) as is_one_set,
        coalesce(ft.parameter_set = fw.parameter_set, false) as is_wtw_of_the_set,
        nullif(concat_ws(', ', w.ttw_factor_id, w.wtt_factor_id, w.wtw_factor_id), '') as factor_ids,
        case
            when coalesce(w.ttw_factor_id, w.wtt_factor_id, w.wtw_factor_id) is null then 'no_energy_and_no_factor'
            when
                (w.ttw_factor_id is not null and ft.factor_id is null) or (w.wtt_factor_id is not null and fs.factor_id is null)
                or (w.wtw_factor_id is not null and fw.factor_id is null) then 'no_factor'
            when not (
                coalesce(ft.lifecycle_scope, 'TTW') = 'TTW' and coalesce(fs.lifecycle_scope, 'WTT') = 'WTT' and coalesce(fw.lifecycle_scope, 'WTW') = 'WTW'
            ) then 'factor_of_another_phase'
            when
                (ft.factor_id is not null and ut.factor is null) or (fs.factor_id is not null and us.factor is null)
                or (fw.factor_id is not null and uw.factor is null) then 'factor_unit_unknown'
            when fw.factor_id is null and ft.factor_id is not null and fs.factor_id is not null and not is_one_set then 'factor_sets_differ'
        end as reason
    from worked as w
    left join reference.emission_factor as ft on w.ttw_factor_id = ft.factor_id
    left join reference.emission_factor as fs on w.wtt_factor_id = fs.factor_id
    left join reference.emission_factor as fw on w.wtw_factor_id = fw.factor_id
    left join reference.unit_factor as ut on ft.unit = ut.from_unit and ut.to_unit = 'kgCO2e/' || w.activity_unit
    left join reference.unit_factor as us on fs.unit = us.from_unit and us.to_unit = 'kgCO2e/' || w.activity_unit
    left join reference.unit_factor as uw on fw.unit = uw.from_unit and uw.to_unit = 'kgCO2e/' || w.activity_unit
    where w.energy_by is null
),

phased as (
    select
        w.*,
        coalesce(w.energy_by, 'factor') as counted_by,
        case
            when w.energy_by is not null then case when w.energy_reason is null then w.ttw_kg::double end
            when n.reason is null then n.ttw * w.activity
        end as ttw,
        case
            when w.energy_by is not null then case when w.energy_reason is null then w.wtt_kg::double end
            when n.reason is null then coalesce(n.wtt, case when n.is_wtw_of_the_set then n.wtw - n.ttw end) * w.activity
        end as wtt,
        case
            when w.energy_by is not null then case when w.energy_reason is null then w.wtw_kg::double end
            when n.reason is null then coalesce(n.wtw, case when n.is_one_set then n.ttw + n.wtt end) * w.activity
        end as wtw,
        coalesce(w.energy_data_type, w.data_type, 'default') as kind_of_data,
        coalesce(w.factor_ids, n.factor_ids) as factors,
        coalesce(
            w.energy_reason, n.reason,
            case when w.activity is null then coalesce(w.leg_reason, 'no_transport_activity') when w.activity = 0 then 'no_transport_activity' end
        ) as why
    from worked as w
    left join named as n on w.toc_id = n.toc_id and w.month = n.month
)

select
    p.toc_id,
    p.month,
    p.name,
    p.mode,
    p.operator,
    p.is_own,
    p.counted_by,
    p.distance_km::double as distance_km,
    p.empty_km::double as empty_km,
    p.activity,
    p.activity_unit,
    p.activity_by,
    p.ttw as ttw_kgco2e,
    p.wtt as wtt_kgco2e,
    p.wtw as wtw_kgco2e,
    -- grams per tonne-kilometre; kilograms per tonne in a hub
    p.ttw / nullif(p.activity, 0) * case when p.mode = 'hub' then 1 else g.factor end as ttw_intensity,
    p.wtw / nullif(p.activity, 0) * case when p.mode = 'hub' then 1 else g.factor end as wtw_intensity,
    case when p.mode = 'hub' then 'kgCO2e/t' when p.mode is not null then 'gCO2e/tkm' end as intensity_unit,
    p.kind_of_data as data_type,
    p.factors as factor_id,
    coalesce(p.why, case when p.wtw is null then 'no_wtw_factor' when p.ttw is null then 'no_ttw_factor' end) as reason
from phased as p
cross join (select factor from reference.unit_factor where from_unit = 'kgCO2e' and to_unit = 'gCO2e') as g
order by toc_id, month
