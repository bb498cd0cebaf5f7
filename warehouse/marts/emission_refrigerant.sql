-- zh: 制冷剂与灭火剂逸散：质量平衡，其次充注量，再次充注量 × 年泄漏率；同一场所、物质、日历年只用其一
-- en: Losses of refrigerant and extinguishing gas: mass balance, else top-ups, else charge x leak rate; one of them per site, substance and year
-- grain: activity_table, activity_id, gas
-- rows: refrigerant_movement by moved_on
with substance as (
    select distinct refrigerant, upper(replace(replace(refrigerant, '-', ''), ' ', '')) as code from reference.refrigerant
),

movement as (
    select m.*, coalesce(s.refrigerant, m.refrigerant) as name, strftime(m.moved_on, '%Y') as year
    from clean.refrigerant_movement as m
    left join substance as s on upper(replace(replace(m.refrigerant, '-', ''), ' ', '')) = s.code
),

-- equipment is in service in every month from the first to the last anything was delivered for, as far as it is valid
service as (
    select
        e.*,
        coalesce(s.refrigerant, e.refrigerant) as name,
        m.month,
        left(m.month, 4) as year,
        least(coalesce(e.valid_to, m.month_end), m.month_end) - greatest(coalesce(e.valid_from, (m.month || '-01')::date), (m.month || '-01')::date) + 1
            as days,
        ((left(m.month, 4)::int + 1) || '-01-01')::date - (left(m.month, 4) || '-01-01')::date as year_days
    from clean.refrigerant_equipment as e
    left join substance as s on upper(replace(replace(e.refrigerant, '-', ''), ' ', '')) = s.code
    inner join reference.site_month as m on e.site_id = m.site_id
    cross join (select min(month) as first_month, max(month) as last_month from meta.arrival) as a
    where
        m.month between a.first_month and a.last_month
        and coalesce(e.valid_from <= m.month_end, true)
        and coalesce(e.valid_to >= (m.month || '-01')::date, true)
),

equipped as (
    select site_id, name, year, count(distinct equipment_id) as equipment
    from service
    group by site_id, name, year
),

-- the first opening and the last closing stock of a calendar year; stock taken between them cancels out
booked as (
    select
        site_id, name, year,
        min(moved_on) filter (where movement = 'opening_stock') as opened_on,
        max(moved_on) filter (where movement = 'closing_stock') as closed_on,
        max(moved_on) as last_on,
        count(*) filter (where movement = 'top_up') as top_ups
    from movement
    group by site_id, name, year
),

method as (
    select
        b.*,
        e.equipment,
        case
            when b.opened_on < b.closed_on then 'mass balance'
            when b.top_ups > 0 then 'top-up'
            when e.equipment > 0 then 'leak rate'
        end as method,
        concat_ws(
            ', ', case when b.top_ups > 0 and b.opened_on < b.closed_on then b.top_ups || ' top-up(s)' end,
            case when e.equipment > 0 then 'the leak rate of ' || e.equipment || ' piece(s) of equipment' end
        ) as left_out
    from booked as b
    left join equipped as e on b.site_id = e.site_id and b.name = e.name and b.year = e.year
),

