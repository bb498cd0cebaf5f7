-- zh: 各场所每月各能源品种表计（无总表时为账单）用量，分摊之前；嵌套的同用途表只计最上一块；缺一块表或只有分表则为空并写明原因
-- en: What meters, or bills where no main meter counts, say of a site's carrier, before allocation; unknown, with the reason, when one is missing
-- grain: site_id, month, carrier
with nested as (
    select distinct month, meter_id
    from reference.meter_ancestor
    where has_role
),

metered as (
    select
        k.site_id, k.month, k.carrier, k.meter_id, k.valid_from, k.role, k.unit, 'meter' as counted_by,
        -- part of a month is no month
        case when k.reason is null then k.quantity end as quantity,
        k.estimated_quantity, m.generation_kind, k.reason,
        -- under another of its role it is counted there
        n.meter_id is not null as is_nested,
        -- behind a meter that nobody has registered: whether it is counted there, nobody can say
        m.parent_meter_id is not null and m.parent_meter_id not in (select meter_id from reference.meter) as is_orphan
    from mart.meter_month as k
    left join reference.meter_month as m on k.meter_id = m.meter_id and k.month = m.month
    left join nested as n on k.meter_id = n.meter_id and k.month = n.month
),

-- an account counts from its first bill until it is closed: a month without a bill is a gap
account as (
    select
        site_id, carrier, supply_point_id, meter_id, any_value(unit) as unit,
        min(month) as first_month, max(month) filter (where is_closed) as last_month
    from mart.bill_month
    group by site_id, carrier, supply_point_id, meter_id
),

billed as (
    select
        a.site_id, s.month, a.carrier, a.supply_point_id, a.meter_id, 'main' as role, a.unit, 'bill' as counted_by, false as is_nested, false as is_orphan,
        case when b.reason is null then b.quantity end as quantity,
        b.estimated_quantity,
        m.generation_kind,
        case when b.days is null then 'bill_missing' else b.reason end as reason
    from account as a
    inner join (select distinct site_id, month, carrier from mart.bill_month) as s
        on a.site_id = s.site_id and a.carrier = s.carrier and a.first_month <= s.month and coalesce(a.last_month >= s.month, true)
    left join mart.bill_month as b
        on
            a.site_id = b.site_id
            and a.carrier = b.carrier
            and a.supply_point_id is not distinct from b.supply_point_id
            and a.meter_id is not distinct from b.meter_id
            and s.month = b.month
    left join reference.meter_month as m on a.meter_id = m.meter_id and s.month = m.month
    where
        -- meters before bills: a bill counts where none of the meters it speaks for says anything
        coalesce(m.role, 'main') = 'main'
        and not exists (
            select 1 from metered as k
            inner join mart.bill_meter as w on k.meter_id = w.meter_id and k.month = w.month
            where
                k.role = 'main' and w.month = s.month and w.site_id = a.site_id and w.carrier = a.carrier
                and w.supply_point_id is not distinct from a.supply_point_id and w.account_meter_id is not distinct from a.meter_id
        )
),

known as (
    select * from metered
    where not is_nested
    union all by name
    select * from billed
),

signed as (
    select
        *,
        case role when 'sub' then 0 when 'main' then 1 when 'generation' then 1 when 'export' then -1 when 'tenant' then -1 end as sign,
        case role when 'main' then 1 when 'tenant' then -1 else 0 end as purchased_sign
    from known
),

