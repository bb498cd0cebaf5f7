-- zh: 已披露数字的勾稽：分项之和、比率、隐含分母、同比变化、隐含因子；不符者点名标出，从不改动
-- en: Published figures against each other: parts and total, ratios, implied denominators, changes, implied factors; what disagrees is named, never mended
-- grain: figure_id, relation, against
-- warns: verdict = 'off'
with figure as (
    select
        f.*,
        case when regexp_full_match(f.printed, '[-0-9.,]+') then replace(f.printed, ',', '')::double * coalesce(f.scale, 1) end as figure_value,
        -- half a unit of the last printed digit
        pow(10, -length(split_part(f.printed, '.', 2))) / 2 * coalesce(f.scale, 1) as half
    from clean.reported_figure as f
),

-- parts = total; a part that is no number leaves the sum unknown
part as (
    select
        p.parent_id as figure_id,
        p.breakdown,
        p.figure_id as part_id,
        case when p.is_subtracted then '- ' else '+ ' end as sign,
        t.figure_id is not null as is_known,
        case when p.is_subtracted then -1 else 1 end * p.figure_value
        * case when p.unit = t.unit then 1 else u.factor end as part_value,
        p.figure_value is null as is_word,
        greatest(p.half * case when p.unit = t.unit then 1 else u.factor end, t.half) as half
    from figure as p
    left join figure as t on p.parent_id = t.figure_id
    left join reference.figure_unit as u on p.unit = u.from_unit and t.unit = u.to_unit
    where p.parent_id is not null
),

parts as (
    select
        figure_id,
        'parts' as relation,
        -- the first sign is left away where it is a plus
        ltrim(string_agg(sign || part_id, ' ' order by sign, part_id), '+ ') as against,
        case when count(part_value) = count(*) then sum(part_value::decimal(38, 12))::double end as expected,
        -- half a unit of the coarsest last digit for each part
        (max(half) * count(*)) as tolerance,
        null::double as implied,
        null::varchar as implied_unit,
        case
            when not bool_and(is_known) then 'figure_unknown'
            when bool_or(is_word) then 'part_not_a_number'
            when count(part_value) < count(*) then 'unit_unknown'
        end as reason
    from part
    group by figure_id, breakdown
),

-- intensity = numerator / denominator
quotient as (
    select
        r.figure_id, r.denominator_id, r.figure_value, r.half,
        n.figure_id is not null and d.figure_id is not null as is_known,
        n.figure_value as upper_value,
        d.figure_value as lower_value,
        n.half as upper_half,
        d.half as lower_half,
        d.unit as lower_unit,
        u.factor,
        r.numerator_id || ' / ' || r.denominator_id as against,
        -- how far, relatively, the denominator that a ratio implies may be off
        n.half / nullif(abs(n.figure_value), 0) + r.half / nullif(abs(r.figure_value), 0) as slack
    from figure as r
    left join figure as n on r.numerator_id = n.figure_id
    left join figure as d on r.denominator_id = d.figure_id
    left join reference.figure_unit as u on n.unit || '/' || d.unit = u.from_unit and r.unit = u.to_unit
    where r.denominator_id is not null
),

ratio as (
    select
        figure_id,
        'ratio' as relation,
        against,
        upper_value / nullif(lower_value, 0) * factor as expected,
        half + abs(upper_value / nullif(lower_value, 0) * factor)
        * (coalesce(upper_half / nullif(abs(upper_value), 0), 0) + lower_half / nullif(abs(lower_value), 0)) as tolerance,
        null::double as implied,
        null::varchar as implied_unit,
        case
            when not is_known then 'figure_unknown'
            when factor is null then 'unit_unknown'
            when upper_value is null then 'numerator_not_a_number'
            when lower_value = 0 then 'denominator_zero'
        end as reason
    from quotient
    where lower_value is not null or not is_known
),

-- ratios over one denominator that nobody printed must imply the same; the one that tells it most closely is the measure
implying as (
    select
        *,
        upper_value * factor / nullif(figure_value, 0) as implied,
        first_value(figure_id) over closest as measure_id,
        first_value(upper_value * factor / nullif(figure_value, 0)) over closest as measure,
        first_value(slack) over closest as measure_slack,
        count(upper_value * factor / nullif(figure_value, 0)) over (partition by denominator_id) as ratios
    from quotient
    where is_known and lower_value is null
    window closest as (
        partition by denominator_id
        order by upper_value * factor / nullif(figure_value, 0) is null, slack nulls last, figure_id
        rows between unbounded preceding and unbounded following
    )
),

implied_denominator as (
    select
        figure_id,
        'implied_denominator' as relation,
        case when figure_id = measure_id or implied is null then denominator_id else measure_id end as against,
        case when figure_id <> measure_id then upper_value * factor / measure end as expected,
        half + abs(upper_value * factor / measure) * (upper_half / nullif(abs(upper_value), 0) + measure_slack) as tolerance,
        implied,
        lower_unit as implied_unit,
        case
            when factor is null then 'unit_unknown'
            when upper_value is null then 'numerator_not_a_number'
            when figure_value is null then 'figure_not_a_number'
            when implied is null then 'denominator_zero'
            when ratios < 2 then 'nothing_to_compare_with'
            when figure_id = measure_id then 'is_the_measure'
        end as reason
    from implying
),

