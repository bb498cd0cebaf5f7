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

-- every answer, and the row that invited its site
answer as (
    select r.wave, r.site_id, w.site_id as invited_site_id, min(r.answered_on) over (partition by r.wave) as begun_on
    from clean.survey_response as r
    left join clean.survey_wave as w on r.wave = w.wave and r.site_id = w.site_id
),

wave as (
    select
        w.wave,
        sum(w.invited) filter (where w.site_id is not null) as invited_by_site,
        sum(w.invited) filter (where w.site_id is null) as invited_whole
    from clean.survey_wave as w
    group by w.wave
),

returned as (
    select
        a.wave,
        strftime(any_value(a.begun_on), '%Y-%m') as month,
        any_value(w.invited_by_site) as invited_by_site,
        any_value(w.invited_whole) as invited_whole,
        count(*) as answers,
        -- an answer that names no site may be of any of them
        count(case when w.invited_whole is null then a.invited_site_id else a.site_id end) = count(*) as is_by_site
    from answer as a
    inner join wave as w on a.wave = w.wave
    group by a.wave
),

by_site as (
    -- a site that was invited and did not answer answered nought
    select w.wave, w.site_id, r.month, any_value(w.invited) as invited, count(a.wave) as wave_answers
    from clean.survey_wave as w
    inner join returned as r on w.wave = r.wave
    left join answer as a on w.wave = a.wave and w.site_id = a.invited_site_id
    where w.site_id is not null and r.is_by_site
    group by w.wave, w.site_id, r.month
),

-- what a wave invited and got back beyond its sites is the enterprise's: all of it where the answers do not say where they come from
beyond as (
    select
        r.month,
        coalesce(r.invited_whole, r.invited_by_site) - coalesce(sum(s.invited), 0) as invited,
        r.answers - coalesce(sum(s.wave_answers), 0) as wave_answers
    from returned as r
    left join by_site as s on r.wave = s.wave
    group by r.wave, r.month, r.invited_whole, r.invited_by_site, r.answers
),

invitation as (
    select site_id, month, invited, wave_answers from by_site
    union all
    select null as site_id, month, invited, wave_answers from beyond
    where invited <> 0 or wave_answers <> 0
),

response as (
    select w.site_id, w.month, k.policy, sum(w.invited)::bigint as invited, sum(w.wave_answers)::bigint as wave_answers
    from invitation as w
    cross join policies as k
    group by all
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
