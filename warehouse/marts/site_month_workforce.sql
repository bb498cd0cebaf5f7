-- zh: 各场所每月人员与工时：员工指合同工；月平均 =（月初 + 月末）/ 2；加班按标准工时逐日、逐月检验
-- en: People and hours by site and month; employees are those with a contract; average = (opening + closing) / 2; overtime tested per day and month
-- grain: site_id, month
-- rows: employee_month by month, attendance_day by work_date
with roll as (
    select
        site_id,
        month,
        gender,
        (month || '-01')::date as month_start,
        last_day((month || '-01')::date) as month_end,
        hired_on,
        left_on,
        coalesce(is_employed_at_end, left_on is null or left_on > last_day((month || '-01')::date)) as is_employed_at_end
    from clean.employee_month
    where not is_superseded and worker_type = 'own'
),

people as (
    select
        site_id,
        month,
        count(*) filter (where is_employed_at_end) as employees_end,
        case
            when count(gender) filter (where is_employed_at_end) = count(*) filter (where is_employed_at_end)
                then count(*) filter (where is_employed_at_end and gender = 'female')
        end as women_end,
        -- who was there on the first of the month is known only if everybody's hiring date is
        case
            when count(hired_on) = count(*)
                then (
                    count(*) filter (where hired_on < month_start and coalesce(left_on >= month_start, true))
                    + count(*) filter (where is_employed_at_end)
                ) / 2.0
        end as employees_average,
        -- somebody who is gone, nobody says since when, may have left this month or before
        case
            when count(*) filter (where not is_employed_at_end and left_on is null) = 0
                then count(*) filter (where left_on between month_start and month_end)
        end as leavers
    from roll
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
        a.overtime_h,
        strftime(a.work_date, '%Y-%m') as month,
        e.site_id as roll_site_id,
        e.worker_type,
        e.hours_system as roll_hours_system
    from clean.attendance_day as a
    left join clean.employee_month as e
        on a.employee_key = e.employee_key and e.month = strftime(a.work_date, '%Y-%m') and not e.is_superseded
    where not a.is_superseded
),

worked as (
    select
        site_id,
        month,
        sum(worked_h::decimal(12, 4))::double as worked_h,
        count(distinct employee_key) as attending_workers,
        sum(worked_h::decimal(12, 4)) filter (where worker_type = 'own')::double as employees_worked_h
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
        coalesce(min(hours_system), min(roll_hours_system), 'standard') = 'standard' and count(overtime_h) = count(*) as is_tested,
        max(overtime_h) filter (where coalesce(day_kind, 'workday') = 'workday') as overtime_day_h,
        sum(overtime_h::decimal(12, 4)) filter (where coalesce(day_kind, 'workday') <> 'holiday') as overtime_month_h
    from attended
    group by employee_key, month
),

tested as (
    select
        t.site_id,
        t.month,
        count(*) filter (where t.is_tested) as tested_employee_months,
        count(*) filter (
            where t.is_tested
            and coalesce(t.overtime_day_h <= d.value, true)
            and coalesce(t.overtime_month_h <= m.value, true)
        ) as compliant_employee_months
    from employee_overtime as t
    cross join (select value from reference.working_time_rule where rule = 'overtime_per_day') as d
    cross join (select value from reference.working_time_rule where rule = 'overtime_per_month') as m
    group by all
),

hours as (
    select
        coalesce(w.site_id, t.site_id) as site_id,
        coalesce(w.month, t.month) as month,
        w.worked_h,
        w.attending_workers,
        w.employees_worked_h,
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
    h.compliant_employee_months
from people as p
full outer join hours as h on p.site_id = h.site_id and p.month = h.month
left join reference.site_month as s on coalesce(p.site_id, h.site_id) = s.site_id and coalesce(p.month, h.month) = s.month
order by site_id, month
