-- zh: 自身数字的勾稽：明细与合计、隐含因子、相同分母与边界、合理范围、同比漂移、绿证与制冷剂不重复、因子各阶段之和；只判断，不改动
-- en: The hub's own figures against each other: lines and totals, implied factors, one denominator, plausible ranges, drift, nothing twice; judged, not changed
-- grain: check_name, month, site_id, subject
-- warns: verdict = 'off'
with line as (
    select
        *,
        case when is_biogenic then 'biogenic' when scope = 1 then 'scope1' when scope = 2 then 'scope2_' || basis else 'scope3' end as part
    from mart.emission_line
),

-- parts = total: the lines of a site and month against what stands for it
summed as (
    select
        site_id, month, part,
        case when count(emission_tco2e) = count(*) then sum(emission_tco2e::decimal(38, 12))::double end as tco2e
    from line
    where site_id is not null
    group by site_id, month, part
),

booked as (
    select site_id, month, 'scope1' as part, scope1_tco2e as tco2e, reason from mart.site_month_emission
    union all
    select site_id, month, 'scope2_location' as part, scope2_location_tco2e as tco2e, reason from mart.site_month_emission
    union all
    select site_id, month, 'scope2_market' as part, scope2_market_tco2e as tco2e, reason from mart.site_month_emission
    union all
    select site_id, month, 'scope3' as part, scope3_tco2e as tco2e, scope3_reason as reason from mart.site_month_emission
    union all
    select site_id, month, 'biogenic' as part, biogenic_tco2 as tco2e, scope3_reason as reason from mart.site_month_emission
),

lines_and_site_month as (
    select
        'lines_and_site_month' as check_name, s.month, s.site_id, s.part as subject,
        s.tco2e as expected, b.tco2e as found, s.tco2e as lower, s.tco2e as upper, 'tCO2e' as unit,
        case when s.tco2e is null or b.tco2e is null then coalesce(b.reason, 'figure_missing') end as reason
    from summed as s
    left join booked as b on s.site_id = b.site_id and s.month = b.month and s.part = b.part
),

-- whatever was emitted, wherever, against the site months: a line without a site is in none of them
every as (
    select
        month, part,
        case when count(emission_tco2e) = count(*) then sum(emission_tco2e::decimal(38, 12))::double end as tco2e
    from line
    group by month, part
),

placed as (
    select month, part, sum(tco2e::decimal(38, 12))::double as tco2e
    from summed
    group by month, part
),

sites_and_enterprise as (
    select
        'sites_and_enterprise' as check_name, e.month, null::varchar as site_id, e.part as subject,
        -- without a line that has a site, the sites emitted nothing
        e.tco2e as expected, coalesce(p.tco2e, 0) as found, e.tco2e as lower, e.tco2e as upper, 'tCO2e' as unit,
        case when e.tco2e is null then 'figure_missing' end as reason
    from every as e
    left join placed as p on e.month = p.month and e.part = p.part
),

-- implied factor = emission / activity, within so many per cent of the registered one
implied as (
    select
        l.month,
        concat_ws(' ', l.category, l.subject, l.gas, l.basis, l.lifecycle_scope, l.activity_unit) as what,
        l.factor_id,
        l.gas,
        l.activity_unit,
        case
            when count(l.emission_tco2e) = count(*)
                then sum(l.emission_tco2e::decimal(38, 12))::double / nullif(sum(l.activity::decimal(38, 9))::double, 0) * any_value(k.factor)
        end as kg_per_unit
    from line as l
    cross join (select factor from reference.unit_factor where from_unit = 'tCO2e' and to_unit = 'kgCO2e') as k
    where l.factor_id is not null
    group by l.month, what, l.factor_id, l.gas, l.activity_unit
),

