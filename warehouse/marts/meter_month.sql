-- zh: 每块表每月的用量：实测量与按指定方法估算的量之和，附覆盖率、无法判断的小时数与方法；登记行在月中变更时每行各一条
-- en: What each meter counted in each month: measured plus estimated by a named method, coverage, hours nobody can speak for; one per register row
-- grain: meter_id, valid_from, month
-- rows: meter_reading by read_at
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
        c.unit,
        p.measured + p.estimated as increase,
        -- the part of the month in which the meter was registered
        epoch_us(least(
            timezone(s.timezone, (p.month || '-01')::timestamp + interval 1 month),
            timezone(s.timezone, m.valid_to::timestamp + interval 1 day)
        )) - epoch_us(greatest(
            timezone(s.timezone, (p.month || '-01')::timestamp),
            timezone(s.timezone, m.valid_from::timestamp)
        )) as expected_us,
        -- into the carrier's mart unit; empty where nobody says what temperature a gas volume refers to
        coalesce(m.multiplier, 1) * u.factor
        / case
            when m.carrier = 'natural_gas' and m.unit not in ('Nm3', '万Nm3')
                then case m.volume_reference when '0C' then 1 when '20C' then v.value end
            else 1
        end as per_register
    from staged.meter_part as p
    inner join reference.meter as m on p.meter_row = m.meter_row
    inner join reference.site_zone as s on m.site_id = s.site_id
    inner join reference.carrier as c on m.carrier = c.carrier
    left join reference.unit_factor as u
        on
            m.unit = u.from_unit
            and u.to_unit = case when m.carrier = 'natural_gas' and m.unit not in ('Nm3', '万Nm3') then 'm3' else c.unit end
    cross join (select value from reference.emission_factor where factor_id = 'vol_ratio_20C_to_0C') as v
    -- a month with one reading of a counter and no step to or from another has measured nothing
    where p.known_us > 0 or p.readings > 1 or m.register_kind = 'interval'
),

judged as (
    select
        *,
        case
            when known_us = 0 and register_kind = 'cumulative' then 'not_determinable'
            when per_register is null then 'volume_reference_unknown'
        end as reason
    from placed
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
    case when reason is null then increase / 1e6 * per_register end as quantity,
    unit,
    readings,
    negative_steps,
    conflicting as conflicting_readings,
    estimated / nullif(increase, 0) as estimated_share,
    is_interpolated,
    case when reason is null then measured / 1e6 * per_register end as measured_quantity,
    case when reason is null then estimated / 1e6 * per_register end as estimated_quantity,
    greatest(expected_us - known_us, 0) / 3.6e9 as missing_h,
    least(covered_us / nullif(expected_us, 0), 1.0) as coverage,
    nullif(concat_ws(
        '+',
        case when linear > 0 then 'linear' end,
        case when weekday_profile > 0 then 'weekday_profile' end,
        case when neighbour_interpolation > 0 then 'neighbour_interpolation' end
    ), '') as method,
    reason
from judged
order by meter_id, valid_from, month
