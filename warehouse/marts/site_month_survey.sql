-- zh: 各场所每月满意度答卷与满意人数；多批次答卷合并计算；量表不在口径表中时满意人数为空
-- en: Survey answers and satisfied answers by site and month, waves pooled; empty where the policy does not know the scale
-- grain: site_id, month, policy
-- rows: survey_response by answered_on
with answered as (
    select r.site_id, strftime(r.answered_on, '%Y-%m') as month, k.policy, p.satisfied_from, r.score
    from clean.survey_response as r
    cross join (select distinct policy from reference.satisfaction_policy) as k
    left join reference.satisfaction_policy as p on k.policy = p.policy and r.scale_max = p.scale_max
),
counted as (
    select
        site_id,
        month,
        policy,
        count(*) as answers,
        case when count(satisfied_from) = count(*) then count(*) filter (where score >= satisfied_from) end as satisfied
    from answered
    group by all
),
-- how many a wave invited stands in the month it was first answered
wave as (
    select w.site_id, strftime(min(r.answered_on), '%Y-%m') as month, any_value(w.invited) as invited
    from clean.survey_wave as w
    inner join clean.survey_response as r on w.wave = r.wave
    group by w.wave, w.site_id
),
invitation as (
    select w.site_id, w.month, k.policy, sum(w.invited) as invited
    from wave as w
    cross join (select distinct policy from reference.satisfaction_policy) as k
    group by all
)
select
    coalesce(c.site_id, i.site_id) as site_id,
    s.legal_entity_id,
    coalesce(c.month, i.month) as month,
    coalesce(c.policy, i.policy) as policy,
    c.answers,
    c.satisfied,
    i.invited
from counted as c
full outer join invitation as i on c.site_id is not distinct from i.site_id and c.month = i.month and c.policy = i.policy
left join reference.site_month as s on coalesce(c.site_id, i.site_id) = s.site_id and coalesce(c.month, i.month) = s.month
order by site_id, month, policy
