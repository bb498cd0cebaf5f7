-- zh: 能源明细：各场所每月每种能源与燃料的实物量、折标系数与标准煤；同一能源只计一次（表计 > 账单 > 采购），耗能工质另列
-- en: Energy by site, month and carrier or fuel, in units and coal equivalent; counted once (meter, bill, purchase); media stand apart
-- grain: site_id, month, subject, category, counted_by, is_medium, unit
with line as (
    select
        e.site_id, e.legal_entity_id, e.month, e.carrier as subject, 'stationary' as category, e.counted_by, c.is_medium,
        not c.is_medium as is_counted, e.quantity - case when c.is_medium then 0 else e.converted_quantity end as quantity, e.unit,
        e.estimated_share, e.reason
    from mart.site_month_energy as e
    inner join reference.carrier as c on e.carrier = c.carrier
    union all by name
    -- steam, heat and the like that a site made of fuel
    select
        e.site_id, e.legal_entity_id, e.month, e.carrier as subject, 'stationary' as category, e.counted_by, true as is_medium,
        false as is_counted, e.converted_quantity as quantity, e.unit, null as estimated_share, null as reason
    from mart.site_month_energy as e
    where e.converted_quantity <> 0
    union all by name
    -- bills beside meters are there to be compared
    select
        b.site_id, e.legal_entity_id, b.month, b.carrier as subject, 'stationary' as category, 'bill' as counted_by, c.is_medium,
        false as is_counted, case when count(b.quantity) = count(*) then sum(b.quantity::decimal(38, 6))::double end as quantity,
        any_value(b.unit) as unit, null as estimated_share, max(b.reason) as reason
    from mart.bill_month as b
    inner join mart.site_month_energy as e on b.site_id = e.site_id and b.month = e.month and b.carrier = e.carrier and e.counted_by = 'meter'
    inner join reference.carrier as c on b.carrier = c.carrier
    group by all
    union all by name
    select
        f.site_id, f.legal_entity_id, f.month, f.fuel as subject,
        case when f.vehicle_id is null then 'stationary' else 'mobile' end as category,
        'purchase' as counted_by, false as is_medium,
        -- what a meter or a bill counts at the site is not counted again where it was bought; what a vehicle was filled with is
        f.vehicle_id is not null or e.site_id is null as is_counted,
        case
            when count(f.quantity) = count(*) then sum(f.quantity::decimal(38, 9))::double
        end as quantity,
        -- what was bought by its heat is a line of its own
        f.unit,
        0.0 as estimated_share,
        max(f.reason) filter (where f.quantity is null) as reason
    from mart.fuel_line as f
    left join mart.site_month_energy as e on f.site_id = e.site_id and f.month = e.month and f.fuel = e.carrier
    -- adblue is a reagent and no energy
    where f.ownership <> 'outsourced' and f.site_id is not null and f.fuel <> 'adblue'
    group by all
)

select
    l.site_id,
    l.legal_entity_id,
    l.month,
    l.subject,
    l.category,
    l.counted_by,
    l.is_counted,
    l.is_medium,
    l.quantity,
    l.unit,
    t.factor_id,
    t.verified as is_factor_verified,
    t.rule_path,
    t.tce_per_unit,
    l.quantity * t.tce_per_unit as energy_tce,
    l.quantity * t.tce_per_unit * l.estimated_share as estimated_tce,
    t.equal_value_factor_id,
    t.equal_value_rule_path,
    t.equal_value_tce_per_unit,
    l.quantity * t.equal_value_tce_per_unit as energy_equal_value_tce,
    l.quantity * t.equal_value_tce_per_unit * l.estimated_share as estimated_equal_value_tce,
    case
        when l.quantity is null then coalesce(l.reason, 'quantity_unknown')
        when t.factor_id is null then 'no_coefficient'
        when t.tce_per_unit is null then 'factor_unit_unknown'
    end as reason,
    case
        when l.quantity is null then coalesce(l.reason, 'quantity_unknown')
        when t.equal_value_factor_id is null then 'no_equal_value_coefficient'
        when t.equal_value_tce_per_unit is null then 'factor_unit_unknown'
    end as equal_value_reason
from line as l
left join reference.site_month as s on l.site_id = s.site_id and l.month = s.month
left join reference.tce as t
    on l.subject = t.subject and l.unit = t.unit and l.month = t.month and s.region is not distinct from t.region
order by l.site_id, l.month, l.subject, l.category, l.counted_by, l.is_medium, l.unit
