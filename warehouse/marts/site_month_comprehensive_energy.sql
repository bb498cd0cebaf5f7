-- zh: 各场所每月综合能源消费量，按折标口径各一行：当量值（默认）与等价值
-- en: Comprehensive energy of a site and month under each reading: calorific equivalent (default) and equal value
-- grain: site_id, month, policy
select
    e.site_id,
    e.legal_entity_id,
    e.month,
    p.policy,
    case p.coefficient when 'calorific' then e.energy_tce when 'equal_value' then e.energy_equal_value_tce end as energy_tce,
    case p.coefficient when 'calorific' then e.estimated_tce when 'equal_value' then e.estimated_equal_value_tce end as estimated_tce,
    case p.coefficient when 'calorific' then e.reason when 'equal_value' then e.equal_value_reason end as reason
from mart.site_month_energy_use as e
cross join reference.energy_policy as p
order by site_id, month, policy
