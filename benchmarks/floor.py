"""The floor: a bare DuckDB script for the same month, without archive, provenance, contract or lineage.

    python -m benchmarks.floor DIR

The eleven checks and the rollover rule are those the hub applies; prints what came out as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

import duckdb

_STAGE = """
create temp table staged as
with parsed as (
    select r.*, try_cast(r.ts as timestamp) as stamp, try_cast(r.register as double) as reg, m.mid, m.register_max, m.unit as meter_unit
    from read_csv(
        '{folder}/readings/*.csv', header = true, auto_detect = false, delim = ',', quote = '', escape = '',
        columns = {{'meter_id': 'VARCHAR', 'ts': 'VARCHAR', 'register': 'VARCHAR', 'unit': 'VARCHAR', 'quality': 'VARCHAR'}}
    ) as r
    left join meter as m using (meter_id)
),
judged as (
    select
        *,
        (
            (meter_id is null or meter_id = '')::int
            | (mid is null)::int * 2
            | (stamp is null)::int * 4
            | coalesce(stamp < {low} or stamp >= {high}, false)::int * 8
            | coalesce(epoch_us(stamp) % 900000000 <> 0, false)::int * 16
            | (reg is null)::int * 32
            | coalesce(reg < 0, false)::int * 64
            | coalesce(reg > register_max, false)::int * 128
            | (unit is null or unit not in ('kWh', 'MWh', '万kWh'))::int * 256
            | (quality is null or quality not in ('A', 'E'))::int * 512
            | coalesce(unit <> meter_unit, false)::int * 1024
        )::smallint as mask
    from parsed
)
select
    mid, ((epoch_us(stamp) - epoch_us({low})) // 900000000)::int as slot, reg, register_max, mask,
    case when mask <> 0 then concat_ws(chr(31), meter_id, ts, register, unit, quality) end as original
from judged
"""

_MONTH = """
create temp table meter_month as
select
    mid,
    sum(
        case
            when before is null then 0
            when reg >= before then reg - before
            when before > 0.9 * register_max and reg < 0.1 * register_max then reg + register_max - before
            else reg
        end
    ) as increase,
    count(*) as readings,
    sum((reg < before)::int) as negative
from (
    select
        mid, register_max, reg, slot,
        lead(slot) over w as next_slot,
        case
            when lag(slot) over w <> slot then lag(reg) over w
            when lag(slot, 2) over w <> slot then lag(reg, 2) over w
            else lag(reg, 3) over w
        end as before
    from staged
    where mask = 0
    window w as (partition by mid order by slot, reg desc)
)
where next_slot is distinct from slot
group by mid
"""


def main(folder: Path) -> dict[str, float]:
    """Do the month; energy in kWh, readings kept, rows refused, negative steps."""
    connection = duckdb.connect(config={"threads": int(os.environ.get("ESG_THREADS", "2"))})
    connection.execute("set preserve_insertion_order = false")
    # with the CSV on the build side of the join it takes two to three times as long
    connection.execute("set disabled_optimizers = 'join_order,build_side_probe_side'")
    connection.execute(f"""create table meter as
        select row_number() over (order by meter_id)::int as mid, *,
            case unit when 'kWh' then 1 when 'MWh' then 1000 else 10000 end::double * ct_ratio as factor
        from read_csv('{folder}/meters.csv', header = true)""")
    month = min(folder.glob("readings/*.csv")).stem[:7]
    low = f"timestamp '{month}-01'"
    connection.execute(_STAGE.format(folder=folder, low=low, high=f"({low} + interval 1 month)"))
    with tempfile.TemporaryDirectory() as out:
        connection.execute(f"copy (select original, mask from staged where mask <> 0) to '{out}/quarantine.parquet'")
        connection.execute(_MONTH)
        connection.execute(f"""copy (select meter_id, site_id, line_id, increase * factor as energy_kwh, readings
            from meter_month join meter using (mid)) to '{out}/meter_month.parquet'""")
        connection.execute(f"""copy (select site_id, sum(increase * factor) as energy_kwh
            from meter_month join meter using (mid) group by site_id) to '{out}/site_month.parquet'""")
    kwh, kept, negative = (
        connection.execute("""select sum(increase * factor), sum(readings)::bigint, sum(negative)::bigint
        from meter_month join meter using (mid)""").fetchall()[0]
    )
    refused = connection.execute("select count(*) from staged where mask <> 0").fetchall()[0][0]
    return {"kwh": kwh, "kept": kept, "refused": refused, "negative": negative}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
