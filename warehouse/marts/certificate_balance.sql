-- zh: 每张计入的绿证已用与剩余电量：同一持有人、国家与年份内先发电者先用
-- en: What of each certificate that counts was used and what is left: within a holder, country and year those generated first are used first
-- grain: certificate_id
with used as (
    select false as is_entity_wide, site_id as holder, country, left(month, 4)::int as claimed_year, sum(site_certificate_kwh::decimal(38, 6)) as kwh
    from mart.certificate_use
    group by all
    union all
    select true as is_entity_wide, legal_entity_id as holder, country, left(month, 4)::int as claimed_year, sum(entity_certificate_kwh::decimal(38, 6)) as kwh
    from mart.certificate_use
    group by all
),

held as (
    select *, case when is_entity_wide then legal_entity_id else site_id end as holder, energy_kwh::decimal(38, 6) as kwh
    from mart.certificate_ledger
    where reason is null
),

lined_up as (
    select
        h.*,
        sum(h.kwh) over (partition by h.is_entity_wide, h.holder, h.country, h.claimed_year order by h.month, h.certificate_id) - h.kwh as before_it,
        -- a holder without a row bought nothing that a certificate could cover
        coalesce(u.kwh, 0) as used_by_holder
    from held as h
    left join used as u
        on h.is_entity_wide = u.is_entity_wide and h.holder = u.holder and h.country = u.country and h.claimed_year = u.claimed_year
)

select
    certificate_id,
    market,
    country,
    site_id,
    legal_entity_id,
    month,
    claimed_year,
    energy_kwh,
    least(kwh, greatest(used_by_holder - before_it, 0))::double as used_kwh,
    (kwh - least(kwh, greatest(used_by_holder - before_it, 0)))::double as unused_kwh,
    source,
    extract_id,
    row_number
from lined_up
order by month, certificate_id
