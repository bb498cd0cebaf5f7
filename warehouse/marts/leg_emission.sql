-- zh: 每个运输链环节的排放：作业类别当月排放按运输活动量（枢纽按吨）分摊
-- en: Emissions of every leg: its operation category's of the month, shared by transport activity (in a hub by tonnes)
-- grain: shipment_id, seq
select
    l.shipment_id,
    l.seq,
    l.month,
    l.order_id,
    l.toc_id,
    l.mode,
    l.operator,
    l.origin,
    l.destination,
    l.mass_t,
    l.activity_distance_km,
    l.activity,
    l.activity_unit,
    t.ttw_intensity,
    t.wtw_intensity,
    t.intensity_unit,
    l.activity / nullif(t.activity, 0) * t.ttw_kgco2e as ttw_kgco2e,
    l.activity / nullif(t.activity, 0) * t.wtt_kgco2e as wtt_kgco2e,
    l.activity / nullif(t.activity, 0) * t.wtw_kgco2e as wtw_kgco2e,
    t.data_type,
    t.factor_id,
    coalesce(l.reason, t.reason) as reason,
    l.source,
    l.extract_id,
    l.row_number
from mart.leg_activity as l
left join mart.toc_month as t on l.toc_id = t.toc_id and l.month = t.month
order by shipment_id, seq
