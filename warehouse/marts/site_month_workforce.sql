-- zh: 各场所每月人员与工时：员工指合同工；月平均 =（月初 + 月末）/ 2；上月末在职者当月名册须有其行或离职日期，否则为空；加班按标准工时逐日、逐月检验
-- en: People and hours by site and month; employees have a contract; average = (opening + closing) / 2; unknown where a roll lacks somebody; overtime tested
-- grain: site_id, month
-- rows: employee_month by month, attendance_day by work_date
with stated as (
    select
        employee_key,
        source,
        site_id,
        month,
        worker_type,
        gender,
        hours_system,
        is_employed_at_end,
        hired_on,
        left_on,
        (month || '-01')::date as month_start,
        last_day((month || '-01')::date) as month_end,
        lead(month) over (partition by employee_key order by month) as next_month,
        lead(hired_on) over (partition by employee_key order by month) as next_hired_on,
        lead(left_on) over (partition by employee_key order by month) as next_left_on
    from clean.employee_month
    where not is_superseded
),

-- a leave date in the month that only the next roll names: the month's own was drawn before
dated as (
    select
        *,
        coalesce(next_left_on between month_start and month_end and coalesce(left_on > month_end, true), false) as is_told_later
    from stated
),

listed as (
    select
        employee_key,
        source,
        site_id,
        month,
        worker_type,
        gender,
        hours_system,
        hired_on,
        month_start,
        month_end,
        next_month,
        next_hired_on,
        next_left_on,
        case when is_told_later then next_left_on else left_on end as left_on,
        case
            when is_told_later then next_left_on = month_end and coalesce(is_employed_at_end, false)
            else coalesce(is_employed_at_end, left_on is null or left_on > month_end)
        end as is_employed_at_end
    from dated
),

-- who is employed at the month's end and has no row in the next, with the date they left on where one is known: the next roll with a row of theirs
-- names it, or this one has announced it and the next does not deny it
followed as (
    select
        *,
        case
            when next_left_on > month_end and strftime(next_left_on, '%Y-%m') < next_month then next_left_on
            when next_month is null or (next_hired_on > left_on and strftime(left_on, '%Y-%m') < next_month) then left_on
        end as gone_on
    from listed
    where is_employed_at_end and coalesce(left_on > month_end, true)
),

delivery as (
    select
        source,
        month,
        lead(month) over (partition by source order by month) as next_month
    from meta.arrival
    where contract = 'employee_month'
),

-- the months in which any source that has people at a site has delivered, by every such source
heard as (
    select distinct own.source, own.site_id, d.month
    from (select distinct source, site_id from stated) as own
    inner join (select distinct source, site_id from stated) as beside on own.site_id = beside.site_id
    inner join delivery as d on beside.source = d.source
),

-- the months in which the people of a delivery should have a row: the next, which lists them or says that they left; and those in which only other
-- sources have delivered. What left a month nobody has ever delivered is unknown and nothing against the month after
owed as (
    select
        d.source,
        h.site_id,
        d.month as since,
        h.month,
        case when h.month = d.next_month then 'roll_incomplete' else 'roll_late' end as reason
    from delivery as d
    inner join heard as h on d.source = h.source and d.month < h.month
    where
        coalesce(h.month < d.next_month, true)
        or (h.month = d.next_month and h.month = strftime((d.month || '-01')::date + interval 1 month, '%Y-%m'))
),

roll as (
    select employee_key, site_id, month, worker_type, gender, hours_system, hired_on, left_on, is_employed_at_end, null::varchar as reason
    from listed
    union all
    -- left in a month without a row of theirs
    select
        f.employee_key,
        f.site_id,
        h.month,
        f.worker_type,
        f.gender,
        f.hours_system,
        f.hired_on,
        f.gone_on as left_on,
        false as is_employed_at_end,
        null::varchar as reason
    from followed as f
    inner join heard as h on f.source = h.source and f.site_id = h.site_id and h.month = strftime(f.gone_on, '%Y-%m')
    union all
    -- came and left before a roll had them
    select
        c.employee_key,
        c.site_id,
        d.month,
        c.worker_type,
        c.gender,
        c.hours_system,
        c.hired_on,
        c.left_on,
        false as is_employed_at_end,
        null::varchar as reason
    from (
        select *
        from listed
        qualify
            coalesce(
                not lag(is_employed_at_end) over (partition by employee_key order by month)
                and lag(month) over (partition by employee_key order by month) < strftime(left_on, '%Y-%m'),
                true
            )
    ) as c
    inner join delivery as d on c.source = d.source and d.month = strftime(c.left_on, '%Y-%m')
    where c.left_on < c.month_start
    union all
    -- nobody knows whether, where and as what they were still employed
    select
        f.employee_key,
        f.site_id,
        o.month,
        f.worker_type,
        null::varchar as gender,
        f.hours_system,
        null::date as hired_on,
        null::date as left_on,
        null::boolean as is_employed_at_end,
        o.reason
    from followed as f
    inner join owed as o on f.source = o.source and f.site_id = o.site_id and f.month = o.since
    where coalesce(o.month < f.next_month, true) and coalesce(o.month < strftime(f.gone_on, '%Y-%m'), true)
),