-- a factor made of several: the product of the registered rows its id names, each in the unit that goes with the others
formula_part as (
    select
        n.factor_id, n.activity_unit, n.place, u.to_unit,
        -- 44/12 and 44/60 are what they say
        coalesce(
            f.value * u.factor, try_cast(split_part(n.part_id, '/', 1) as double) / try_cast(split_part(n.part_id, '/', 2) as double)
        ) as value
    from (
        select factor_id, activity_unit, unnest(string_split(factor_id, ' * ')) as part_id, generate_subscripts(string_split(factor_id, ' * '), 1) as place
        from (select distinct factor_id, activity_unit from implied where factor_id like '% * %') as formula
    ) as n
    left join reference.emission_factor as f on n.part_id = f.factor_id
    left join reference.unit_factor as u on f.unit = u.from_unit and u.to_unit in ('GJ/' || n.activity_unit, 'tC/GJ', 'kgCO2e/GJ', '1')
),

product as (
    select
        p.factor_id, p.activity_unit,
        case
            when count(p.value) = count(*)
                then list_product(list(p.value order by p.place)) * case when bool_or(p.to_unit = 'tC/GJ') then any_value(k.factor) else 1 end
        end as value
    from formula_part as p
    cross join (select factor from reference.unit_factor where from_unit = 'tCO2e' and to_unit = 'kgCO2e') as k
    group by p.factor_id, p.activity_unit
),

-- the supply of a fuel where a set says it of the whole chain and of the use only: the difference of the two rows
difference as (
    select n.factor_id, n.activity_unit, w.value * uw.factor - t.value * ut.factor as value
    from (select distinct factor_id, activity_unit from implied where factor_id like '% - %') as n
    inner join reference.emission_factor as w on split_part(n.factor_id, ' - ', 1) = w.factor_id
    inner join reference.emission_factor as t on split_part(n.factor_id, ' - ', 2) = t.factor_id
    inner join reference.unit_factor as uw on w.unit = uw.from_unit and uw.to_unit = 'kgCO2e/' || n.activity_unit
    inner join reference.unit_factor as ut on t.unit = ut.from_unit and ut.to_unit = 'kgCO2e/' || n.activity_unit
),

registered_factor as (
    select
        i.*,
        coalesce(f.value * u.factor, p.value, d.value) * case when i.gas in ('CO2', 'CO2e') then 1 else g.gwp end as registered_kg,
        case
            when i.kg_per_unit is null then 'figure_missing'
            when f.factor_id is null and p.value is null and d.value is null then 'several_factors'
            when f.factor_id is not null and u.factor is null then 'factor_unit_unknown'
        end as reason
    from implied as i
    left join reference.emission_factor as f on i.factor_id = f.factor_id
    left join reference.unit_factor as u
        on f.unit = u.from_unit and u.to_unit = case when i.gas in ('CO2', 'CO2e') then 'kgCO2e/' else 'kg/' end || i.activity_unit
    left join product as p on i.factor_id = p.factor_id and i.activity_unit = p.activity_unit
    left join difference as d on i.factor_id = d.factor_id and i.activity_unit = d.activity_unit
    left join reference.gwp as g on i.gas = g.gas
),

implied_factor as (
    select
        'implied_factor' as check_name, r.month, null::varchar as site_id,
        r.what || ', ' || r.factor_id as subject,
        r.registered_kg as expected,
        r.kg_per_unit as found,
        r.registered_kg * (1 + b.lower / h.factor) as lower,
        r.registered_kg * (1 + b.upper / h.factor) as upper,
        'kgCO2e/' || r.activity_unit as unit,
        r.reason
    from registered_factor as r
    inner join reference.plausibility as b on b.bound_id = 'implied_factor'
    cross join (select factor from reference.figure_unit where from_unit = '1' and to_unit = '%') as h
),

-- the same category, whatever row its factor came from, against the same month of the year before
yearly as (
    select
        l.month,
        concat_ws(' ', l.category, l.subject, l.gas, l.basis, l.lifecycle_scope, l.activity_unit) as what,
        'kgCO2e/' || l.activity_unit as unit,
        sum(l.emission_tco2e::decimal(38, 12))::double / nullif(sum(l.activity::decimal(38, 9))::double, 0) * any_value(k.factor) as kg_per_unit
    from line as l
    cross join (select factor from reference.unit_factor where from_unit = 'tCO2e' and to_unit = 'kgCO2e') as k
    -- both sides of the ratio over the lines that have both
    where l.emission_tco2e is not null
    group by l.month, what, l.activity_unit
),

