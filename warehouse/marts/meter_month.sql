-- zh: 每块表每月的用量：累计表按示数差（跨月读数按时间线性切分），区间表按区间量之和
-- en: What each meter counted in each month: register differences (a step across a month's end is cut by time), or sums of intervals
-- grain: meter_id, month
-- rows: meter_reading by read_at
with segment as (
    select
        g.*,
        m.site_id,
        m.carrier,
        m.register_kind,
        m.unit,
        m.multiplier,
        m.register_max,
        m.role,
        m.volume_reference,
        s.timezone,
        lag(g.last_at) over w as before_at,
        lag(g.last_register) over w as before_register,
        lag(g.month) over w as before_month
    from staged.meter_segment as g
    inner join reference.meter as m on g.meter_row = m.meter_row
    inner join reference.site_zone as s on m.site_id = s.site_id
    window w as (partition by g.meter_row order by g.first_at)
),

-- the step from the last reading before a segment to its first
step as (
    select
        meter_row,
        before_at as from_at,
        first_at as to_at,
        timezone,
        month,
        before_month,
        case
            when first_register >= before_register then first_register - before_register
            when before_register > 0.9 * register_max and first_register < 0.1 * register_max
                then first_register + register_max - before_register
            else first_register
        end::decimal(24, 6) as increase,
        (first_register < before_register)::int as negative_steps
    from segment
    where register_kind = 'cumulative' and before_at is not null
),

cut as (
    select
        meter_row,
        increase,
        negative_steps,
        from_at,
        to_at,
        timezone,
        unnest(generate_series(
            date_trunc('month', timezone(timezone, from_at)),
            date_trunc('month', timezone(timezone, to_at) - interval 1 microsecond),
            interval 1 month
        )) as month_start
    from step
    where before_month <> month
),

share as (
    select
        meter_row,
        strftime(month_start, '%Y-%m') as month,
        increase * (
            epoch_us(least(to_at, timezone(timezone, month_start + interval 1 month)))
            - epoch_us(greatest(from_at, timezone(timezone, month_start)))
        ) / (epoch_us(to_at) - epoch_us(from_at)) as increase,
        case when timezone(timezone, to_at) <= month_start + interval 1 month then negative_steps else 0 end as negative_steps,
        (from_at < timezone(timezone, month_start) or to_at > timezone(timezone, month_start + interval 1 month))::int as is_cut,
        -- what lies more than 45 days between two readings is an estimate
        to_at - from_at > interval 45 days as is_estimated
    from cut
    union all
    -- a step within one month needs no cutting
    select meter_row, month, increase, negative_steps, 0 as is_cut, to_at - from_at > interval 45 days as is_estimated
    from step
    where before_month = month
),

part as (
    select
        meter_row, month, increase::double as increase, readings, negative_steps, conflicting, estimated_increase, 0 as is_cut,
        register_kind = 'interval' or last_at > first_at as covers_time,
        is_in_place
    from segment
    union all by name
    select
        meter_row, month, increase::double as increase, 0 as readings, negative_steps, 0 as conflicting,
        case when is_estimated then increase else 0.0 end as estimated_increase, is_cut, true as covers_time, true as is_in_place
    from share
),

total as (
    select
        meter_row,
        month,
        sum(increase::decimal(24, 6))::double as increase,
        sum(readings)::bigint as readings,
        sum(negative_steps)::bigint as negative_steps,
        sum(conflicting)::bigint as conflicting_readings,
        sum(estimated_increase::decimal(24, 6))::double as estimated_increase,
        max(is_cut) = 1 as is_interpolated,
        bool_and(is_in_place) as is_in_place
    from part
    group by meter_row, month
    -- a month with one reading and no step to or from another has measured nothing
    having bool_or(covers_time)
)

select
    m.meter_id,
    m.site_id,
    t.month,
    m.carrier,
    coalesce(m.role, 'main') as role,
    t.increase as register_increase,
    m.unit as register_unit,
    -- in the carrier's mart unit; empty where nobody says what temperature a gas volume refers to, and where the
    -- register row changes (another site, another multiplier) between readings that were counted together
    case when t.is_in_place then t.increase end * coalesce(m.multiplier, 1) * u.factor
    / case
        when m.carrier = 'natural_gas' and m.unit not in ('Nm3', '万Nm3')
            then case m.volume_reference when '0C' then 1 when '20C' then v.value end
        else 1
    end as quantity,
    c.unit,
    t.readings,
    t.negative_steps,
    t.conflicting_readings,
    t.estimated_increase / nullif(t.increase, 0) as estimated_share,
    t.is_interpolated
from total as t
inner join reference.meter as m on t.meter_row = m.meter_row
inner join reference.carrier as c on m.carrier = c.carrier
left join reference.unit_factor as u
    on
        m.unit = u.from_unit
        and u.to_unit = case when m.carrier = 'natural_gas' and m.unit not in ('Nm3', '万Nm3') then 'm3' else c.unit end
cross join (select value from reference.emission_factor where factor_id = 'vol_ratio_20C_to_0C') as v
order by meter_id, month
