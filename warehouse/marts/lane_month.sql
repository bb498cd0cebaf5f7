-- zh: 各线路、承运人、作业类别每月的周转量、排放与强度；缺任一环节则该线路为空并写明原因
-- en: Transport activity, emissions and intensity of a lane by operator and operation category; a leg without a figure empties the lane's, with the reason
-- grain: month, origin, destination, toc_id
with total as (
    select
        month, origin, destination, toc_id,
        min(mode) as mode,
        min(operator) as operator,
        count(*) as legs,
        sum(mass_t::decimal(24, 6))::double as mass_t,
        case when count(activity) = count(*) then sum(activity::decimal(38, 9)) end as t_km,
        case when count(ttw_kgco2e) = count(*) then sum(ttw_kgco2e::decimal(38, 9)) end as ttw,
        case when count(wtw_kgco2e) = count(*) then sum(wtw_kgco2e::decimal(38, 9)) end as wtw,
        min(reason) as reason
    from mart.leg_emission
    where coalesce(mode, '') <> 'hub'
    group by month, origin, destination, toc_id
)

select
    t.month,
    t.origin,
    t.destination,
    t.toc_id,
    t.mode,
    t.operator,
    t.legs,
    t.mass_t,
    t.t_km::double as turnover_t_km,
    t.ttw::double as ttw_kgco2e,
    t.wtw::double as wtw_kgco2e,
    t.ttw::double / nullif(t.t_km::double, 0) * g.factor as ttw_intensity,
    t.wtw::double / nullif(t.t_km::double, 0) * g.factor as wtw_intensity,
    'gCO2e/tkm' as intensity_unit,
    t.reason
from total as t
cross join (select factor from reference.unit_factor where from_unit = 'kgCO2e' and to_unit = 'gCO2e') as g
order by month, origin, destination, toc_id