implied_factor_drift as (
    select
        'implied_factor_drift' as check_name, y.month, null::varchar as site_id, y.what as subject,
        p.kg_per_unit as expected,
        y.kg_per_unit as found,
        p.kg_per_unit * (1 + b.lower / h.factor) as lower,
        p.kg_per_unit * (1 + b.upper / h.factor) as upper,
        y.unit,
        case when y.kg_per_unit is null or p.kg_per_unit is null then 'figure_missing' end as reason
    from yearly as y
    inner join yearly as p on y.what = p.what and y.month = strftime((p.month || '-01')::date + interval 1 year, '%Y-%m')
    inner join reference.plausibility as b on b.bound_id = 'implied_factor_drift'
    cross join (select factor from reference.figure_unit where from_unit = '1' and to_unit = '%') as h
),

-- A1, A2 and C1 of the same sites and months
covered as (
    select
        k.site_id, k.month, e.tco2e, n.tce, r.revenue_cny,
        a.month is not null as is_attributed,
        o.site_id is not null as is_earning
    from (
        select site_id, month from mart.site_month_emission
        union
        select site_id, month from mart.site_month_energy_use
        union
        select site_id, month from mart.site_month_revenue where site_id is not null
    ) as k
    left join (select site_id, month, emission_tco2e as tco2e from mart.site_month_emission) as e on k.site_id = e.site_id and k.month = e.month
    left join (select site_id, month, energy_tce as tce from mart.site_month_energy_use) as n on k.site_id = n.site_id and k.month = n.month
    left join (
        select site_id, month, sum(revenue_cny::decimal(24, 4))::double as revenue_cny
        from mart.site_month_revenue
        where site_id is not null
        group by site_id, month
    ) as r on k.site_id = r.site_id and k.month = r.month
    left join (select distinct month from mart.site_month_revenue where site_id is not null) as a on k.month = a.month
    left join (select distinct site_id from mart.site_month_revenue where site_id is not null) as o on k.site_id = o.site_id
),

boundary as (
    select
        'boundary' as check_name, month, site_id,
        'A1 = A2 = C1' as subject,
        3.0 as expected,
        ((tco2e is not null)::int + (tce is not null)::int + (revenue_cny is not null)::int)::double as found,
        3.0 as lower,
        3.0 as upper,
        '1' as unit,
        case when not is_attributed then 'revenue_not_attributed' when not is_earning then 'site_never_has_revenue' end as reason
    from covered
),

one_denominator as (
    select
        'one_denominator' as check_name, month, null::varchar as site_id,
        'C1 of A.1.6 and A.1.10' as subject,
        sum(revenue_cny::decimal(24, 4)) filter (where tco2e is not null)::double as expected,
        sum(revenue_cny::decimal(24, 4)) filter (where tce is not null)::double as found,
        sum(revenue_cny::decimal(24, 4)) filter (where tco2e is not null)::double as lower,
        sum(revenue_cny::decimal(24, 4)) filter (where tco2e is not null)::double as upper,
        'CNY' as unit,
        case
            when not bool_and(is_attributed) then 'revenue_not_attributed'
            when
                count(*) filter (where tco2e is not null and revenue_cny is not null) = 0
                or count(*) filter (where tce is not null and revenue_cny is not null) = 0 then 'figure_missing'
        end as reason
    from covered
    group by month
),

