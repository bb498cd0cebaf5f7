-- zh: 包装材料排放：质量 × 材料足迹因子（企业自有因子）；重复使用的材料须另有因子
-- en: Packaging material: mass x life-cycle factor of the material (rows of the enterprise's own); used material needs a factor of its own
-- grain: activity_id
-- rows: packaging_purchase by purchased_on
with bought as (
    select
        *,
        strftime(purchased_on, '%Y-%m') as month,
        material || case when is_reused then ' (reused)' else '' end as subject
    from clean.packaging_purchase
)

select
    b.site_id,
    s.legal_entity_id,
    b.month,
    3 as scope,
    'direct' as basis,
    coalesce(f.lifecycle_scope, 'LCA') as lifecycle_scope,
    'packaging' as category,
    b.subject,
    'CO2e' as gas,
    false as is_biogenic,
    true as is_kyoto,
    b.mass_kg as activity,
    'kg' as activity_unit,
    f.factor_id,
    f.value * u.factor as factor_value,
    'kgCO2e/kg' as factor_unit,
    f.gwp_set as factor_gwp_set,
    f.verified as is_factor_verified,
    f.rule_path,
    1 as tier,
    'invoiced' as activity_quality,
    0.0 as estimated_share,
    case
        when s.legal_entity_id is null then 'site_unknown'
        when f.value is null then 'no_factor'
    end as reason,
    'packaging_purchase' as activity_table,
    b.document_id as activity_id,
    b.source,
    b.extract_id,
    b.row_number
from bought as b
left join reference.site_month as s on b.site_id = s.site_id and b.month = s.month
left join reference.factor_choice as f
    on f.kind = 'material_co2e' and b.subject = f.subject and b.month = f.month and s.region is not distinct from f.region
left join reference.unit_factor as u on f.unit = u.from_unit and u.to_unit = 'kgCO2e/kg'
order by b.month, b.document_id
