-- zh: 各场所每月客户满意度答卷，按每种口径各一行：满意者计 1，或按其在量表上的位置计 0–1；有量表不在口径表中时计分为空
-- en: Customers' answers on satisfaction by site, month and policy: 1 for a satisfied one, or its place on the scale; unknown on an unknown scale
-- grain: site_id, month, policy
-- rows: customer_response by answered_on
with policies as (
    select distinct policy
    from reference.customer_satisfaction_policy
),

answered as (
    select
        r.site_id,
        strftime(r.answered_on, '%Y-%m') as month,
        k.policy,
        count(*) as answers,
        case
            when count(p.policy) = count(*)
                then sum(
                    case
                        when p.satisfied_from is null then (r.score - r.scale_min) / (r.scale_max - r.scale_min)
                        when r.score >= p.satisfied_from then 1
                        else 0
                    end::decimal(18, 12)
                )::double
        end as satisfaction
    from clean.customer_response as r
    cross join policies as k
    left join reference.customer_satisfaction_policy as p
        on k.policy = p.policy and r.scale_min = p.scale_min and r.scale_max = p.scale_max
    where r.question = 'satisfaction'
    group by all
)

select
    a.site_id,
    s.legal_entity_id,
    a.month,
    a.policy,
    a.answers,
    a.satisfaction,
    case when a.satisfaction is null then 'scale_unknown' end as reason
from answered as a
left join reference.site_month as s on a.site_id = s.site_id and a.month = s.month
order by site_id, month, policy
