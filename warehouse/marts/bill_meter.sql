-- zh: 各供能户号每月对应的表：账单所列之表，否则同一计量点的总表，再否则该场所的总表
-- en: The meters an account's bills speak for: the one they name, else the main meters of its supply point, else those of its site
-- grain: site_id, carrier, supply_point_id, account_meter_id, month, meter_id
with account as (
    select distinct site_id, carrier, supply_point_id, meter_id
    from mart.bill_month
),

-- behind another of its role a meter is counted there, and billed there
outer_meter as (
    select m.*
    from reference.meter_month as m
    where not exists (
        select 1 from reference.meter_ancestor as a
        where a.has_role and a.meter_id = m.meter_id and a.month = m.month
    )
),

candidate as (
    select
        a.site_id, a.carrier, a.supply_point_id, a.meter_id as account_meter_id, m.month, m.meter_id,
        case when a.meter_id is not null then 1 when a.supply_point_id = m.supply_point_id then 2 else 3 end as distance
    from account as a
    inner join outer_meter as m on a.site_id = m.site_id and a.carrier = m.carrier
    where
        case
            when a.meter_id is not null then a.meter_id = m.meter_id
            -- a meter of another supply point has nothing to do with the account
            else m.role = 'main' and coalesce(a.supply_point_id = m.supply_point_id, true)
        end
    qualify min(distance) over (partition by a.site_id, a.carrier, a.supply_point_id, a.meter_id) = distance
),

claimed as (
    select *, min(distance) over (partition by month, meter_id) = distance as is_own
    from candidate
)

select
    site_id,
    carrier,
    supply_point_id,
    account_meter_id,
    month,
    meter_id,
    case distance when 1 then 'meter ' || account_meter_id when 2 then 'supply point ' || supply_point_id else 'site ' || site_id end as account,
    is_own
from claimed
-- a meter that a nearer account names only where that is so of all of them
qualify is_own or not bool_or(is_own) over (partition by site_id, carrier, supply_point_id, account_meter_id, month)
order by site_id, carrier, supply_point_id, account_meter_id, month, meter_id
