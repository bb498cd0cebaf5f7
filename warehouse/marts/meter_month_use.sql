-- zh: 每块表每月的用量，各登记行合计；任一行不足一月或不可知则为空并写明原因
-- en: What each meter counted in each month, all its register rows together; unknown, with the reason, when one is not known for all its time
-- grain: meter_id, month
select
    meter_id,
    month,
    carrier,
    -- a meter that was moved stands where it was last
    arg_max(site_id, coalesce(valid_from, date '0001-01-01')) as site_id,
    any_value(unit) as unit,
    case when count(reason) = 0 and count(quantity) = count(*) then sum(quantity::decimal(38, 6))::double end as quantity,
    case when count(reason) = 0 and count(quantity) = count(*) then sum(estimated_quantity::decimal(38, 6))::double end as estimated_quantity,
    case when count(reason) > 0 then max(reason) when count(quantity) < count(*) then 'quantity_unknown' end as reason
from mart.meter_month
group by meter_id, month, carrier
order by meter_id, month
