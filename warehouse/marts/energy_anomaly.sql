-- zh: 用能异常：各表日均用量、各产线单位产量用电与其他月份的中位数相比，偏差超过绝对中位差的 3.5 倍（稳健 z 值）且超过两成者
-- en: A meter's use per day, or a line's electricity per tonne, far from its median of other months: robust z above 3.5 and a fifth off
-- grain: baseline, subject, carrier, month
-- warns: true
with metered as (
    select
        'meter' as baseline, k.meter_id as subject, k.site_id, k.carrier, k.month, c.unit || '/d' as unit,
        k.quantity / (last_day((k.month || '-01')::date) - (k.month || '-01')::date + 1) as actual
    from mart.meter_month_use as k
    inner join reference.carrier as c on k.carrier = c.carrier
    -- months measured at both ends and in between only
    where k.quantity is not null and k.estimated_quantity <= 0.3 * k.quantity
),

made as (
    select b.site_id, b.line, strftime(wall_time(z.timezone, b.produced_at), '%Y-%m') as month, sum(b.output_t::decimal(38, 6))::double as output_t
    from clean.production_batch as b
    inner join reference.site_zone as z on b.site_id = z.site_id
    group by all
),

lined as (
    select
        'line' as baseline, e.site_id || ' ' || e.place as subject, e.site_id, e.carrier, e.month, e.unit || '/t' as unit,
        e.quantity / nullif(m.output_t, 0) as actual
    from mart.energy_use_month as e
    inner join made as m on e.site_id = m.site_id and e.place = m.line and e.month = m.month
    where e.level = 'line' and e.quantity is not null
),

observed as (
    select * from metered
    union all
    select * from lined
    where actual is not null
),

-- each month beside the others of its meter or line, of which there are six at least
expected as (
    select
        o.baseline, o.subject, o.carrier, o.month, any_value(o.site_id) as site_id, any_value(o.unit) as unit, any_value(o.actual) as actual,
        count(*) as months, median(p.actual) as expected
    from observed as o
    inner join observed as p on o.baseline = p.baseline and o.subject = p.subject and o.carrier = p.carrier and o.month <> p.month
    group by o.baseline, o.subject, o.carrier, o.month
    having count(*) >= 6
),

spread as (
    select e.baseline, e.subject, e.carrier, e.month, median(abs(p.actual - e.expected)) as deviation
    from expected as e
    inner join observed as p on e.baseline = p.baseline and e.subject = p.subject and e.carrier = p.carrier and e.month <> p.month
    group by e.baseline, e.subject, e.carrier, e.month
),

scored as (
    select
        e.*,
        -- 1.4826 median deviations are a standard deviation where values are normally distributed; a steady meter has a hundredth at least
        (e.actual - e.expected) / nullif(greatest(1.4826 * s.deviation, 0.01 * abs(e.expected)), 0) as score
    from expected as e
    inner join spread as s on e.baseline = s.baseline and e.subject = s.subject and e.carrier = s.carrier and e.month = s.month
)

select
    baseline,
    subject,
    site_id,
    carrier,
    month,
    actual,
    expected,
    unit,
    months,
    score,
    case
        when expected = 0 then '以往为零，本月有用量 | used where it usually is not'
        when actual < 0 then '本月为负 | below zero'
        else '为平常的 ' || round(actual / expected, 2) || ' 倍 | ' || round(actual / expected, 2) || ' x its usual'
    end as reason
from scored
where (abs(score) > 3.5 and abs(actual - expected) > 0.2 * abs(expected)) or (score is null and actual <> 0)
order by baseline, subject, carrier, month