-- change = later / earlier - 1
change as (
    select
        c.figure_id,
        'change' as relation,
        c.numerator_id || ' / ' || c.base_id || ' - 1' as against,
        (n.figure_value / nullif(b.figure_value, 0) - 1) * u.factor as expected,
        c.half + abs(n.figure_value / nullif(b.figure_value, 0)) * u.factor
        * (coalesce(n.half / nullif(abs(n.figure_value), 0), 0) + b.half / nullif(abs(b.figure_value), 0)) as tolerance,
        null::double as implied,
        null::varchar as implied_unit,
        case
            when n.figure_id is null or b.figure_id is null then 'figure_unknown'
            when u.factor is null then 'unit_unknown'
            when n.unit <> b.unit then 'units_differ'
            when n.figure_value is null or b.figure_value is null then 'part_not_a_number'
            when b.figure_value = 0 then 'denominator_zero'
        end as reason
    from figure as c
    left join figure as n on c.numerator_id = n.figure_id
    left join figure as b on c.base_id = b.figure_id
    left join reference.figure_unit as u on u.from_unit = '1' and c.unit = u.to_unit
    where c.base_id is not null
),

-- emission = activity x registered factor
implied_factor as (
    select
        e.figure_id,
        'implied_factor' as relation,
        e.activity_id || ' x ' || e.factor_id as against,
        a.figure_value * f.value / u.factor as expected,
        abs(a.figure_value * f.value / u.factor) * p.upper / h.factor as tolerance,
        e.figure_value / nullif(a.figure_value, 0) * u.factor as implied,
        f.unit as implied_unit,
        case
            when a.figure_id is null then 'figure_unknown'
            when f.factor_id is null then 'no_factor'
            when u.factor is null then 'unit_unknown'
            when a.figure_value is null then 'part_not_a_number'
        end as reason
    from figure as e
    left join figure as a on e.activity_id = a.figure_id
    left join reference.emission_factor as f on e.factor_id = f.factor_id
    left join reference.figure_unit as u on e.unit || '/' || a.unit = u.from_unit and f.unit = u.to_unit
    inner join reference.plausibility as p on p.bound_id = 'implied_factor'
    inner join reference.figure_unit as h on h.from_unit = '1' and p.unit = h.to_unit
    where e.activity_id is not null
),

related as (
    from parts
    union all by name
    from ratio
    union all by name
    from implied_denominator
    union all by name
    from change
    union all by name
    from implied_factor
),

judged as (
    select
        r.figure_id,
        r.relation,
        r.against,
        nullif(regexp_extract(f.period, '^\d{4}-\d{2}$'), '') as month,
        f.subject,
        f.label,
        f.period,
        f.printed,
        f.unit,
        r.expected,
        f.figure_value as printed_value,
        f.figure_value - r.expected as difference,
        case when r.expected is not null and coalesce(f.precision, 'printed') = 'printed' then r.tolerance end as tolerance,
        r.implied,
        r.implied_unit,
        coalesce(r.reason, case when f.figure_value is null then 'figure_not_a_number' when r.expected is null then 'unit_unknown' end) as reason,
        case
            when r.reason is not null or f.figure_value is null or r.expected is null then 'cannot_tell'
            when
                f.precision = 'order_of_magnitude'
                then case when f.figure_value / nullif(r.expected, 0) between o.lower and o.upper then 'ok' else 'off' end
            -- at the very border what doubles cannot hold must not decide
            when abs(f.figure_value - r.expected) <= r.tolerance * (1 + 1e-9) then 'ok'
            else 'off'
        end as verdict,
        format('{:.8g}', r.expected / coalesce(f.scale, 1)) as expected_words,
        f.document,
        f.locator
    from related as r
    left join figure as f on r.figure_id = f.figure_id
    inner join reference.plausibility as o on o.bound_id = 'order_of_magnitude'
)

select
    figure_id, relation, against, month, subject, label, period, printed, unit, expected, printed_value, difference, tolerance,
    implied, implied_unit, verdict, reason, document, locator,
    concat_ws(' ', subject, period, label, coalesce(printed, figure_id)) || coalesce('（' || nullif(concat_ws('，', document, locator), '') || '）', '') || '：'
    || case verdict
        when 'ok' then '与 ' || against || ' 相符'
        when 'off' then '与 ' || against || ' 不符，应为 ' || expected_words
        else '无法判断（' || reason || '）：' || against
    end as zh,
    concat_ws(' ', subject, period, label, coalesce(printed, figure_id)) || coalesce(' (' || nullif(concat_ws(', ', document, locator), '') || ')', '') || ': '
    || case verdict
        when 'ok' then 'agrees with ' || against
        when 'off' then 'does not agree with ' || against || ', which gives ' || expected_words
        else 'cannot be told (' || reason || '): ' || against
    end as en
from judged
order by figure_id, relation, against