-- a meter that has counted in other months, was in place (with this row of the register) and says nothing
silent as (
    select m.site_id, c.month, m.carrier, count(*) as meters
    from (select distinct site_id, month, carrier from signed) as c
    inner join reference.meter as m on c.site_id = m.site_id and c.carrier = m.carrier
    inner join reference.meter_register as f
        on
            m.meter_row = f.meter_row
            and coalesce(m.valid_from <= last_day((c.month || '-01')::date), true) and coalesce(f.last_day >= (c.month || '-01')::date, true)
    left join nested as n on m.meter_id = n.meter_id and c.month = n.month
    where
        m.role is distinct from 'sub'
        and n.meter_id is null
        and m.meter_id in (select meter_id from mart.meter_month)
        and not exists (
            select 1 from mart.meter_month as k
            where k.meter_id = m.meter_id and k.month = c.month and k.valid_from is not distinct from m.valid_from
        )
        and not exists (
            select 1 from billed as b
            inner join mart.bill_meter as w
                on
                    b.site_id = w.site_id and b.carrier = w.carrier and b.month = w.month
                    and b.supply_point_id is not distinct from w.supply_point_id and b.meter_id is not distinct from w.account_meter_id
            where w.meter_id = m.meter_id and w.month = c.month
        )
    group by all
),

registered as (
    select distinct site_id, month, carrier
    from reference.meter_month
    where role = 'main'
),

total as (
    select
        site_id,
        month,
        carrier,
        any_value(unit) as unit,
        count(*) filter (where role <> 'sub') as meters,
        count(*) filter (where role = 'main') as mains,
        count(*) filter (where role <> 'sub' and quantity is null) as unknown_meters,
        count(*) filter (where role <> 'sub' and is_orphan) as orphans,
        count(*) filter (where role <> 'sub' and not coalesce(role = 'generation' and generation_kind = 'fuel', false)) as not_made_of_fuel,
        max(reason) filter (where role <> 'sub') as reason,
        string_agg(distinct counted_by, '+' order by counted_by desc) filter (where role = 'main') as counted_by,
        sum((quantity * sign)::decimal(38, 6))::double as quantity,
        sum((quantity * purchased_sign)::decimal(38, 6))::double as purchased_quantity,
        coalesce(sum(quantity::decimal(38, 6)) filter (where role = 'export'), 0)::double as exported_quantity,
        coalesce(sum(quantity::decimal(38, 6)) filter (where role = 'generation' and generation_kind in ('pv', 'wind')), 0)::double as renewable_quantity,
        coalesce(sum(quantity::decimal(38, 6)) filter (where role = 'generation' and generation_kind = 'fuel'), 0)::double as converted_quantity,
        sum((estimated_quantity * sign)::decimal(38, 6))::double as estimated_quantity
    from signed
    group by site_id, month, carrier
),

judged as (
    select
        t.* exclude (reason),
        case
            when t.meters = 0 then 'only_sub_meters'
            -- heat, steam and the like that a site makes of its own fuel needs no main meter
            when t.mains = 0 and s.meters is null and (t.carrier = 'electricity' or t.not_made_of_fuel > 0 or r.site_id is not null) then 'no_main_meter'
            when t.orphans > 0 then 'parent_unknown'
            when t.reason is not null then t.reason
            when t.unknown_meters > 0 then 'quantity_unknown'
            when s.meters > 0 then 'meter_silent'
            -- more than came in and was made cannot have gone out; tenants whom the own roof feeds take it as export
            when t.purchased_quantity < 0 then 'tenants_exceed_main'
            when t.quantity < 0 then 'exceeds_supply'
        end as reason
    from total as t
    left join silent as s on t.site_id = s.site_id and t.month = s.month and t.carrier = s.carrier
    left join registered as r on t.site_id = r.site_id and t.month = r.month and t.carrier = r.carrier
)

select
    site_id,
    month,
    carrier,
    case when reason is null then quantity end as quantity,
    unit,
    case when reason is null then purchased_quantity end as purchased_quantity,
    case when reason is null then exported_quantity end as exported_quantity,
    case when reason is null then renewable_quantity end as renewable_quantity,
    case when reason is null then converted_quantity end as converted_quantity,
    case when reason is null then estimated_quantity end as estimated_quantity,
    coalesce(counted_by, 'meter') as counted_by,
    reason
from judged
order by site_id, month, carrier
