-- zh: 各场所每月能源用量按车间（区域）、产线、设备；由分表与虚拟表计量，其余为 unattributed，各部分之和等于整体；任一部分未知则该部分与其余为空
-- en: Energy by site, area, line and equipment, of sub-meters and virtual meters; the rest is unattributed, so that the parts add up to the whole
-- grain: site_id, month, carrier, level, place
with levelled as (
    select
        m.month, m.meter_id, m.site_id, m.carrier, m.role, l.level,
        case l.level when 'area' then m.area when 'line' then m.line else m.equipment end as named
    from reference.meter_month as m
    cross join (values ('area'), ('line'), ('equipment')) as l (level)
    -- only of what something is known
    where exists (select 1 from mart.site_month_energy as e where e.site_id = m.site_id and e.month = m.month and e.carrier = m.carrier)
),

-- the place of the nearest meter above that has one
higher as (
    select
        a.month, a.meter_id, l.level, bool_or(a.role in ('tenant', 'generation', 'export')) as is_apart,
        arg_min(case l.level when 'area' then a.area when 'line' then a.line else a.equipment end, a.depth) as above
    from reference.meter_ancestor as a
    cross join (values ('area'), ('line'), ('equipment')) as l (level)
    group by a.month, a.meter_id, l.level
),

-- a meter without a place of its own stands where the one above it stands; what a tenant uses is no place's of the site
standing as (
    select
        l.month, l.meter_id, l.site_id, l.carrier, l.level, h.above,
        case when l.role <> 'tenant' then coalesce(l.named, h.above) end as place
    from levelled as l
    left join higher as h on l.meter_id = h.meter_id and l.month = h.month and l.level = h.level
    where l.role not in ('generation', 'export') and not coalesce(h.is_apart, false)
),

-- what a meter counts is its place's, and no longer that of the place it lies behind
moved as (
    select s.site_id, s.month, s.carrier, s.level, s.place, s.meter_id, 1 as sign
    from standing as s
    where s.place is not null and s.place is distinct from s.above
    union all
    select s.site_id, s.month, s.carrier, s.level, s.above as place, s.meter_id, -1 as sign
    from standing as s
    where s.above is not null and s.place is distinct from s.above
),

virtual as (
    select
        v.site_id, v.month, v.carrier, l.level, v.quantity,
        case l.level when 'area' then v.area when 'line' then v.line else v.equipment end as place
    from mart.virtual_meter_month as v
    cross join (values ('area'), ('line'), ('equipment')) as l (level)
),

part as (
    select
        m.site_id, m.month, m.carrier, m.level, m.place, 'meter' as counted_by, count(k.quantity) = count(*) as is_known,
        sum((k.quantity * m.sign)::decimal(38, 6)) as quantity
    from moved as m
    left join mart.meter_month_use as k on m.meter_id = k.meter_id and m.month = k.month
    -- where virtual meters measure a place they measure all of it
    where
        not exists (
            select 1 from virtual as v
            where v.site_id = m.site_id and v.month = m.month and v.carrier = m.carrier and v.level = m.level and v.place = m.place
        )
    group by m.site_id, m.month, m.carrier, m.level, m.place
    union all
    select
        site_id, month, carrier, level, place, 'virtual' as counted_by, count(quantity) = count(*) as is_known,
        sum(quantity::decimal(38, 6)) as quantity
    from virtual
    where place is not null
    group by site_id, month, carrier, level, place
),

rest as (
    select
        e.site_id, e.month, e.carrier, p.level, 'unattributed' as place, 'rest' as counted_by,
        e.quantity::decimal(38, 6) - sum(p.quantity) as quantity,
        case
            when e.quantity is null then coalesce(e.reason, 'quantity_unknown')
            when not bool_and(p.is_known) then 'part_unknown'
            when e.quantity::decimal(38, 6) < sum(p.quantity) then 'parts_exceed_whole'
        end as reason
    from mart.site_month_energy as e
    inner join part as p on e.site_id = p.site_id and e.month = p.month and e.carrier = p.carrier
    group by e.site_id, e.month, e.carrier, p.level, e.quantity, e.reason
),

every as (
    select site_id, month, carrier, 'site' as level, site_id as place, counted_by, quantity, reason
    from mart.site_month_energy
    union all
    select
        site_id, month, carrier, level, place, counted_by, case when is_known then quantity::double end as quantity,
        case when not is_known then 'meter_unknown' end as reason
    from part
    union all
    -- more in the parts than in the whole is shown as it is, and named
    select
        site_id, month, carrier, level, place, counted_by,
        case when reason is null or reason = 'parts_exceed_whole' then quantity::double end as quantity, reason
    from rest
)

select e.site_id, e.month, e.carrier, e.level, e.place, e.counted_by, e.quantity, c.unit, e.reason
from every as e
inner join reference.carrier as c on e.carrier = c.carrier
order by e.site_id, e.month, e.carrier, e.level, e.place
