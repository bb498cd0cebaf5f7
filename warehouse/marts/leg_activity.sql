-- zh: 每个运输链环节的运输活动量：质量 × 最短可行或大圆距离；实际里程先按方式折算；枢纽按吨
-- en: Transport activity of every leg: mass x shortest feasible or great-circle distance, driven distances adjusted by mode; a hub counts tonnes
-- grain: shipment_id, seq
-- rows: transport_leg by started_on
with leg as (
    select
        l.*,
        t.mode,
        t.operator,
        strftime(l.started_on, '%Y-%m') as month,
        case
            when l.distance_type in ('sfd', 'gcd') then l.distance_km
            -- driven = activity distance x value + added_km
            when l.distance_type = 'actual' then (l.distance_km - d.added_km) / d.value
        end as activity_distance_km
    from clean.transport_leg as l
    left join clean.toc as t
        on
            l.toc_id = t.toc_id
            and l.started_on >= coalesce(t.valid_from, l.started_on)
            and l.started_on <= coalesce(t.valid_to, l.started_on)
    left join reference.distance_adjustment as d on t.mode = d.mode
)

select
    shipment_id,
    seq,
    month,
    toc_id,
    mode,
    operator,
    order_id,
    origin,
    destination,
    mass_t,
    distance_km,
    distance_type,
    case when leg.activity_distance_km >= 0 then leg.activity_distance_km end as activity_distance_km,
    case
        when mode = 'hub' then mass_t
        when mode <> 'hub' and leg.activity_distance_km >= 0 then mass_t * leg.activity_distance_km
    end as activity,
    case when mode = 'hub' then 't' when mode is not null then 'tkm' end as activity_unit,
    case
        when mode is null then 'toc_not_valid'
        when mode <> 'hub' and distance_km is null then 'no_distance'
        when mode <> 'hub' and leg.activity_distance_km is null then 'no_distance_adjustment'
        when leg.activity_distance_km < 0 then 'shorter_than_its_adjustment'
    end as reason,
    source,
    extract_id,
    row_number
from leg
order by shipment_id, seq
