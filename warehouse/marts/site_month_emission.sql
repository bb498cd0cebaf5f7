-- zh: 各场所每月温室气体排放：直接 + 能源间接（位置法；市场法并列）、其他间接、生物源；任一明细缺因子或有缺口则该合计为空
-- en: Emissions by site and month: direct, energy indirect (location; market beside), other indirect, biogenic; what is unknown empties the sum
-- grain: site_id, month
with gap as (
    select site_id, month, max(reason) as reason
    from mart.energy_gap
    group by site_id, month
),

line as (
    select
        site_id, legal_entity_id, month, category, gas, reason,
        emission_tco2e::decimal(38, 12) as emission,
        estimated_tco2e::decimal(38, 12) as estimated,
        uncertainty_pct,
        case when is_biogenic then 'biogenic' when scope = 1 then 'scope1' when scope = 2 then 'scope2_' || basis else 'scope3' end as part
    from mart.emission_line
    where site_id is not null
),

total as (
    select
        site_id, legal_entity_id, month,
        sum(emission) filter (where part = 'scope1') as scope1,
        sum(emission) filter (where part = 'scope2_location') as scope2_location,
        sum(emission) filter (where part = 'scope2_market') as scope2_market,
        sum(emission) filter (where part = 'scope3') as scope3,
        sum(emission) filter (where part = 'biogenic') as biogenic,
        sum(emission) filter (where part in ('scope1', 'scope2_location')) as own,
        sum(emission) filter (where part in ('scope1', 'scope2_market')) as own_market,
        sum(emission) filter (where part in ('scope1', 'scope2_location', 'scope3')) as every,
        sum(estimated) filter (where part in ('scope1', 'scope2_location')) as estimated,
        max(reason) filter (where part in ('scope1', 'scope2_location')) as reason,
        max(reason) filter (where part in ('scope1', 'scope2_market')) as market_reason,
        max(reason) filter (where part = 'scope3') as scope3_reason,
        count(*) filter (where part = 'scope1' and emission is null) = 0 as is_scope1_known,
        count(*) filter (where part = 'scope2_location' and emission is null) = 0 as is_scope2_location_known,
        count(*) filter (where part = 'scope2_market' and emission is null) = 0 as is_scope2_market_known,
        count(*) filter (where part = 'scope3' and emission is null) = 0 as is_scope3_known,
        count(*) filter (where part = 'biogenic' and emission is null) = 0 as is_biogenic_known
    from line
    group by all
),

spread as (
    -- independent between categories, wholly dependent within one
    select site_id, month, sqrt(sum(pow(half_width, 2)::decimal(38, 12))::double) as half_width
    from (
        select site_id, month, category, gas, sum((emission * uncertainty_pct)::decimal(38, 9))::double as half_width
        from line
        where part in ('scope1', 'scope2_location')
        group by all
    ) as each_category
    group by site_id, month
)

select
    t.site_id,
    t.legal_entity_id,
    t.month,
    case when t.is_scope1_known and g.reason is null then t.scope1::double end as scope1_tco2e,
    case when t.is_scope2_location_known and g.reason is null then t.scope2_location::double end as scope2_location_tco2e,
    case when t.is_scope2_market_known and g.reason is null then t.scope2_market::double end as scope2_market_tco2e,
    case when t.is_scope3_known then t.scope3::double end as scope3_tco2e,
    case when t.is_biogenic_known then t.biogenic::double end as biogenic_tco2,
    case when t.is_scope1_known and t.is_scope2_location_known and g.reason is null then t.own::double end as emission_tco2e,
    case
        when t.is_scope1_known and t.is_scope2_market_known and g.reason is null then t.own_market::double
    end as emission_market_tco2e,
    case
        when t.is_scope1_known and t.is_scope2_location_known and t.is_scope3_known and g.reason is null then t.every::double
    end as emission_with_other_indirect_tco2e,
    t.estimated::double as estimated_tco2e,
    -- a line of which nothing is estimated says so; without any line there is neither
    case
        when t.is_scope1_known and t.is_scope2_location_known and g.reason is null then (t.own - t.estimated)::double
    end as measured_tco2e,
    u.half_width / nullif(t.own::double, 0) as uncertainty_pct,
    case when not (t.is_scope1_known and t.is_scope2_location_known) then t.reason else g.reason end as reason,
    case
        when t.is_scope1_known and t.is_scope2_location_known and not t.is_scope2_market_known then 'no_market_factor'
        when not (t.is_scope1_known and t.is_scope2_market_known) then t.market_reason
        else g.reason
    end as market_reason,
    t.scope3_reason
from total as t
left join gap as g on t.site_id = g.site_id and t.month = g.month
left join spread as u on t.site_id = u.site_id and t.month = u.month
order by site_id, month
