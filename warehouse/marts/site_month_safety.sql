-- zh: 各场所每月工伤（上下班途中单列）与全部出勤人员的工时（含加班）；台账已到而无工伤的场所记 0，台账未到为空
-- en: Injuries by site and month, commuting apart, and hours of all in attendance, overtime included; none, while the logs have arrived, counts 0
-- grain: site_id, month
-- rows: injury by injured_on, attendance_day by work_date
with injured as (
    select
        site_id,
        strftime(injured_on, '%Y-%m') as month,
        count(*) filter (where not is_commuting and consequence in ('lost_time', 'fatal')) as lost_time_cases,
        count(*) filter (where not is_commuting and consequence <> 'first_aid') as recordable_cases,
        count(*) filter (where is_commuting) as commuting_cases
    from clean.injury
    where not is_superseded
    group by all
),

-- a log speaks for the sites it has ever named; for a site none has named, all of them together do
spoken_for as (
    select i.site_id, a.month
    from clean.injury as i
    inner join meta.arrival as a on a.contract = 'injury' and i.source = a.source
    union distinct
    select s.site_id, s.month
    from reference.site_month as s
    inner join reference.complete_month as c on c.contract = 'injury' and s.month = c.month
),

worked as (
    select site_id, month, worked_h, attending_workers
    from mart.site_month_workforce
    where worked_h is not null
),

quiet as (
    select w.site_id, w.month, 0 as lost_time_cases, 0 as recordable_cases, 0 as commuting_cases
    from worked as w
    inner join spoken_for as l on w.site_id = l.site_id and w.month = l.month
    where not exists (select 1 from injured as i where i.site_id = w.site_id and i.month = w.month)
),

counted as (
    select * from injured
    union all by name
    select * from quiet
)

select
    coalesce(c.site_id, w.site_id) as site_id,
    s.legal_entity_id,
    coalesce(c.month, w.month) as month,
    c.lost_time_cases,
    c.recordable_cases,
    c.commuting_cases,
    w.worked_h,
    w.attending_workers,
    case when c.site_id is null then 'no_injury_log' when w.site_id is null then 'no_worked_hours' end as reason
from counted as c
full outer join worked as w on c.site_id = w.site_id and c.month = w.month
left join reference.site_month as s on coalesce(c.site_id, w.site_id) = s.site_id and coalesce(c.month, w.month) = s.month
order by site_id, month