-- plausible units
driven as (
    select
        min(v.site_id) as site_id, min(v.vehicle_class) as vehicle_class, t.vehicle_id,
        strftime(wall_time(z.timezone, t.started_at), '%Y-%m') as month,
        sum(t.distance_km::decimal(24, 4))::double as distance_km
    from clean.trip as t
    inner join clean.vehicle as v on t.vehicle_id = v.vehicle_id
    inner join reference.site_zone as z on v.site_id = z.site_id
    where
        wall_time(z.timezone, t.started_at)::date >= coalesce(v.valid_from, wall_time(z.timezone, t.started_at)::date)
        and wall_time(z.timezone, t.started_at)::date <= coalesce(v.valid_to, wall_time(z.timezone, t.started_at)::date)
    group by t.vehicle_id, month
    -- a vehicle that changed its site or class in the month cannot say for which it was fuelled
    having count(distinct v.site_id) = 1 and count(distinct v.vehicle_class) = 1
),

bought as (
    select vehicle_id, month, case when count(liquid_l) = count(*) then sum(liquid_l::decimal(24, 6))::double end as volume_l
    from mart.fuel_line
    where fuel in ('diesel', 'gasoline') and vehicle_id is not null
    group by vehicle_id, month
),

fuel_per_distance as (
    -- vehicles that both drove and were fuelled in the month
    select
        'fuel_per_distance' as check_name, d.month, d.site_id, d.vehicle_class as subject,
        null::double as expected,
        sum(f.volume_l::decimal(24, 6))::double / nullif(sum(d.distance_km::decimal(24, 4))::double, 0) as found,
        any_value(b.lower) as lower,
        any_value(b.upper) as upper,
        'L/km' as unit,
        case when sum(d.distance_km) = 0 then 'no_distance' end as reason
    from driven as d
    inner join bought as f on d.vehicle_id = f.vehicle_id and d.month = f.month
    inner join reference.plausibility as b on b.check_name = 'fuel_per_distance' and d.vehicle_class = b.subject
    group by d.month, d.site_id, d.vehicle_class
),

co2_per_litre as (
    select
        'co2_per_litre' as check_name, f.month, f.site_id, f.fuel as subject,
        null::double as expected,
        sum(f.emission_tco2e::decimal(38, 12))::double / nullif(sum(f.liquid_l::decimal(24, 6))::double, 0) * any_value(k.factor) as found,
        any_value(b.lower) as lower,
        any_value(b.upper) as upper,
        'kgCO2e/L' as unit,
        case when sum(f.liquid_l) = 0 then 'no_activity' end as reason
    from mart.fuel_line as f
    inner join reference.plausibility as b on b.check_name = 'co2_per_litre' and f.fuel = b.subject
    cross join (select factor from reference.unit_factor where from_unit = 'tCO2e' and to_unit = 'kgCO2e') as k
    where f.emission_tco2e is not null and f.liquid_l is not null
    group by f.month, f.site_id, f.fuel
),

electricity_per_area as (
    select
        'electricity_per_area' as check_name, e.month, e.site_id, s.site_kind as subject,
        null::double as expected,
        e.quantity / nullif(s.floor_area_m2, 0) as found,
        b.lower,
        b.upper,
        'kWh/m2' as unit,
        case when e.quantity is null then 'figure_missing' when coalesce(s.floor_area_m2, 0) = 0 then 'no_floor_area' end as reason
    from mart.site_month_energy as e
    inner join reference.site_month as s on e.site_id = s.site_id and e.month = s.month
    inner join reference.plausibility as b on b.check_name = 'electricity_per_area' and s.site_kind = b.subject
    where e.carrier = 'electricity'
),

-- the legs of an operation category cannot work more than the category
legs_and_category as (
    select
        'legs_and_category' as check_name, t.month, null::varchar as site_id, t.toc_id as subject,
        null::double as expected,
        sum(l.activity::decimal(38, 9))::double as found,
        0.0 as lower,
        any_value(t.activity) as upper,
        any_value(t.activity_unit) as unit,
        case when count(l.activity) < count(*) or any_value(t.activity) is null then 'figure_missing' end as reason
    from mart.toc_month as t
    inner join mart.leg_activity as l on t.toc_id = l.toc_id and t.month = l.month
    group by t.month, t.toc_id
),

