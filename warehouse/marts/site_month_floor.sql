-- zh: 各仓储场所每月运营面积与用电
-- en: Operated area and electricity of warehouses by month
-- grain: site_id, month
select
    s.site_id,
    s.legal_entity_id,
    s.month,
    s.floor_area_m2 as warehouse_area_m2,
    e.quantity as warehouse_electricity_kwh
from reference.site_month as s
inner join mart.site_month_energy as e on s.site_id = e.site_id and s.month = e.month and e.carrier = 'electricity'
where s.site_kind = 'warehouse'
order by site_id, month
