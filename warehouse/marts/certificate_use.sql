-- zh: 绿证抵扣：场所证书先用于本场所，法人证书再用于其场所尚未抵扣的外购电量；年内按月先后，同月按比例；不超过外购电量
-- en: Purchased electricity covered by certificates: a site's own first, then its entity's; within a year month after month, within a month pro rata
-- grain: site_id, month
with pool as (
    select
        site_id, case when is_entity_wide then legal_entity_id end as legal_entity_id, country, claimed_year, is_entity_wide,
        -- whole millionths of a kilowatt-hour, so that shares add up to the last digit
        sum((energy_kwh::decimal(38, 6) * 1000000)::hugeint) as held
    from mart.certificate_ledger
    where reason is null
    group by all
),

bought as (
    select
        e.site_id, e.legal_entity_id, e.month, left(e.month, 4)::int as year, g.nation as country,
        (e.purchased_quantity::decimal(38, 6) * 1000000)::hugeint as quantity
    from mart.site_month_energy as e
    left join reference.site_month as s on e.site_id = s.site_id and e.month = s.month
    left join reference.grid_fallback as g on s.region = g.province
    where e.carrier = 'electricity' and e.purchased_quantity > 0
),

-- certificates go to the year's first months: what a month has got does not shrink when a later one arrives
by_site as (
    select
        b.*,
        -- who has no certificate in the ledger holds none: the ledger is the whole of them
        coalesce(p.held, 0) as held,
        sum(b.quantity) over (partition by b.site_id, b.country, b.year order by b.month) as upto
    from bought as b
    left join pool as p on not p.is_entity_wide and b.site_id = p.site_id and b.country = p.country and b.year = p.claimed_year
),

own as (
    select *, least(held, upto) - least(held, upto - quantity) as site_covered
    from by_site
),

by_entity as (
    select
        o.*,
        o.quantity - o.site_covered as open,
        coalesce(p.held, 0) as entity_held,  -- as above
        sum(o.quantity - o.site_covered) over (partition by o.legal_entity_id, o.country, o.month) as month_open,
        sum(o.quantity - o.site_covered) over (partition by o.legal_entity_id, o.country, o.month order by o.site_id) as site_upto,
        sum(o.quantity - o.site_covered) over (partition by o.legal_entity_id, o.country, o.year order by o.month) as entity_upto
    from own as o
    left join pool as p on p.is_entity_wide and o.legal_entity_id = p.legal_entity_id and o.country = p.country and o.year = p.claimed_year
),

shared as (
    select *, least(entity_held, entity_upto) - least(entity_held, entity_upto - month_open) as month_covered
    from by_entity
),

covered as (
    select
        *,
        -- a site's share is the difference of what all sites up to it get
        case when month_open = 0 then 0 else month_covered * site_upto // month_open - month_covered * (site_upto - open) // month_open end
            as entity_covered
    from shared
)

select
    site_id,
    legal_entity_id,
    month,
    country,
    quantity::decimal(38, 0)::double / 1000000 as purchased_kwh,
    site_covered::decimal(38, 0)::double / 1000000 as site_certificate_kwh,
    entity_covered::decimal(38, 0)::double / 1000000 as entity_certificate_kwh,
    (site_covered + entity_covered)::decimal(38, 0)::double / 1000000 as covered_kwh,
    (open - entity_covered)::decimal(38, 0)::double / 1000000 as uncovered_kwh,
    concat_ws(
        '; ', case when site_covered > 0 then 'certificates of the site for ' || year end,
        case when entity_covered > 0 then 'certificates of ' || legal_entity_id || ' for ' || year || ', pro rata to its uncovered kWh of the month' end
    ) as rule_path
from covered
where site_covered + entity_covered > 0
order by site_id, month
