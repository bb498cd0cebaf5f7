-- zh: 外购电力（按位置与按市场两种口径）、热力、蒸汽、冷量与表计天然气（含其上游）的排放活动
-- en: What purchased electricity (location- and market-based), heat, steam, cooling and metered gas (with its supply) emit
-- grain: site_id, month, basis, subject, activity_table, lifecycle_scope
with bought as (
    select e.*, s.region
    from mart.site_month_energy as e
    left join reference.site_month as s on e.site_id = s.site_id and e.month = s.month
),

-- what a site made and used itself is as bought where somebody else may claim it
sold as (
    select site_id, month, sum(energy_kwh::decimal(38, 6))::double as sold_kwh
    from mart.certificate_ledger
    where reason = 'sold'
    group by site_id, month
),

line as (
    select
        e.*, 2 as scope, b.basis, 'electricity' as category,
        -- by the market only what no certificate covers
        case when u.covered_kwh is null then e.purchased_quantity else u.uncovered_kwh end as activity,
        f.factor_id, f.value, f.unit as per, f.gas, f.gwp_set,
        f.verified,
        f.rule_path || case when u.covered_kwh is null then '' else '; not covered by certificates' end as rule_path,
        'generation' as lifecycle_scope, 'site_month_energy' as activity_table, 'activity_unknown' as lacking
    from bought as e
    cross join (values ('location', 'grid_location_avg'), ('market', 'grid_residual')) as b (basis, kind)
    left join mart.certificate_use as u on b.basis = 'market' and e.site_id = u.site_id and e.month = u.month
    left join reference.factor_choice as f
        on b.kind = f.kind and f.subject = 'electricity' and e.month = f.month and e.region is not distinct from f.region
    where e.carrier = 'electricity' and u.uncovered_kwh is distinct from 0
    union all by name
    select
        e.*, 2 as scope, 'market' as basis, 'electricity' as category, u.covered_kwh as activity, f.factor_id, f.value, f.unit as per, f.gas, f.gwp_set,
        f.verified,
        coalesce(f.rule_path || '; ', '') || u.rule_path as rule_path,
        'generation' as lifecycle_scope, 'certificate_use' as activity_table, 'activity_unknown' as lacking
    from bought as e
    inner join mart.certificate_use as u on e.site_id = u.site_id and e.month = u.month
    left join reference.factor_choice as f
        on
            f.kind = 'grid_contractual' and f.subject = 'electricity (non-fossil, own use / green power with certificate)'
            and e.month = f.month and e.region is not distinct from f.region
    where e.carrier = 'electricity'
    union all by name
    select
        e.*, 2 as scope, 'market' as basis, 'electricity' as category,
        case when s.sold_kwh <= e.renewable_quantity - e.exported_quantity then s.sold_kwh end as activity,
        f.factor_id, f.value, f.unit as per, f.gas, f.gwp_set,
        f.verified,
        f.rule_path || '; made on site, certificates sold' as rule_path, 'generation' as lifecycle_scope, 'certificate_ledger' as activity_table,
        case when s.sold_kwh > e.renewable_quantity - e.exported_quantity then 'sold_beyond_own_use' else 'activity_unknown' end as lacking
    from bought as e
    inner join sold as s on e.site_id = s.site_id and e.month = s.month
    left join reference.factor_choice as f
        on f.kind = 'grid_residual' and f.subject = 'electricity' and e.month = f.month and e.region is not distinct from f.region
    where e.carrier = 'electricity'
    union all by name
    select
        e.*, 2 as scope, b.basis, 'heat' as category, e.purchased_quantity as activity, f.factor_id, f.value, f.unit as per, f.gas, f.gwp_set,
        f.verified, f.rule_path,
        'generation' as lifecycle_scope, 'site_month_energy' as activity_table, 'activity_unknown' as lacking
    from bought as e
    cross join (values ('location'), ('market')) as b (basis)
    left join reference.factor_choice as f
        on
            f.kind = 'heat_factor' and e.month = f.month and e.region is not distinct from f.region
            -- the shipped default is of heat and steam; cooling needs an own row, and an own row names its carrier
            and (e.carrier = f.subject or (f.subject = 'purchased heat / steam' and e.carrier in ('heat', 'steam')))
    where e.carrier in ('heat', 'steam', 'cooling')
    qualify
        row_number() over (
            partition by e.site_id, e.month, e.carrier, b.basis order by (f.subject = e.carrier) desc, f.factor_id
        ) = 1
    union all by name
    select
        e.*, 1 as scope, 'direct' as basis, 'stationary' as category, e.quantity as activity, c.factor_id, c.value, c.unit as per, c.gas, c.gwp_set,
        c.verified, c.rule_path,
        'TTW' as lifecycle_scope, 'site_month_energy' as activity_table, 'activity_unknown' as lacking
    from bought as e
    left join reference.fuel_co2 as c on c.subject = 'natural_gas' and e.month = c.month and e.region is not distinct from c.region
    where e.carrier = 'natural_gas'
    union all by name
    -- metered gas has to be brought as bought gas has
    select
        e.*, 3 as scope, 'direct' as basis, 'upstream_fuel' as category, e.quantity as activity, w.factor_id, w.value, w.unit as per, 'CO2e' as gas, w.gwp_set,
        w.verified, w.rule_path,
        'WTT' as lifecycle_scope, 'site_month_energy' as activity_table, 'activity_unknown' as lacking
    from bought as e
    left join reference.fuel_wtt as w on w.subject = 'natural_gas' and e.month = w.month and e.region is not distinct from w.region
    where e.carrier = 'natural_gas'
)

select
    l.site_id,
    l.legal_entity_id,
    l.month,
    l.scope,
    l.basis,
    l.lifecycle_scope,
    l.category,
    l.carrier as subject,
    -- a row that says no gas, and a line without a row, are of CO2
    coalesce(l.gas, 'CO2') as gas,
    false as is_biogenic,
    true as is_kyoto,
    l.activity,
    l.unit as activity_unit,
    l.factor_id,
    l.value * u.factor as factor_value,
    replace(u.to_unit, 'CO2e', coalesce(l.gas, 'CO2')) as factor_unit,
    l.gwp_set as factor_gwp_set,
    l.verified as is_factor_verified,
    l.rule_path,
    case when l.rule_path like '%own%' then 2 else 1 end as tier,
    'measured' as activity_quality,
    l.estimated_share,
    case
        when l.activity is null then l.lacking
        when l.factor_id is null then 'no_factor'
        when u.factor is null then 'factor_unit_unknown'
    end as reason,
    l.activity_table,
    l.site_id || ' ' || l.month || ' ' || l.carrier as activity_id,
    null::varchar as source,
    null::varchar as extract_id,
    null::bigint as row_number
from line as l
left join reference.unit_factor as u on l.per = u.from_unit and u.to_unit = 'kgCO2e/' || l.unit
order by l.site_id, l.month, l.basis, subject, l.activity_table, l.lifecycle_scope