-- factor rows that name each other's parts: TTW + WTT = WTW, and the gases of a row = the row
registered as (
    select
        regexp_replace(kind, '_(ttw|wtt|wtw)', '') as family,
        subject, region, nullif(parameter_set, '') as parameter_set, data_year, unit, coalesce(gas, 'CO2e') as gas, lifecycle_scope, value,
        pow(10, -length(split_part(value_text, '.', 2))) / 2 as half
    from reference.emission_factor
    where lifecycle_scope in ('TTW', 'WTT', 'WTW')
),

factor_phases as (
    select
        'factor_phases' as check_name, null::varchar as month, null::varchar as site_id,
        concat_ws(' ', family, subject, region, parameter_set, data_year, unit) as subject,
        sum(value::decimal(38, 12)) filter (where lifecycle_scope <> 'WTW')::double as expected,
        max(value) filter (where lifecycle_scope = 'WTW') as found,
        expected - 2 * max(half) as lower,
        expected + 2 * max(half) as upper,
        unit,
        null::varchar as reason
    from registered
    where gas = 'CO2e'
    group by family, registered.subject, region, parameter_set, data_year, unit
    having count(distinct lifecycle_scope) = 3 and count(*) = 3
),

factor_gases as (
    select
        'factor_gases' as check_name, null::varchar as month, null::varchar as site_id,
        concat_ws(' ', family, subject, region, parameter_set, data_year, lifecycle_scope, unit) as subject,
        sum(value::decimal(38, 12)) filter (where gas <> 'CO2e')::double as expected,
        max(value) filter (where gas = 'CO2e') as found,
        expected - count(*) filter (where gas <> 'CO2e') * max(half) as lower,
        expected + count(*) filter (where gas <> 'CO2e') * max(half) as upper,
        unit,
        null::varchar as reason
    from registered
    group by family, registered.subject, region, parameter_set, data_year, unit, lifecycle_scope
    having count(*) filter (where gas = 'CO2e') = 1 and count(*) filter (where gas in ('CO2', 'CH4', 'N2O')) = 3
),

-- certificates used in a year's months, closed ones as they were closed, against those held; each certificate counts once
certificate_held as (
    select *, row_number() over (partition by certificate_id order by energy_kwh, month) as nth
    from mart.certificate_ledger
    where reason is null
),

certificates_used as (
    select
        'certificates_used' as check_name, null::varchar as month, u.site_id,
        concat_ws(' ', u.year, 'certificates used:', u.country, string_agg(distinct h.market, '/' order by h.market), u.legal_entity_id) as subject,
        null::double as expected,
        any_value(u.kwh)::double as found,
        0.0 as lower,
        -- who has no certificate in the ledger holds none: the ledger is the whole of them
        coalesce(sum(h.energy_kwh::decimal(38, 6)), 0)::double as upper,
        'kWh' as unit,
        null::varchar as reason
    from (
        select left(month, 4) as year, country, site_id, null as legal_entity_id, sum(site_certificate_kwh::decimal(38, 6)) as kwh
        from mart.certificate_use
        where site_certificate_kwh > 0
        group by all
        union all
        select left(month, 4) as year, country, null as site_id, legal_entity_id, sum(entity_certificate_kwh::decimal(38, 6)) as kwh
        from mart.certificate_use
        where entity_certificate_kwh > 0
        group by all
    ) as u
    left join certificate_held as h
        on
            u.year = h.claimed_year::varchar and u.country = h.country and h.nth = 1
            and (u.site_id = h.site_id or (h.is_entity_wide and u.legal_entity_id = h.legal_entity_id))
    group by u.year, u.country, u.site_id, u.legal_entity_id
),

-- by how many methods a substance is reckoned at a site in a year; every mass balance is one, for it is of the whole year
refrigerant_method as (
    select
        site_id, subject, left(month, 4) as year,
        case split_part(rule_path, ' ', 1) when 'mass' then 'mass balance in ' || month when 'leak' then 'leak rate' else 'top-up' end as method,
        list_sort(list(distinct case when rule_path like 'leak rate%' then left(activity_id, strpos(activity_id, ' ' || month) - 1) end)) as equipment
    from line
    where category = 'refrigerant' and rule_path is not null
    group by site_id, subject, year, method
),

