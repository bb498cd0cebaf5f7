-- zh: 绿证台账：每张证书一行；已核销、年份与市场相符者计入，其余写明不计入的原因
-- en: Ledger of green certificates, one row each: those cancelled for the year and market they were generated in count, others say why they do not
-- grain: certificate_id
-- rows: green_certificate by generated_month
select
    c.certificate_id,
    c.market,
    c.country,
    c.site_id,
    coalesce(c.legal_entity_id, s.legal_entity_id) as legal_entity_id,
    c.generated_month as month,
    c.energy_kwh,
    c.cancelled_on,
    c.claimed_year,
    c.sold_on,
    c.site_id is null as is_entity_wide,
    case
        when c.sold_on is not null then 'sold'
        when c.claimed_year is null then 'not_claimed'
        when c.cancelled_on is null then 'not_cancelled'
        when left(c.generated_month, 4)::int <> c.claimed_year then 'other_year'
        when m.market is null or m.country <> c.country or m.except_country = c.country then 'other_market'
        when c.site_id is not null and s.site_id is null then 'site_unknown'
        when c.site_id is not null and coalesce(g.nation <> c.country, true) then 'other_country'
    end as reason,
    c.source,
    c.extract_id,
    c.row_number
from clean.green_certificate as c
left join reference.certificate_market as m on c.market = m.market
left join reference.site_month as s on c.site_id = s.site_id and c.generated_month = s.month
left join reference.grid_fallback as g on s.region = g.province
order by month, c.certificate_id
