-- zh: 排放按场所 × 月 × 范围 × 口径 × 类别 × 气体汇总；生物源二氧化碳单列；含合成不确定度与实测占比
-- en: Emissions by site, month, scope, basis, lifecycle scope, category and gas; biogenic CO2 apart; with combined uncertainty and share measured
-- grain: site_id, month, scope, basis, lifecycle_scope, category, gas, is_biogenic
select
    site_id,
    legal_entity_id,
    month,
    scope,
    basis,
    lifecycle_scope,
    category,
    gas,
    is_biogenic,
    is_kyoto,
    count(*) as lines,
    -- exact sums, so that they do not depend on the order of the rows; one line without a figure empties the sum
    case when count(emission_tco2e) = count(*) then sum(gas_kg::decimal(38, 9))::double end as gas_kg,
    case when count(emission_tco2e) = count(*) then sum(emission_tco2e::decimal(38, 12))::double end as emission_tco2e,
    case when count(emission_tco2e) = count(*) then sum(estimated_tco2e::decimal(38, 12))::double end as estimated_tco2e,
    -- lines of one category share their factor: what is uncertain about it does not cancel out
    case
        when count(emission_tco2e) = count(*)
            then sum((emission_tco2e * uncertainty_pct)::decimal(38, 9))::double / nullif(sum(emission_tco2e::decimal(38, 12))::double, 0)
    end as uncertainty_pct,
    count(*) filter (where not is_factor_verified) as unverified_lines,
    count(*) filter (where flag is not null) as flagged_lines,
    max(reason) as reason
from mart.emission_line
group by all
order by site_id, month, scope, basis, lifecycle_scope, category, gas, is_biogenic
