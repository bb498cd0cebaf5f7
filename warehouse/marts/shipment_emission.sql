-- zh: 每单货的运输链排放与强度（含与不含枢纽）；归入首个环节起运之月；缺任一环节则合计为空
-- en: Emissions and intensity of a shipment's chain, with and without hubs; in the month its first leg started; a leg without a figure empties the sum
-- grain: shipment_id
with total as (
    select
        shipment_id,
        min(month) as month,
        min(order_id) as order_id,
        count(*) as legs,
        case when count(ttw_kgco2e) = count(*) then sum(ttw_kgco2e::decimal(38, 9)) end as ttw,
        case when count(wtt_kgco2e) = count(*) then sum(wtt_kgco2e::decimal(38, 9)) end as wtt,
        case when count(wtw_kgco2e) = count(*) then sum(wtw_kgco2e::decimal(38, 9)) end as wtw,
        case
            when count(wtw_kgco2e) filter (where mode <> 'hub') = count(*) filter (where mode <> 'hub')
                then sum(wtw_kgco2e::decimal(38, 9)) filter (where mode <> 'hub')
        end as haul_wtw,
        case
            when count(activity) filter (where mode <> 'hub') = count(*) filter (where mode <> 'hub')
                then sum(activity::decimal(38, 9)) filter (where mode <> 'hub')
        end as haul_t_km,
        case when count(wtw_kgco2e) = count(*) then coalesce(sum(wtw_kgco2e::decimal(38, 9)) filter (where data_type = 'primary'), 0) end as primary_wtw,
        case when count(wtw_kgco2e) = count(*) then coalesce(sum(wtw_kgco2e::decimal(38, 9)) filter (where data_type = 'default'), 0) end as default_wtw,
        bool_and(mode is not null) as is_known,
        min(reason) as reason
    from mart.leg_emission
    group by shipment_id
)

select
    t.shipment_id,
    t.month,
    t.order_id,
    t.legs,
    case when t.is_known then t.haul_t_km::double end as turnover_t_km,
    t.ttw::double as ttw_kgco2e,
    t.wtt::double as wtt_kgco2e,
    t.wtw::double as wtw_kgco2e,
    case when t.is_known then t.haul_wtw::double end as haul_wtw_kgco2e,
    t.primary_wtw::double as primary_wtw_kgco2e,
    t.default_wtw::double as default_wtw_kgco2e,
    case when t.is_known then t.wtw::double / nullif(t.haul_t_km::double, 0) * g.factor end as wtw_intensity,
    case when t.is_known then t.haul_wtw::double / nullif(t.haul_t_km::double, 0) * g.factor end as haul_wtw_intensity,
    case when t.is_known then t.ttw::double / nullif(t.haul_t_km::double, 0) * g.factor end as ttw_intensity,
    'gCO2e/tkm' as intensity_unit,
    t.reason
from total as t
cross join (select factor from reference.unit_factor where from_unit = 'kgCO2e' and to_unit = 'gCO2e') as g
order by shipment_id
