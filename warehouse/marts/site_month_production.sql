-- zh: 各场所每月产量与班组加班；超限指班组日人均加班超过法定每日上限
-- en: Output and team overtime by site and month; over the limit means more overtime per worker and day than the law allows
-- grain: site_id, month
-- rows: production_batch by produced_at, team_day by work_date
with output as (
    select
        b.site_id,
        strftime(wall_time(z.timezone, b.produced_at), '%Y-%m') as month,
        sum(b.output_t::decimal(18, 4))::double as output_t,
        sum(b.output_pieces::decimal(18, 4))::double as output_pieces
    from clean.production_batch as b
    inner join reference.site_zone as z on b.site_id = z.site_id
    group by all
),

team as (
    select
        t.site_id,
        strftime(t.work_date, '%Y-%m') as month,
        count(*) as team_days,
        sum(t.workers::decimal(18, 2))::double as workers,
        sum(t.overtime_person_min::decimal(18, 4))::double as overtime_person_min,
        count(*) filter (where t.overtime_person_min > t.workers * r.value * u.factor) as team_days_over_limit
    from clean.team_day as t
    cross join (select value from reference.working_time_rule where rule = 'overtime_per_day') as r
    cross join (select factor from reference.unit_factor where from_unit = 'h' and to_unit = 'min') as u
    group by all
)

select
    coalesce(o.site_id, t.site_id) as site_id,
    s.legal_entity_id,
    coalesce(o.month, t.month) as month,
    o.output_t,
    o.output_pieces,
    t.team_days,
    t.workers,
    t.overtime_person_min,
    t.team_days_over_limit
from output as o
full outer join team as t on o.site_id = t.site_id and o.month = t.month
left join reference.site_month as s on coalesce(o.site_id, t.site_id) = s.site_id and coalesce(o.month, t.month) = s.month
order by site_id, month
