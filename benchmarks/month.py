"""The benchmark's input: a month of 15-minute cumulative meter readings as CSV, faults included, in one file a day.

Everything follows from hashes of meter and slot, so the same arguments give the same bytes under the same DuckDB:
1 % of single readings and 0.2 % of meter-days are missing, 0.5 % of readings are sent twice (a tenth of those with
another value), registers roll over, 0.1 % of meters are reset in mid-month, and 0.024 % of rows are bad in one of
twelve ways.
"""

from __future__ import annotations

import calendar
from pathlib import Path

import duckdb

SLOTS_A_DAY = 96
BAD_EVERY = 50_021  # one hash in so many is bad in each of twelve ways

_METERS = """
create table meter as
select
    i::int as mid, printf('M%07d', i) as meter_id, printf('S%03d', i % 50) as site_id, printf('L%04d', i % 400) as line_id,
    ([1, 10, 20, 40, 80, 100])[i % 6 + 1]::int as ct_ratio,
    case when i % 20 = 0 then '万kWh' when i % 7 = 0 then 'MWh' else 'kWh' end as unit,
    case when i % 20 = 0 then 999.9999 when i % 7 = 0 then 9999.999 else 99999.99 end::double as register_max
from range(?) as t (i)
"""

_LOAD = """
create table load as
select
    *,
    (hash(mid) % 90000)::double / 90000 * register_max as base,
    (0.2 + (hash(mid, 7) % 300) / 100.0) * case unit when 'kWh' then 1 when 'MWh' then 0.02 else 0.002 end as rate
from meter
"""

_DAY = """
copy (
    with slot as (
        select meter_id, mid, unit, base, rate, register_max, i, hash(mid, i) as h
        from range({first}, {last}) as t (i), load
        where hash(mid, i) % 100 <> 1 and hash(mid, i // {slots}, 5) % 500 <> 1
    ),
    shown as (
        select
            *,
            case
                when mid % 1000 = 7 and i >= 15 * {slots} + 17 then rate * (i - 15 * {slots} - 17)
                else base + rate * (i + 0.5 * (h % 1000) / 1000.0)
            end % register_max as reg
        from slot
    ),
    sent as (select *, unnest(case when h % 200 = 3 then [0, 1] else [0] end) as copy_number from shown),
    stamped as (select *, timestamp '{start}' + interval (i * 15) minute as stamp, h % {bad} as fault from sent)
    select
        case fault when 9 then '' when 10 then 'X' || meter_id[3:] else meter_id end as meter_id,
        case fault
            when 11 then '2026-13-01 00:00:00'
            when 12 then '2036-01-01 00:00:00'
            when 13 then strftime(stamp + interval 7 minute, '%Y-%m-%d %H:%M:%S')
            else strftime(stamp, '%Y-%m-%d %H:%M:%S')
        end as ts,
        case fault
            when 14 then 'ERR' when 15 then '' when 16 then '-12.5' when 17 then '99999999.9'
            else (reg + case when copy_number = 1 and h % 2000 = 3 then 0.01 else 0 end)::decimal(12, 4)::varchar
        end as register,
        case fault when 18 then 'kw' when 19 then '' else unit end as unit,
        case when fault = 20 then 'Z' when h % 97 = 0 then 'E' else 'A' end as quality
    from stamped
) to '{path}' (header)
"""


def generate(folder: Path, meters: int, month: str = "2026-01") -> None:
    """Write `meters.csv` and `readings/<day>.csv`."""
    year, number = map(int, month.split("-"))
    (folder / "readings").mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect()
    connection.execute("set preserve_insertion_order = true")
    connection.execute(_METERS, [meters])
    connection.execute(_LOAD)
    connection.execute(f"copy (select * exclude (mid) from meter order by meter_id) to '{folder}/meters.csv' (header)")
    for day in range(calendar.monthrange(year, number)[1]):
        path = folder / "readings" / f"{month}-{day + 1:02d}.csv"
        connection.execute(
            _DAY.format(first=day * SLOTS_A_DAY, last=(day + 1) * SLOTS_A_DAY, slots=SLOTS_A_DAY, bad=BAD_EVERY,
                        start=f"{month}-01 00:00:00", path=path)
        )  # fmt: skip