people as (
    select
        site_id,
        month,
        min(reason) as roll_reason,
        -- whoever a roll has lost, it lists who is there; one that is late lists nobody
        min(reason) filter (where reason = 'roll_late') as end_reason,
        case when end_reason is null then count(*) filter (where is_employed_at_end) end as employees_end,
        case
            when end_reason is null and count(gender) filter (where is_employed_at_end) = count(*) filter (where is_employed_at_end)
                then count(*) filter (where is_employed_at_end and gender = 'female')
        end as women_end,
        -- who was there on the first of the month is known only if everybody's hiring date is
        case
            when count(reason) = 0 and count(hired_on) = count(*)
                then (
                    count(*) filter (where hired_on < (month || '-01')::date and coalesce(left_on >= (month || '-01')::date, true))
                    + count(*) filter (where is_employed_at_end)
                ) / 2.0
        end as employees_average,
        -- somebody who is gone, nobody says since when, may have left this month or before
        case
            when count(reason) = 0 and count(*) filter (where not is_employed_at_end and left_on is null) = 0
                then count(*) filter (where strftime(left_on, '%Y-%m') = month)
        end as leavers
    from roll
    where worker_type = 'own'
    group by site_id, month
),

attended as (
    select
        a.employee_key,
        a.site_id,
        a.work_date,
        a.hours_system,
        a.day_kind,
        a.worked_h,
        -- of no hours none are overtime
        coalesce(a.overtime_h, case when a.worked_h = 0 then 0 end) as overtime_h,
        strftime(a.work_date, '%Y-%m') as month,
        case when e.reason is null then e.site_id end as roll_site_id,
        e.worker_type,
        e.hours_system as roll_hours_system,
        e.reason as roll_reason
    from clean.attendance_day as a
    left join roll as e on a.employee_key = e.employee_key and e.month = strftime(a.work_date, '%Y-%m')
    where not a.is_superseded
),

worked as (
    select
        site_id,
        month,
        sum(worked_h::decimal(12, 4))::double as worked_h,
        count(distinct employee_key) as attending_workers,
        min(roll_reason) filter (where worker_type = 'own') as hours_reason,
        case
            when count(roll_reason) filter (where worker_type = 'own') = 0
                then sum(worked_h::decimal(12, 4)) filter (where worker_type = 'own')::double
        end as employees_worked_h
    from attended
    group by site_id, month
),

-- the limits are those of an employee's whole month, at however many sites it was worked: it counts once, where the roll has the employee, else where
-- the last day was
employee_overtime as (
    select
        coalesce(any_value(roll_site_id), arg_max(site_id, work_date)) as site_id,
        month,
        -- without an approval for another system the standard hours apply
        coalesce(min(hours_system), min(roll_hours_system), 'standard') = 'standard' as is_standard,
        count(*) filter (where overtime_h is null and coalesce(day_kind, 'workday') <> 'holiday') = 0 as is_known,
        -- the last approval known is not this month's
        case when count(hours_system) = 0 and min(roll_hours_system) <> 'standard' then min(roll_reason) end as roll_reason,
        max(overtime_h) filter (where coalesce(day_kind, 'workday') = 'workday') as overtime_day_h,
        sum(overtime_h::decimal(12, 4)) filter (where coalesce(day_kind, 'workday') <> 'holiday') as overtime_month_h
    from attended
    group by employee_key, month
),

-- what is known may be over the limits already; where it is not, what is unknown may be
judged as (
    select
        t.site_id,
        t.month,
        t.is_standard,
        t.is_known,
        t.roll_reason,
        coalesce(t.overtime_day_h > d.value, false) or coalesce(t.overtime_month_h > m.value, false) as is_over
    from employee_overtime as t
    cross join (select value from reference.working_time_rule where rule = 'overtime_per_day') as d
    cross join (select value from reference.working_time_rule where rule = 'overtime_per_month') as m
),

reasoned as (
    select
        site_id,
        month,
        is_standard,
        is_over,
        coalesce(roll_reason, case when is_standard and not is_known and not is_over then 'overtime_unknown' end) as reason
    from judged
),

tested as (
    select
        site_id,
        month,
        min(reason) as overtime_reason,
        case when count(reason) = 0 then count(*) filter (where is_standard) end as tested_employee_months,
        case when count(reason) = 0 then count(*) filter (where is_standard and not is_over) end as compliant_employee_months
    from reasoned
    group by site_id, month
),

hours as (
    select
        coalesce(w.site_id, t.site_id) as site_id,
        coalesce(w.month, t.month) as month,
        w.worked_h,
        w.attending_workers,
        w.hours_reason,
        w.employees_worked_h,
        t.overtime_reason,
        t.tested_employee_months,
        t.compliant_employee_months
    from worked as w
    full outer join tested as t on w.site_id = t.site_id and w.month = t.month
)

select
    coalesce(p.site_id, h.site_id) as site_id,
    s.legal_entity_id,
    coalesce(p.month, h.month) as month,
    p.employees_end,
    p.women_end,
    p.employees_average,
    p.leavers,
    h.worked_h,
    h.attending_workers,
    h.employees_worked_h,
    h.tested_employee_months,
    h.compliant_employee_months,
    p.roll_reason,
    p.end_reason,
    h.hours_reason,
    h.overtime_reason
from people as p
full outer join hours as h on p.site_id = h.site_id and p.month = h.month
left join reference.site_month as s on coalesce(p.site_id, h.site_id) = s.site_id and coalesce(p.month, h.month) = s.month
order by site_id, month