line as (
    select
        b.site_id,
        b.name,
        strftime(b.closed_on, '%Y-%m') as month,
        'site ' || b.site_id || ' ' || b.name || ' ' || b.year as activity_id,
        'refrigerant_movement' as activity_table,
        sum((m.mass_kg * case when m.movement in ('opening_stock', 'purchase') then 1 else -1 end)::decimal(38, 6))::double as mass_kg,
        'mass balance ' || b.opened_on || ' to ' || b.closed_on || ', in the month of its closing stock'
        || case b.left_out when '' then '' else '; left out: ' || b.left_out end as rule_path,
        2 as tier,
        'measured' as activity_quality,
        0.0 as estimated_share,
        null as reason,
        null as source,
        null as extract_id,
        null::bigint as row_number
    from method as b
    inner join movement as m on b.site_id = m.site_id and b.name = m.name and b.year = m.year
    where
        b.method = 'mass balance'
        and (
            (m.movement = 'opening_stock' and m.moved_on = b.opened_on)
            or (m.movement = 'closing_stock' and m.moved_on = b.closed_on)
            or (m.movement in ('purchase', 'sale', 'recovery') and m.moved_on between b.opened_on and b.closed_on)
        )
    group by all
    union all by name
    select
        m.site_id, m.name, strftime(m.moved_on, '%Y-%m') as month, m.document_id as activity_id, 'refrigerant_movement' as activity_table, m.mass_kg,
        'top-up' || case b.left_out when '' then '' else '; left out: ' || b.left_out end as rule_path,
        2 as tier, 'measured' as activity_quality, 0.0 as estimated_share, null as reason, m.source, m.extract_id, m.row_number
    from movement as m
    inner join method as b on m.site_id = b.site_id and m.name = b.name and m.year = b.year
    where b.method = 'top-up' and m.movement = 'top_up'
    union all by name
    select
        s.site_id, s.name, s.month, s.equipment_id || ' ' || s.month || coalesce(' ' || s.valid_from, '') as activity_id,
        'refrigerant_equipment' as activity_table,
        s.charge_kg * s.annual_leak_pct * u.factor * s.days / s.year_days as mass_kg,
        'leak rate ' || s.annual_leak_pct || ' % a year, ' || s.days || ' of ' || s.year_days || ' days; no mass balance and no top-up in ' || s.year
            as rule_path,
        1 as tier, 'estimated' as activity_quality, 1.0 as estimated_share, null as reason, s.source, s.extract_id, s.row_number
    from service as s
    inner join reference.unit_factor as u on u.from_unit = '%' and u.to_unit = '1'
    left join method as b on s.site_id = b.site_id and s.name = b.name and s.year = b.year
    where coalesce(b.method, 'leak rate') = 'leak rate'
    union all by name
    -- stock and purchases without a top-up, the other end of the balance or equipment: something may have leaked, nobody can say what
    select
        site_id, name, strftime(last_on, '%Y-%m') as month, 'site ' || site_id || ' ' || name || ' ' || year as activity_id,
        'refrigerant_movement' as activity_table, null as mass_kg, null as rule_path, null as tier, 'measured' as activity_quality,
        null as estimated_share, 'stock_incomplete' as reason, null as source, null as extract_id, null as row_number
    from method
    where method is null
)

select
    l.site_id,
    s.legal_entity_id,
    l.month,
    1 as scope,
    'direct' as basis,
    'TTW' as lifecycle_scope,
    'refrigerant' as category,
    l.name as subject,
    -- a substance nobody has broken down stands for itself: it needs a GWP of its own
    coalesce(c.gas, l.name) as gas,
    false as is_biogenic,
    c.is_kyoto,
    l.mass_kg as activity,
    'kg' as activity_unit,
    g.factor_id,
    coalesce(c.mass_share, 1.0) as factor_value,
    'kg/kg' as factor_unit,
    null::varchar as factor_gwp_set,
    g.verified as is_factor_verified,
    l.rule_path,
    l.tier,
    l.activity_quality,
    l.estimated_share,
    case
        when l.reason is not null then l.reason
        when l.mass_kg < 0 then 'negative_balance'
        when s.site_id is null then 'site_unknown'
        when g.gwp is null then 'no_gwp'
    end as reason,
    l.activity_table,
    l.activity_id,
    l.source,
    l.extract_id,
    l.row_number
from line as l
left join reference.site_month as s on l.site_id = s.site_id and l.month = s.month
left join reference.refrigerant as c on l.name = c.refrigerant
left join reference.gwp as g on coalesce(c.gas, l.name) = g.gas
order by l.month, l.activity_table, l.activity_id, gas
