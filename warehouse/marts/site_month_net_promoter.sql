-- zh: 各场所每月客户推荐意愿答卷：9–10 分为推荐者，0–6 分为贬损者；有答卷不是 0–10 分制时人数为空
-- en: Customers' likelihood to recommend by site and month: 9 and 10 promote, 0 to 6 detract; unknown where an answer is not on 0 to 10
-- grain: site_id, month
-- rows: customer_response by answered_on
with answered as (
    select
        site_id,
        strftime(answered_on, '%Y-%m') as month,
        count(*) as answers,
        count(*) filter (where score >= 9) as promoters,
        count(*) filter (where score <= 6) as detractors,
        bool_and(scale_min = 0 and scale_max = 10) as is_scale_known
    from clean.customer_response
    where question = 'recommendation'
    group by all
)

select
    a.site_id,
    s.legal_entity_id,
    a.month,
    a.answers,
    case when a.is_scale_known then a.promoters end as promoters,
    case when a.is_scale_known then a.detractors end as detractors,
    case when a.is_scale_known then a.promoters - a.detractors end as net_promoters,
    case when not a.is_scale_known then 'scale_unknown' end as reason
from answered as a
left join reference.site_month as s on a.site_id = s.site_id and a.month = s.month
order by site_id, month
