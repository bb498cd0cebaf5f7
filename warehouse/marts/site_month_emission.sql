-- zh: 各场所每月温室气体排放（直接 + 能源间接，位置法；市场法并列），任一明细缺因子或有缺口则该合计为空
-- en: Emissions by site and month (direct + energy indirect, location-based; market-based beside); a line without a factor or a gap empties the sum
-- grain: site_id, month
with gap as (
    select site_id, month, max(reason) as reason
    from mart.energy_gap
    group by site_id, month
),

line as (
    select
        site_id, legal_entity_id, month, reason,
        emission_tco2e::decimal(38, 12) as emission_tco2e,
        estimated_tco2e::decimal(38, 12) as estimated_tco2e,
        case when scope = 1 then 'scope1' when scope = 2 then 'scope2_' || basis end as part
    from mart.emission_line
    where site_id is not null
),

total as (
    select
        site_id, legal_entity_id, month,
        sum(emission_tco2e) filter (where part = 'scope1') as scope1,
        sum(emission_tco2e) filter (where part = 'scope2_location') as scope2_location,
        sum(emission_tco2e) filter (where part = 'scope2_market') as scope2_market,
        sum(emission_tco2e) filter (where part in ('scope1', 'scope2_location')) as emission,
        sum(estimated_tco2e) filter (where part in ('scope1', 'scope2_location')) as estimated,
        max(reason) filter (where part in ('scope1', 'scope2_location')) as reason,
        count(*) filter (where part = 'scope1' and emission_tco2e is null) = 0 as is_scope1_known,
        count(*) filter (where part = 'scope2_location' and emission_tco2e is null) = 0 as is_scope2_location_known,
        count(*) filter (where part = 'scope2_market' and emission_tco2e is null) = 0 as is_scope2_market_known
    from line
    group by all
)

select
    t.site_id,
    t.legal_entity_id,
    t.month,
    case when t.is_scope1_known and g.reason is null then t.scope1::double end as scope1_tco2e,
    case when t.is_scope2_location_known and g.reason is null then t.scope2_location::double end as scope2_location_tco2e,
    case when t.is_scope2_market_known and g.reason is null then t.scope2_market::double end as scope2_market_tco2e,
    case when t.is_scope1_known and t.is_scope2_location_known and g.reason is null then t.emission::double end as emission_tco2e,
    t.estimated::double as estimated_tco2e,
    case
        when t.is_scope1_known and t.is_scope2_location_known and g.reason is null
            then (t.emission - coalesce(t.estimated, 0))::double
    end as measured_tco2e,
    case when not (t.is_scope1_known and t.is_scope2_location_known) then t.reason else g.reason end as reason
from total as t
left join gap as g on t.site_id = g.site_id and t.month = g.month
order by site_id, month
