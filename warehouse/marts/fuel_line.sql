-- zh: 每笔燃料采购：折算质量、标准体积或热量，标准煤与燃烧排放，写明所用因子
-- en: Every fuel purchase in mass, normal volume or heat, coal equivalent and combustion CO2, with the factors used
-- grain: document_id
-- rows: fuel_purchase by purchased_on
with placed as (
    select
        f.*,
        coalesce(v.site_id, f.site_id) as place,
        v.ownership,
        v.vehicle_class,
        strftime(f.purchased_on, '%Y-%m') as month
    from clean.fuel_purchase as f
    left join clean.vehicle as v
        on
            f.vehicle_id = v.vehicle_id
            and coalesce(v.valid_from, date '0001-01-01') <= f.purchased_on
            and coalesce(v.valid_to, date '9999-12-31') >= f.purchased_on
),

amount as (
    select
        p.*,
        x.co2_subject,
        x.is_biogenic,
        d.factor_id as density_factor_id,
        d.kg_per_m3,
        p.fuel in ('natural_gas', 'cng') as is_gas,
        case
            when is_gas then case
                when p.volume_m3 is not null
                    then
                        case p.volume_reference when '0C' then p.volume_m3 when '20C' then p.volume_m3 / r.value end
                when p.mass_kg is not null then p.mass_kg / d.kg_per_m3
            end
        end as volume_nm3,
        case
            when p.mass_kg is not null then p.mass_kg
            when is_gas then volume_nm3 * d.kg_per_m3
            when p.volume_l is not null then p.volume_l * u.factor * d.kg_per_m3
            -- with a reference temperature it is the volume of a vapour, which a liquid's density says nothing of
            when p.volume_m3 is not null and p.volume_reference is null then p.volume_m3 * d.kg_per_m3
        end as mass
    from placed as p
    left join reference.fuel_factor as x on p.fuel = x.fuel
    left join reference.site_month as s on p.place = s.site_id and p.month = s.month
    left join reference.density as d
        on x.density_subject = d.subject and p.month = d.month and s.region is not distinct from d.region
    cross join (select value from reference.emission_factor where factor_id = 'vol_ratio_20C_to_0C') as r
    cross join (select factor from reference.unit_factor where from_unit = 'L' and to_unit = 'm3') as u
),

-- what is bought by its heat is reckoned per heat
factor as (
    select month, region, subject, value, unit, gas, gwp_set, factor_id, verified, rule_path, false as is_by_heat from reference.fuel_co2
    union all
    select month, region, subject, value, unit, 'CO2' as gas, null as gwp_set, factor_id, verified, rule_path, true as is_by_heat
    from reference.fuel_co2_heat
),

factored as (
    select
        a.*,
        s.legal_entity_id,
        s.region,
        c.factor_id as co2_factor_id,
        c.value as co2_value,
        c.unit as co2_unit,
        c.gas as co2_gas,
        c.gwp_set as co2_gwp_set,
        c.verified as is_co2_factor_verified,
        c.rule_path,
        coalesce(a.volume_l, case when not a.is_gas then a.mass / a.kg_per_m3 / l.factor end) as liquid_l,
        -- gases are counted in normal cubic metres, liquids and solids in kilograms, what is bought by its heat in gigajoules
        case when a.heat_gj is not null then a.heat_gj when a.is_gas then a.volume_nm3 else a.mass end as quantity,
        case when a.heat_gj is not null then 'GJ' when a.is_gas then 'Nm3' else 'kg' end as unit
    from amount as a
    left join reference.site_month as s on a.place = s.site_id and a.month = s.month
    left join factor as c
        on
            a.co2_subject = c.subject and a.month = c.month and s.region is not distinct from c.region
            and (a.heat_gj is not null) = c.is_by_heat
    cross join (select factor from reference.unit_factor where from_unit = 'L' and to_unit = 'm3') as l
)

select
    a.document_id,
    a.source,
    a.extract_id,
    a.row_number,
    a.place as site_id,
    a.legal_entity_id,
    a.month,
    a.vehicle_id,
    coalesce(a.ownership, 'own') as ownership,
    a.vehicle_class,
    a.fuel,
    a.co2_subject,
    a.is_biogenic,
    a.volume_l,
    a.mass as mass_kg,
    a.volume_nm3,
    a.heat_gj,
    a.liquid_l,
    a.quantity,
    a.unit,
    case when a.heat_gj is null then a.density_factor_id end as density_factor_id,
    t.factor_id as tce_factor_id,
    a.quantity * t.tce_per_unit as energy_tce,
    a.co2_factor_id,
    a.co2_value,
    a.co2_unit,
    a.co2_gas,
    a.co2_gwp_set,
    -- how much of it there is in the unit the factor is given per
    case split_part(a.co2_unit, '/', 2)
        when 'kg' then a.mass when 'Nm3' then a.volume_nm3 when 'L' then a.liquid_l when 'GJ' then a.heat_gj
    end as co2_activity,
    a.is_co2_factor_verified,
    a.rule_path,
    co2_activity * a.co2_value * uc.factor as emission_tco2e,
    case
        when a.place is null or a.legal_entity_id is null then 'site_unknown'
        when a.is_gas and a.volume_nm3 is null and a.volume_m3 is not null then 'volume_reference_unknown'
        when a.fuel <> 'adblue' and a.co2_value is null then 'no_factor'
        when case a.fuel when 'adblue' then a.mass else co2_activity end is null then 'no_density'
    end as reason
from factored as a
left join reference.tce as t
    on
        a.fuel = t.subject and a.month = t.month and a.region is not distinct from t.region
        and a.unit = t.unit
cross join (select factor from reference.unit_factor where from_unit = 'kgCO2e' and to_unit = 'tCO2e') as uc
order by a.month, a.document_id
