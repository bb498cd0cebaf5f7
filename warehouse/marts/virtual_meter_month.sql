-- zh: 虚拟表每月用量 = Σ 系数 × 成员表用量；任一成员未知则为空并写明原因
-- en: Virtual meters by month: the sum of coefficient x member; unknown, with the reason, when a member is
-- grain: virtual_id, month
with member as (
    select
        v.*,
        s.month,
        coalesce(v.valid_from <= (s.month || '-01')::date, true) and coalesce(v.valid_to >= s.month_end, true) as is_whole_month,
        k.meter_id is not null as is_reported,
        k.quantity,
        k.estimated_quantity
    from clean.virtual_meter as v
    inner join (select distinct month, month_end from reference.site_month) as s
        on coalesce(v.valid_from <= s.month_end, true) and coalesce(v.valid_to >= (s.month || '-01')::date, true)
    left join mart.meter_month_use as k on v.meter_id = k.meter_id and s.month = k.month
),

total as (
    select
        virtual_id,
        month,
        min(site_id) as site_id,
        min(area) as area,
        min(line) as line,
        min(equipment) as equipment,
        min(carrier) as carrier,
        count(*) as members,
        sum((coefficient * quantity)::decimal(38, 6))::double as quantity,
        -- what a deducted member estimates is an estimate as well
        sum((abs(coefficient) * estimated_quantity)::decimal(38, 6))::double as estimated_quantity,
        case
            when
                count(distinct site_id) > 1 or count(distinct carrier) > 1 or count(distinct coalesce(area, '')) > 1
                or count(distinct coalesce(line, '')) > 1 or count(distinct coalesce(equipment, '')) > 1
                then 'places_differ'
            when not bool_and(is_whole_month) then 'member_changed'
            when not bool_and(is_reported) then 'member_silent'
            when count(quantity) < count(*) then 'member_unknown'
        end as reason
    from member
    group by virtual_id, month
    -- a month no member says anything of has not been delivered
    having bool_or(is_reported)
)

select
    t.virtual_id,
    t.month,
    t.site_id,
    t.area,
    t.line,
    t.equipment,
    t.carrier,
    t.members,
    case when t.reason is null then t.quantity end as quantity,
    c.unit,
    case when t.reason is null then t.estimated_quantity end as estimated_quantity,
    t.reason
from total as t
inner join reference.carrier as c on t.carrier = c.carrier
order by t.virtual_id, t.month
