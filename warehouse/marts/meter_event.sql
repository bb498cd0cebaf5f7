-- zh: 表计事件：示数翻转、清零、换表、归零毛刺、尖峰、跃变、单位错换、缺口、同刻异值、估算读数；各按什么规则处理、计入多少
-- en: What happened to meters (rollover, reset, glitch, spike, leap, unit swap, gap, second value): what was decided, how much was booked
-- grain: meter_id, valid_from, kind, at, from_at, row_number, extract_id
-- rows: meter_reading by read_at
with happened as (
    select
        e.meter_row, e.kind, e.at, e.from_at, e.to_at, e.n, e.amount, e.naive, e.decision, e.file, e.row_number
    from staged.meter_event as e
    union all
    -- what was estimated (by the readings' own system, by the engine, by a bill): once a month
    select
        m.meter_row,
        'estimated' as kind,
        epoch_us(timezone(s.timezone, (k.month || '-01')::timestamp)) as at,
        epoch_us(timezone(s.timezone, (k.month || '-01')::timestamp)) as from_at,
        epoch_us(timezone(s.timezone, (k.month || '-01')::timestamp + interval 1 month)) as to_at,
        1 as n,
        k.estimated_quantity / f.factor as amount,
        null as naive,
        'booked_as_estimate' as decision,
        null as file,
        null as row_number
    from mart.meter_month as k
    inner join reference.meter as m on k.meter_id = m.meter_id and k.valid_from is not distinct from m.valid_from
    inner join reference.meter_register as f on m.meter_row = f.meter_row
    inner join reference.site_zone as s on m.site_id = s.site_id
    where k.estimated_share <> 0
),

per_register as (
    select m.*, s.timezone, f.mart_unit, f.factor
    from reference.meter as m
    inner join reference.site_zone as s on m.site_id = s.site_id
    inner join reference.meter_register as f on m.meter_row = f.meter_row
)

select
    m.meter_id,
    m.valid_from,
    m.site_id,
    -- a quantity belongs to the month it lies in, not to the instant that ends it
    strftime(timezone(m.timezone, make_timestamptz(h.at - (h.to_at = h.at and h.from_at < h.at)::int)), '%Y-%m') as month,
    h.kind,
    make_timestamptz(h.at) as at,
    make_timestamptz(h.from_at) as from_at,
    make_timestamptz(h.to_at) as to_at,
    h.n as readings,
    m.carrier,
    h.amount * m.factor as quantity,
    (h.amount - h.naive) * m.factor as naive_loss,
    m.mart_unit as unit,
    h.decision,
    d.zh as decision_zh,
    d.en as decision_en,
    o.source,
    o.extract_id,
    h.row_number
from happened as h
inner join per_register as m on h.meter_row = m.meter_row
left join reference.meter_decision as d on h.decision = d.decision
left join staged.meter_file as o on h.file = o.file
order by m.meter_id, m.valid_from, h.at, h.kind, h.from_at, h.row_number, o.extract_id
