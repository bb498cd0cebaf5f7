-- zh: 各场所每月满意度答卷与满意人数；多批次答卷合并计算；量表不在口径表中时满意人数为空。回收率按批次，计入首次答卷的月份
-- en: Survey answers and satisfied ones by site and month, waves pooled; unknown on an unknown scale; response by wave, in its first month
-- grain: site_id, month, policy
-- rows: survey_response by answered_on
with policies as (
    select distinct policy
    from reference.satisfaction_policy
),

answered as (
    select
        r.site_id,
        strftime(r.answered_on, '%Y-%m') as month,
        k.policy,
        count(*) as answers,
        case
            when count(p.satisfied_from) = count(*) then count(*) filter (where r.score >= p.satisfied_from)
        end as satisfied
    from clean.survey_response as r
    cross join policies as k
    left join reference.satisfaction_policy as p on k.policy = p.policy and r.scale_max = p.scale_max
    group by all
),

-- what a wave invited and got back stands together: at its site, or at none if it invited the whole enterprise
wave as (
    select
        w.wave,
        w.site_id,
        strftime(min(r.answered_on), '%Y-%m') as month,
        any_value(w.invited) as invited,
        count(*) as wave_answers
    from clean.survey_wave as w
    inner join clean.survey_response as r
        on w.wave = r.wave and coalesce(w.site_id = r.site_id, w.site_id is null)
    group by w.wave, w.site_id
),

response as (
    select w.site_id, w.month, k.policy, sum(w.invited)::bigint as invited, sum(w.wave_answers)::bigint as wave_answers
    from wave as w
    cross join policies as k
    group by w.site_id, w.month, k.policy
)

select
    coalesce(c.site_id, i.site_id) as site_id,
    s.legal_entity_id,
    coalesce(c.month, i.month) as month,
    coalesce(c.policy, i.policy) as policy,
    c.answers,
    c.satisfied,
    i.wave_answers,
    i.invited,
    case when c.answers is not null and c.satisfied is null then 'scale_unknown' end as reason
from answered as c
full outer join response as i on c.site_id is not distinct from i.site_id and c.month = i.month and c.policy = i.policy
left join reference.site_month as s on coalesce(c.site_id, i.site_id) = s.site_id and coalesce(c.month, i.month) = s.month
order by site_id, month, policy
