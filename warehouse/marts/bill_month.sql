-- zh: 能源账单按天分摊到各月：用量、覆盖天数、占当月比例；账期重叠或气体参比温度不明则用量为空并写明原因
-- en: Bills split over the months they cover, by days: quantity, days covered, share of the month; unknown, with the reason, where bills overlap
-- grain: site_id, supply_point_id, meter_id, carrier, month
-- rows: utility_bill by period_to
with billed as (
    select
        b.*,
        f.mart_unit,
        (b.quantity * f.factor)::decimal(24, 6) as total,
        b.period_to - b.period_from + 1 as period_days
    from clean.utility_bill as b
    inner join reference.carrier_factor as f
        on b.carrier = f.carrier and b.unit = f.unit and b.volume_reference is not distinct from f.volume_reference
),

cut as (
    select
        *,
        unnest(generate_series(date_trunc('month', period_from), date_trunc('month', period_to), interval 1 month))::date as month_start
    from billed
),

reach as (
    select
        *,
        greatest(month_start - period_from, 0) as days_before,
        least(last_day(month_start), period_to) - period_from + 1 as days_until
    from cut
),

-- differences of what has run up by two days: the parts of a bill add up to it to the last digit
part as (
    select
        *,
        days_until - days_before as days,
        (
            case when days_until = period_days then total else (total::double * days_until / period_days)::decimal(24, 6) end
            - (total::double * days_before / period_days)::decimal(24, 6)
        ) as part_quantity,
        (
            case when days_until = period_days then amount_cny else amount_cny * days_until / period_days end::decimal(24, 2)
            - (amount_cny * days_before / period_days)::decimal(24, 2)
        ) as part_amount,
        -- what is cut out of more than 45 days is an estimate
        coalesce(is_estimated, false) or (days_until - days_before < period_days and period_days > 45) as is_part_estimated
    from reach
),

-- bills of one account that bill a day twice
overlap as (
    select distinct p.bill_id, p.month_start
    from part as p
    inner join billed as o
        on
            p.site_id = o.site_id
            and p.carrier = o.carrier
            and p.supply_point_id is not distinct from o.supply_point_id
            and p.meter_id is not distinct from o.meter_id
            and p.bill_id <> o.bill_id
    where greatest(p.month_start, p.period_from, o.period_from) <= least(last_day(p.month_start), p.period_to, o.period_to)
),

total as (
    select
        p.site_id,
        p.supply_point_id,
        p.meter_id,
        p.carrier,
        strftime(p.month_start, '%Y-%m') as month,
        any_value(p.mart_unit) as unit,
        case
            when count(o.bill_id) > 0 then 'bills_overlap'
            when count(p.total) < count(*) then 'volume_reference_unknown'
        end as reason,
        sum(p.part_quantity) as quantity,
        sum(case when p.is_part_estimated then p.part_quantity else 0 end) as estimated_quantity,
        case when count(p.amount_cny) = count(*) then sum(p.part_amount) end as amount_cny,
        count(*) as bills,
        sum(p.days)::bigint as days,
        any_value(last_day(p.month_start) - p.month_start + 1)::bigint as month_days,
        -- an account opened or closed within the month is complete with the days between
        (
            coalesce(min(case when p.is_final and p.period_to <= last_day(p.month_start) then p.period_to end), any_value(last_day(p.month_start)))
            - coalesce(max(case when p.is_first and p.period_from >= p.month_start then p.period_from end), any_value(p.month_start)) + 1
        )::bigint as expected_days,
        coalesce(bool_or(p.is_final and p.period_to <= last_day(p.month_start)), false) as is_closed
    from part as p
    left join overlap as o on p.bill_id = o.bill_id and p.month_start = o.month_start
    group by all
)

select
    site_id,
    supply_point_id,
    meter_id,
    carrier,
    month,
    case when reason is null then quantity::double end as quantity,
    unit,
    case when reason is null then estimated_quantity::double end as estimated_quantity,
    amount_cny::double as amount_cny,
    bills,
    days,
    days / month_days as month_share,
    is_closed,
    case when reason is not null then reason when days < expected_days then 'bill_incomplete' end as reason
from total
order by site_id, supply_point_id, meter_id, carrier, month
