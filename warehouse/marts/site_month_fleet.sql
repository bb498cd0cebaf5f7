-- zh: 各场所月末在用车辆（自有与租赁）构成；新能源指纯电动与氢燃料
-- en: Vehicles in service at month end, own and leased; new energy means battery and fuel cell
-- grain: site_id, month
select
    s.site_id,
    s.legal_entity_id,
    s.month,
    count(*) as vehicles,
    case when count(v.energy_type) = count(*) then count(*) filter (where v.energy_type in ('electric', 'hydrogen')) end as new_energy_vehicles,
    case when count(v.energy_type) = count(*) then count(*) filter (where v.energy_type = 'diesel') end as diesel_vehicles,
    case
        when
            count(v.energy_type) = count(*)
            and count(*) filter (where v.energy_type = 'diesel' and v.emission_standard is null) = 0
            then count(*) filter (where v.energy_type = 'diesel' and v.emission_standard = 'china_6')
    end as china_6_vehicles
from reference.site_month as s
inner join clean.vehicle as v
    on
        s.site_id = v.site_id
        and coalesce(v.valid_from, s.month_end) <= s.month_end
        and coalesce(v.valid_to, s.month_end) >= s.month_end
where v.ownership in ('own', 'leased') and s.month in (select a.month from meta.arrival as a)
group by all
order by site_id, month
