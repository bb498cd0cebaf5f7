-- zh: 表计事件：示数翻转、清零、换表、归零毛刺、尖峰、跃变、单位错换、缺口、同刻异值、估算读数；各按什么规则处理、计入多少
-- en: What happened to meters (rollover, reset, glitch, spike, leap, unit swap, gap, second value): what was decided, how much was booked
-- grain: meter_id, valid_from, kind, at, from_at, row_number, extract_id
-- rows: meter_reading by read_at
with happened as (
    select
        e.meter_row, e.kind, e.at, e.from_at, e.to_at, e.n, e.amount, e.naive, e.decision, e.file, e.row_number
    from staged.meter_event as e
    union all
    -- readings that their system calls estimated, and what the engine has estimated: once a month
    select
        p.meter_row,
        'estimated' as kind,
        epoch_us(timezone(s.timezone, (p.month || '-01')::timestamp)) as at,
        epoch_us(timezone(s.timezone, (p.month || '-01')::timestamp)) as from_at,
        epoch_us(timezone(s.timezone, (p.month || '-01')::timestamp + interval 1 month)) as to_at,
        1 as n,
        p.estimated / 1e6 as amount,
        null as naive,
        'booked_as_estimate' as decision,
        null as file,
        null as row_number
    from staged.meter_part as p
    inner join reference.meter as m on p.meter_row = m.meter_row
    inner join reference.site_zone as s on m.site_id = s.site_id
    where p.estimated <> 0
),

-- what one of the register is in the carrier's mart unit; empty where nobody says what temperature a gas volume refers to
per_register as (
    select
        m.*,
        s.timezone,
        c.unit as mart_unit,
        coalesce(m.multiplier, 1) * u.factor
        / case
            when m.carrier = 'natural_gas' and m.unit not in ('Nm3', '万Nm3')
                then case m.volume_reference when '0C' then 1 when '20C' then v.value end
            else 1
        end as factor
    from reference.meter as m
    inner join reference.site_zone as s on m.site_id = s.site_id
    inner join reference.carrier as c on m.carrier = c.carrier
    left join reference.unit_factor as u
        on
            m.unit = u.from_unit
            and u.to_unit = case when m.carrier = 'natural_gas' and m.unit not in ('Nm3', '万Nm3') then 'm3' else c.unit end
    cross join (select value from reference.emission_factor where factor_id = 'vol_ratio_20C_to_0C') as v
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
