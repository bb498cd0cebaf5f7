-- zh: 按小时的用量异常：各表在某时段的用量与本表其他周同一星期、同一钟点相比明显偏高或偏低；相邻异常小时并为一行，附实际、期望、稳健得分与原因
-- en: Stretches of hours in which a meter used far more or less than in the same hours of its other weeks: actual, expected, robust score, reason
-- grain: meter_id, valid_from, from_at
-- rows: meter_reading by read_at
-- warns: true
with far as (
    select
        h.*,
        m.meter_id,
        m.valid_from,
        m.site_id,
        m.carrier,
        f.factor,
        f.mart_unit as unit,
        s.timezone,
        h.hour % 168 as slot,
        timestamp '1969-12-29' + to_hours(h.hour) as clock,
        epoch_us(timezone(s.timezone, timestamp '1969-12-29' + to_hours(h.hour))) as from_us,
        epoch_us(timezone(s.timezone, timestamp '1969-12-29' + to_hours(h.hour + 1))) as to_us
    from staged.meter_hour as h
    inner join reference.meter as m on h.meter_row = m.meter_row
    inner join reference.meter_register as f on m.meter_row = f.meter_row
    inner join reference.site_zone as s on m.site_id = s.site_id
),

-- what is wrong with readings says nothing of use: hours of an event are left out, and the meter while its units were mixed up
sound as (
    select h.*
    from far as h
    where not exists (
        select 1 from staged.meter_event as e
        where
            e.meter_row = h.meter_row and e.from_at < e.to_at
            and (e.kind = 'unit_swap' or (e.from_at < h.to_us and e.to_at > h.from_us))
    )
),

-- an hour less its position among the far hours of its side is the same for hours that follow each other
placed as (
    select
        *,
        strftime(clock, '%Y-%m') as month,
        hour - row_number() over (partition by meter_row, strftime(clock, '%Y-%m'), score > 0 order by hour) as stretch,
        -- 22:00 to 06:00, as GB 3096 has it
        slot % 24 in (22, 23, 0, 1, 2, 3, 4, 5) as is_night,
        slot >= 120 as is_weekend
    from sound
),

stretched as (
    select
        any_value(meter_id) as meter_id,
        any_value(valid_from) as valid_from,
        any_value(site_id) as site_id,
        any_value(carrier) as carrier,
        month,
        timezone(any_value(timezone), min(clock)) as from_at,
        timezone(any_value(timezone), max(clock) + interval 1 hour) as to_at,
        count(*) as hours,
        sum((actual * factor)::decimal(38, 6))::double as actual,
        sum((expected * factor)::decimal(38, 6))::double as expected,
        any_value(unit) as unit,
        min(weeks) as weeks,
        -- scores of independent hours add up as the square root of their number (Stouffer)
        sum(score::decimal(38, 6))::double / sqrt(count(*)) as score,
        2 * count(*) filter (where is_weekend) > count(*) as is_weekend,
        2 * count(*) filter (where is_night) > count(*) as is_night
    from placed
    group by meter_row, month, score > 0, stretch
)

select
    * exclude (is_weekend, is_night),
    case
        when score < 0 and actual <= 0.1 * expected then '平时运行的时段停用 | standstill where it normally runs'
        when score < 0 then '低于自身规律 | below its own pattern'
        when is_weekend then '周末用量高于自身规律 | use at the weekend above its own pattern'
        when is_night then '夜间用量高于自身规律 | use at night above its own pattern'
        else '高于自身规律 | above its own pattern'
    end as reason
from stretched
-- every hour here is at 3.5 spreads or more, for which `warehouse.meter_week` gives the source; by chance alone that comes to some three a
-- month. Two hours together of 5, three of 4, four of 3.5 come up in one of 200 meter-months of normal noise, and in one of 10 of the worst
-- (lognormal of 40 %, or autocorrelated, after five weeks of readings; less after more)
where hours >= 2 and abs(score) > 7
order by meter_id, valid_from, from_at
