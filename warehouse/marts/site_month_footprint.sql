-- zh: 各场所每月温室气体排放总量，按核算边界各一行：默认为直接与能源间接（位置法），并列市场法与含其他间接
-- en: Emissions of a site and month under each boundary: direct and energy indirect by location (default), by market, and with other indirect
-- grain: site_id, month, policy
select
    e.site_id,
    e.legal_entity_id,
    e.month,
    p.policy,
    case
        when p.basis = 'market' then e.emission_market_tco2e
        when p.counts_other_indirect then e.emission_with_other_indirect_tco2e
        else e.emission_tco2e
    end as emission_tco2e,
    e.estimated_tco2e,
    case
        when p.basis = 'market' then e.market_reason
        when e.reason is not null then e.reason
        when p.counts_other_indirect then e.scope3_reason
    end as reason
from mart.site_month_emission as e
cross join reference.emission_policy as p
order by site_id, month, policy
