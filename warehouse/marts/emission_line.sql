-- zh: 排放明细：活动量 × 因子；每行写明因子、选取路径与是否核实；无因子者写明原因
-- en: Emission lines, activity x factor, each with the factor, how it was chosen and whether it is verified; no factor: the reason
-- grain: site_id, month, scope, basis, category, subject, counted_by
with candidate as (
    select
        r.province,
        f.factor_id,
        f.value,
        f.unit,
        f.verified,
        f.data_year,
        case
            when f.region = r.province then r.province || ' ' || f.data_year
            when f.region = r.grid_region then 'no province value for ' || r.province || ' -> ' || f.region || ' ' || f.data_year
            else 'no province or grid value for ' || r.province || ' -> ' || f.region || ' ' || f.data_year
        end as rule_path,
        row_number() over (
            partition by r.province
            order by (f.region = r.province) desc, (f.region = r.grid_region) desc, f.data_year desc,
            -- of two rows for one region and year the enterprise's own counts
            (f.origin = 'enterprise') desc, f.factor_id
        ) as choice
    from reference.grid_fallback as r
    inner join reference.emission_factor as f on f.kind = 'grid_location_avg' and f.region in (r.province, r.grid_region, r.nation)
    cross join reference.run as n
    where f.published_on is null or f.published_on <= n.factors_as_of
),

residual as (
    select f.*, 'latest published for ' || f.region as rule_path
    from reference.emission_factor as f
    cross join reference.run as n
    where f.kind = 'grid_residual' and (f.published_on is null or f.published_on <= n.factors_as_of)
    qualify row_number() over (
        partition by f.region order by f.data_year desc, (f.origin = 'enterprise') desc, f.factor_id
    ) = 1
),

bought as (
    select e.*, s.region from mart.site_month_energy as e
    left join reference.site_month as s on e.site_id = s.site_id and e.month = s.month
    where e.carrier in ('electricity', 'heat', 'steam', 'cooling')
),

line as (
    select
        e.site_id, e.legal_entity_id, e.month, 2 as scope, 'location' as basis, 'electricity' as category, e.carrier as subject,
        e.purchased_quantity as activity, e.unit as activity_unit,
        g.factor_id, g.value as factor_value, g.unit as factor_unit, g.verified as is_factor_verified, g.rule_path, e.estimated_share
    from bought as e
    left join candidate as g on e.region = g.province and g.choice = 1
    where e.carrier = 'electricity'
    union all by name
    select
        e.site_id, e.legal_entity_id, e.month, 2 as scope, 'market' as basis, 'electricity' as category, e.carrier as subject,
        e.purchased_quantity as activity, e.unit as activity_unit,
        r.factor_id, r.value as factor_value, r.unit as factor_unit, r.verified as is_factor_verified, r.rule_path, e.estimated_share
    from bought as e
    left join reference.grid_fallback as f on e.region = f.province
    left join residual as r on f.nation = r.region
    where e.carrier = 'electricity'
    union all by name
    select
        e.site_id, e.legal_entity_id, e.month, 2 as scope, b.basis, 'heat' as category, e.carrier as subject,
        e.purchased_quantity as activity, e.unit as activity_unit,
        h.factor_id, h.value as factor_value, h.unit as factor_unit, h.verified as is_factor_verified,
        case when h.factor_id is not null then 'national default' end as rule_path, e.estimated_share
    from bought as e
    cross join (values ('location'), ('market')) as b (basis)
    left join reference.grid_fallback as f on e.region = f.province
    left join reference.emission_factor as h
        on h.factor_id = 'heat_default_cn' and f.nation = h.region and e.carrier in ('heat', 'steam')
    where e.carrier in ('heat', 'steam', 'cooling')
    union all by name
    select
        e.site_id, e.legal_entity_id, e.month, 1 as scope, 'direct' as basis, 'stationary' as category, e.carrier as subject,
        e.quantity as activity, e.unit as activity_unit,
        c.factor_id, c.value as factor_value, c.unit as factor_unit, c.verified as is_factor_verified,
        'parameter set ' || c.parameter_set as rule_path, e.estimated_share
    from mart.site_month_energy as e
    left join reference.fuel_factor as x on e.carrier = x.fuel
    left join reference.emission_factor as c on x.co2_factor_id = c.factor_id
    where e.carrier = 'natural_gas'
)

select
    l.site_id, l.legal_entity_id, l.month, l.scope, l.basis, l.category, l.subject, 'meter' as counted_by, l.activity, l.activity_unit,
    l.factor_id, l.factor_value, l.factor_unit, l.is_factor_verified, l.rule_path,
    l.activity * l.factor_value * u.factor as emission_tco2e,
    l.activity * l.factor_value * u.factor * l.estimated_share as estimated_tco2e,
    case
        when l.activity is null then 'activity_unknown'
        when l.factor_id is null then 'no_factor'
        when u.factor is null then 'factor_unit_unknown'
    end as reason
from line as l
left join reference.unit_factor as u on l.factor_unit = u.from_unit and u.to_unit = 'tCO2e/' || l.activity_unit
union all by name
select
    f.site_id, f.legal_entity_id, f.month,
    case when f.ownership = 'outsourced' then 3 else 1 end as scope,
    'direct' as basis,
    case
        when f.ownership = 'outsourced' then 'outsourced_transport'
        when f.vehicle_id is null then 'stationary'
        else 'mobile'
    end as category,
    f.fuel as subject,
    'purchase' as counted_by,
    -- exact sums, so that they do not depend on the order of the rows
    case
        when count(coalesce(f.mass_kg, f.volume_nm3)) = count(*)
            then sum(coalesce(f.mass_kg, f.volume_nm3)::decimal(38, 9))::double
    end as activity,
    case when f.fuel in ('natural_gas', 'cng') then 'Nm3' else 'kg' end as activity_unit,
    f.co2_factor_id as factor_id,
    c.value as factor_value,
    c.unit as factor_unit,
    c.verified as is_factor_verified,
    'parameter set ' || c.parameter_set as rule_path,
    case when count(f.emission_tco2e) = count(*) then sum(f.emission_tco2e::decimal(38, 12))::double end as emission_tco2e,
    0.0 as estimated_tco2e,
    max(f.reason) as reason
from mart.fuel_line as f
left join reference.emission_factor as c on f.co2_factor_id = c.factor_id
group by all
order by site_id, month, scope, basis, category, subject, counted_by
