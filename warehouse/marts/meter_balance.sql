-- zh: 表计核对：表与账单（按容差）、总表与其下级表（线损，负值示警）；只比对各方均已知的月份，否则为 incomplete 并写明原因
-- en: Meters against bills (with a tolerance) and against the meters behind them (loss; negative flagged), in months all of them are known
-- grain: balance, subject, carrier, month
-- warns: verdict in ('differs', 'negative_loss')
with account as (
    select distinct site_id, carrier, supply_point_id, account_meter_id, account
    from mart.bill_meter
),

billed as (
    select
        a.site_id,
        a.carrier,
        b.month,
        a.account,
        case when count(b.quantity) = count(*) then sum(b.quantity::decimal(38, 6)) end as quantity,
        max(b.reason) as reason
    from mart.bill_month as b
    inner join account as a
        on
            b.site_id = a.site_id and b.carrier = a.carrier and b.supply_point_id is not distinct from a.supply_point_id
            and b.meter_id is not distinct from a.account_meter_id
    group by a.site_id, a.carrier, b.month, a.account
),

-- what the meters themselves say: a month filled up by the bill is no witness for it
counted as (
    select
        a.site_id,
        a.carrier,
        a.account,
        k.month,
        case
            when count(k.quantity) = count(*) and count(k.reason) = 0 and not bool_or(coalesce(k.method like '%bill', false))
                then sum(k.quantity::decimal(38, 6))
        end as quantity,
        max(case when k.method like '%bill' then 'readings_incomplete' else k.reason end) as reason,
        count(distinct k.meter_id) as meters
    from mart.meter_month as k
    inner join (select distinct site_id, carrier, account, month, meter_id from mart.bill_meter where is_own) as a
        on k.site_id = a.site_id and k.carrier = a.carrier and k.meter_id = a.meter_id and k.month = a.month
    group by a.site_id, a.carrier, a.account, k.month
),

reach as (
    select b.site_id, b.carrier, b.account, min(b.month) as first_month, max(c.meters) as meters
    from billed as b
    inner join counted as c on b.site_id = c.site_id and b.carrier = c.carrier and b.account = c.account
    group by b.site_id, b.carrier, b.account
),

compared as (
    select
        'bill' as balance,
        r.account as subject,
        r.site_id,
        r.carrier,
        s.month,
        c.quantity as metered_quantity,
        b.quantity as compared_quantity,
        case
            when c.meters is null or c.meters < r.meters then 'meter_silent'
            when c.quantity is null then coalesce(c.reason, 'quantity_unknown')
            when b.month is null then 'bill_missing'
            else b.reason
        end as reason
    from reach as r
    inner join (
        select site_id, carrier, month, account from billed
        union
        select site_id, carrier, month, account from counted
    ) as s
        on r.site_id = s.site_id and r.carrier = s.carrier and r.account = s.account and r.first_month <= s.month
    left join billed as b
        on s.site_id = b.site_id and s.carrier = b.carrier and s.month = b.month and s.account = b.account
    left join counted as c
        on s.site_id = c.site_id and s.carrier = c.carrier and s.month = c.month and s.account = c.account
),

behind as (
    select
        p.meter_id,
        p.site_id,
        p.carrier,
        p.month,
        any_value(k.quantity)::decimal(38, 6) as metered_quantity,
        case when count(q.quantity) = count(*) then sum(q.quantity::decimal(38, 6)) end as compared_quantity,
        case
            when not any_value(p.is_whole_month) or any_value(k.meter_id) is null then 'meter_silent'
            when any_value(k.quantity) is null then any_value(k.reason)
            when count(q.meter_id) < count(*) then 'sub_meter_silent'
            when count(q.quantity) < count(*) then 'sub_meter_unknown'
            when not bool_and(c.is_whole_month) then 'sub_meter_changed'
        end as reason
    from reference.meter_month as p
    inner join reference.meter_month as c
        on p.meter_id = c.parent_meter_id and p.month = c.month and p.carrier = c.carrier and c.role not in ('generation', 'export')
    left join mart.meter_month_use as k on p.meter_id = k.meter_id and p.month = k.month
    left join mart.meter_month_use as q on c.meter_id = q.meter_id and c.month = q.month
    group by p.meter_id, p.site_id, p.carrier, p.month
    -- a month nothing is said of has not been delivered
    having any_value(k.meter_id) is not null or count(q.meter_id) > 0
),

both_kinds as (
    select balance, subject, site_id, carrier, month, metered_quantity, compared_quantity, reason
    from compared
    union all
    select
        'sub_meters' as balance, 'meter ' || meter_id as subject, site_id, carrier, month, metered_quantity, compared_quantity, reason
    from behind
)

select
    b.balance,
    b.subject,
    b.site_id,
    b.carrier,
    b.month,
    b.metered_quantity::double as metered_quantity,
    b.compared_quantity::double as compared_quantity,
    c.unit,
    case when b.reason is null then (b.metered_quantity - b.compared_quantity)::double end as difference,
    case
        when b.reason is null
            then
                100.0 * (b.metered_quantity - b.compared_quantity)::double
                / nullif(case b.balance when 'bill' then b.compared_quantity else b.metered_quantity end, 0)::double
    end as difference_pct,
    case b.balance when 'bill' then r.bill_tolerance_pct end as tolerance_pct,
    case
        when b.reason is not null then 'incomplete'
        when b.balance = 'bill'
            then
                case
                    when abs(b.metered_quantity - b.compared_quantity)::double * 100 <= r.bill_tolerance_pct * b.compared_quantity::double then 'within'
                    else 'differs'
                end
        when b.metered_quantity < b.compared_quantity then 'negative_loss'
        else 'within'
    end as verdict,
    b.reason
from both_kinds as b
inner join reference.carrier as c on b.carrier = c.carrier
cross join reference.run as r
order by b.balance, b.subject, b.carrier, b.month
