-- zh: 每块表每月的用量：实测量与按指定方法估算的量之和，附覆盖率、无法判断的小时数与方法；登记行在月中变更时每行各一条
-- en: What each meter counted in each month: measured plus estimated by a named method, coverage, hours nobody can speak for; one per register row
-- grain: meter_id, valid_from, month
-- rows: meter_reading by read_at
-- warns: coverage < 0.95
with placed as (
    select
        p.*,
        m.meter_id,
        m.site_id,
        m.valid_from,
        m.carrier,
        m.register_kind,
        coalesce(m.role, 'main') as role,
        m.unit as register_unit,
        f.mart_unit as unit,
        p.measured + p.estimated as increase,
        -- the part of the month in which the meter was registered
        epoch_us(least(
            timezone(s.timezone, (p.month || '-01')::timestamp + interval 1 month),
            timezone(s.timezone, f.last_day::timestamp + interval 1 day)
        )) - epoch_us(greatest(
            timezone(s.timezone, (p.month || '-01')::timestamp),
            timezone(s.timezone, m.valid_from::timestamp)
        )) as expected_us,
        case when p.known_us > 0 or m.register_kind = 'interval' then f.factor end as per_register,
        case
            when p.known_us = 0 and m.register_kind = 'cumulative' then 'not_determinable'
            when f.factor is null then 'volume_reference_unknown'
        end as unknown
    from staged.meter_part as p
    inner join reference.meter as m on p.meter_row = m.meter_row
    inner join reference.site_zone as s on m.site_id = s.site_id
    inner join reference.meter_register as f on m.meter_row = f.meter_row
    -- a month with one reading of a counter and no step to or from another has measured nothing
    where p.known_us > 0 or p.readings > 1 or m.register_kind = 'interval'
),

judged as (
    select
        p.*,
        p.increase / 1e6 * p.per_register as counted,
        greatest(p.expected_us - p.known_us, 0) as missing_us,
        -- what a bill fills up, where there is one: a month of which a twentieth is unread, or more than the enterprise lets go
        coalesce(
            p.unknown,
            case
                when p.expected_us - p.known_us > p.expected_us * least(r.unread_tolerance_pct, 5.0) / 100 then 'readings_incomplete'
            end
        ) as lack,
        -- and what is no figure without one
        coalesce(
            p.unknown, case when p.expected_us - p.known_us > p.expected_us * r.unread_tolerance_pct / 100 then 'readings_incomplete' end
        ) as refusal
    from placed as p
    cross join reference.run as r
),

-- of an account's bill what its meters have not counted stands for the hours in which they said nothing; not where one of them
-- is silent or unknown altogether, nor where they have counted more than was billed
rest as (
    select w.site_id, w.carrier, w.account, w.month, any_value(b.quantity) - k.counted as quantity, k.missing_us
    from mart.bill_meter as w
    inner join (
        select
            v.site_id, v.carrier, v.account, v.month, count(distinct j.meter_id) as meters,
            sum(coalesce(j.counted, 0)::decimal(38, 6))::double as counted, sum(j.missing_us) filter (where j.lack is not null) as missing_us
        from judged as j
        inner join mart.bill_meter as v on j.site_id = v.site_id and j.carrier = v.carrier and j.meter_id = v.meter_id and j.month = v.month
        where v.is_own
        group by v.site_id, v.carrier, v.account, v.month
        having count(*) filter (where j.lack = 'volume_reference_unknown') = 0
    ) as k
        on w.site_id = k.site_id and w.carrier = k.carrier and w.account = k.account and w.month = k.month
    left join mart.bill_month as b
        on
            w.site_id = b.site_id and w.carrier = b.carrier and w.month = b.month and w.supply_point_id is not distinct from b.supply_point_id
            and w.account_meter_id is not distinct from b.meter_id and b.reason is null
    where w.is_own
    group by w.site_id, w.carrier, w.account, w.month, k.meters, k.counted, k.missing_us
    -- one account (those of one name differ by supply point), whole, and every meter of it
    having count(distinct coalesce(w.supply_point_id, '')) = 1 and count(distinct w.meter_id) = k.meters and any_value(b.quantity) >= k.counted
),

filled as (
    select
        j.* exclude (missing_us, lack, refusal),
        r.quantity * j.missing_us / r.missing_us as billed,
        case when r.quantity is null then j.missing_us else 0 end as missing_us,
        case when r.quantity is null then j.refusal end as reason
    from judged as j
    left join mart.bill_meter as w
        on j.site_id = w.site_id and j.carrier = w.carrier and j.meter_id = w.meter_id and j.month = w.month and w.is_own and j.lack is not null
    left join rest as r on w.site_id = r.site_id and w.carrier = r.carrier and w.account = r.account and w.month = r.month
),

total as (
    select
        *,
        -- beside a bill, a meter without a step that can be believed has counted nothing
        coalesce(measured / 1e6 * per_register, 0 * billed) as measured_quantity,
        coalesce(estimated / 1e6 * per_register, 0 * billed) + coalesce(billed, 0) as estimated_quantity,
        coalesce(counted, 0 * billed) + coalesce(billed, 0) as quantity
    from filled
)

select
    meter_id,
    site_id,
    valid_from,
    month,
    carrier,
    role,
    increase / 1e6 as register_increase,
    register_unit,
    -- of a month whose readings are incomplete, the part they speak for
    quantity,
    unit,
    readings,
    negative_steps,
    conflicting as conflicting_readings,
    case when billed is null then estimated / nullif(increase, 0) else estimated_quantity / nullif(quantity, 0) end as estimated_share,
    is_interpolated,
    measured_quantity,
    estimated_quantity,
    missing_us / 3.6e9 as missing_h,
    least(covered_us / nullif(expected_us, 0), 1.0) as coverage,
    nullif(concat_ws(
        '+',
        case when linear > 0 then 'linear' end,
        case when weekday_profile > 0 then 'weekday_profile' end,
        case when neighbour_interpolation > 0 then 'neighbour_interpolation' end,
        case when billed is not null then 'bill' end
    ), '') as method,
    reason
from total
order by meter_id, valid_from, month