refrigerant_methods as (
    select
        'refrigerant_methods' as check_name, null::varchar as month, site_id,
        year || ' methods for ' || subject || ': '
        || string_agg(
            method || coalesce(' of ' || nullif(array_to_string(equipment[:5], ', '), '') || case when len(equipment) > 5 then ' …' else '' end, ''),
            '; ' order by method
        ) as subject,
        1.0 as expected,
        count(*)::double as found,
        1.0 as lower,
        1.0 as upper,
        '1' as unit,
        null::varchar as reason
    from refrigerant_method
    group by site_id, refrigerant_method.subject, year
),

-- a record that was moved out of a closed month into an open one stands in both; keys are unique among what is open
recorded as (
    select activity_table, activity_id, count(distinct month) as months
    from line
    group by activity_table, activity_id
),

records_once as (
    select
        'records_once' as check_name, null::varchar as month, null::varchar as site_id,
        'records counted in several months'
        || coalesce(': ' || array_to_string(list_sort(list(concat_ws(' ', activity_table, activity_id)) filter (where months > 1))[:5], ', '), '') as subject,
        0.0 as expected,
        (count(*) filter (where months > 1))::double as found,
        0.0 as lower,
        0.0 as upper,
        '1' as unit,
        null::varchar as reason
    from recorded
    having count(*) > 0
),

checked as (
    from lines_and_site_month
    union all by name
    from sites_and_enterprise
    union all by name
    from implied_factor
    union all by name
    from implied_factor_drift
    union all by name
    from boundary
    union all by name
    from one_denominator
    union all by name
    from fuel_per_distance
    union all by name
    from co2_per_litre
    union all by name
    from electricity_per_area
    union all by name
    from legs_and_category
    union all by name
    from certificates_used
    union all by name
    from refrigerant_methods
    union all by name
    from records_once
    union all by name
    from factor_phases
    union all by name
    from factor_gases
),

judged as (
    select
        *,
        -- what belongs to a year says so first
        case when check_name in ('certificates_used', 'refrigerant_methods') then left(subject, 4) end as year,
        case
            when reason is not null or found is null or lower is null or upper is null then 'cannot_tell'
            -- nine digits must agree: doubles hold no more of a sum
            when found between lower - abs(lower) * 1e-9 - 1e-12 and upper + abs(upper) * 1e-9 + 1e-12 then 'ok'
            else 'off'
        end as verdict
    from checked
)

select
    check_name, month, site_id, subject, expected, found, lower, upper, unit, verdict,
    case when verdict = 'cannot_tell' then coalesce(reason, 'figure_missing') end as reason,
    concat_ws(' ', month, site_id, subject) || '：' || case verdict
        when 'ok' then concat_ws(' ', format('{:.8g}', found), nullif(unit, '1'), '相符')
        when 'off'
            then
                concat_ws(' ', format('{:.8g}', found), nullif(unit, '1'))
                || case when lower = upper then format('，应为 {:.8g}', upper) else format('，应在 {:.8g} 至 {:.8g} 之间', lower, upper) end
                || coalesce('；请重述或重开 ' || year || ' 年已结账的月份', '')
        else '无法判断（' || coalesce(reason, 'figure_missing') || '）'
    end as zh,
    concat_ws(' ', month, site_id, subject) || ': ' || case verdict
        when 'ok' then concat_ws(' ', format('{:.8g}', found), nullif(unit, '1'), 'fits')
        when 'off'
            then
                concat_ws(' ', format('{:.8g}', found), nullif(unit, '1'))
                || case when lower = upper then format(', not {:.8g}', upper) else format(' lies outside {:.8g} to {:.8g}', lower, upper) end
                || coalesce('; restate or reopen the closed months of ' || year, '')
        else 'cannot be told (' || coalesce(reason, 'figure_missing') || ')'
    end as en
from judged
order by check_name, month, site_id, subject
