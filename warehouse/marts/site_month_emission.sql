-- zh: 各场所每月温室气体排放（直接 + 能源间接，位置法；市场法并列），任一明细缺因子则该合计为空
-- en: Emissions by site and month (direct + energy indirect, location-based; market-based beside); one line without a factor empties the sum
-- grain: site_id, month
select
    site_id,
    legal_entity_id,
    month,
    sum(emission_tco2e) filter (where scope = 1) as scope1_tco2e,
    sum(emission_tco2e) filter (where scope = 2 and basis = 'location') as scope2_location_tco2e,
    sum(emission_tco2e) filter (where scope = 2 and basis = 'market') as scope2_market_tco2e,
    case
        when count(*) filter (where scope in (1, 2) and basis <> 'market' and emission_tco2e is null) = 0
            then sum(emission_tco2e) filter (where scope in (1, 2) and basis <> 'market')
    end as emission_tco2e,
    sum(estimated_tco2e) filter (where scope in (1, 2) and basis <> 'market') as estimated_tco2e,
    case
        when count(*) filter (where scope in (1, 2) and basis <> 'market' and emission_tco2e is null) = 0
            then sum(emission_tco2e - coalesce(estimated_tco2e, 0.0)) filter (where scope in (1, 2) and basis <> 'market')
    end as measured_tco2e,
    max(reason) filter (where scope in (1, 2) and basis <> 'market') as reason
from mart.emission_line
where site_id is not null
group by site_id, legal_entity_id, month
order by site_id, month
