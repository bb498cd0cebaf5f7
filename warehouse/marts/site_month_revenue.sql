-- zh: 各场所每月不含税营业收入；集团内部交易不计；场所为空者只计入法人与企业
-- en: Revenue net of VAT by site and month, without intra-group postings; an empty site counts for entity and enterprise only
-- grain: legal_entity_id, site_id, month
-- rows: revenue_posting by posted_on
select
    site_id,
    legal_entity_id,
    strftime(posted_on, '%Y-%m') as month,
    sum(revenue_cny::decimal(24, 4))::double as revenue_cny,
    count(*) as postings
from clean.revenue_posting
where is_intragroup is not true
group by all
order by legal_entity_id, site_id, month
