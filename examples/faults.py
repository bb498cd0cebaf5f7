"""The mistakes planted in the demo extracts, one line each, so that what the hub finds can be checked against them.

A fault names the extract and the row it hits, what is done to that row and what the hub must say about it. Faults hit
different rows, and a fault whose month was not asked for is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from examples.extracts import Event, Extract, Row

Edit = str | int | float | None | Callable[[str], str | float]


@dataclass(frozen=True)
class Fault:
    """One mistake.

    `month` is the month in the extract's file name, or in its rows for an extract delivered whole (then `where` finds
    them). `where` maps raw columns to patterns the row must match in full; `at` is how far down the matching rows the
    fault sits. `how` is `change` (edit the row), `insert` (put an edited copy behind it; of `count` rows where there
    are more) or `drop` (leave out `count` rows; the truth then points at the row after the gap).
    """

    source: str
    month: str
    reason: str
    column: str
    edit: dict[str, Edit] = field(default_factory=dict)
    kind: str = "refused"
    how: str = "change"
    where: dict[str, str] = field(default_factory=dict)
    file: str = ""
    at: float = 0.5
    count: int = 1
    note: str = ""


def _plus(amount: float) -> Callable[[str], str]:
    return lambda text: f"{float(text) + amount:.2f}"


def _minute(minute: str) -> Callable[[str], str]:
    return lambda text: f"{text[:14]}{minute}:00"


def _gap(source: str, month: str, file: str, count: int, at: float = 0.5, where: dict[str, str] | None = None) -> Fault:
    note = f"{count} readings are missing before this row"
    return Fault(source, month, "", "read_at", {}, "gap", "drop", where or {}, file, at, count, note)


def _repeat(
    source: str, month: str, count: int = 1, file: str = "", at: float = 0.5, where: dict[str, str] | None = None
) -> Fault:
    return Fault(
        source, month, "", "", {}, "duplicate", "insert", where or {}, file, at, count, "sent twice, all values equal"
    )


_READ, _SHOWN = "抄表时间", "正向有功示数"

FAULTS: tuple[Fault, ...] = (
    # registers read by radio
    Fault("meters_ami", "2026-01", "unknown_key", "meter_id", {"表号": "E-GZ-99"}, how="insert", file="GZ-HUB", at=0.1),
    Fault("meters_ami", "2026-01", "missing", "meter_id", {"表号": ""}, how="insert", file="GZ-HUB", at=0.3),
    Fault("meters_ami", "2026-01", "not_a_number", "register", {_SHOWN: "--"}, file="GZ-HUB", at=0.5),
    Fault(
        "meters_ami", "2026-02", "out_of_range", "register", {_SHOWN: "-12.50"}, file="SH-WH", at=0.2, note="below zero"
    ),
    Fault("meters_ami", "2026-02", "not_a_time", "read_at", {_READ: "2026-02-30 10:00:00"}, file="WH-WH", at=0.4),
    Fault(
        "meters_ami",
        "2026-03",
        "above_register_max",
        "",
        {_SHOWN: "100500.00"},
        file="GZ-HUB",
        at=0.2,
        where={"表号": "E-GZ-00"},
    ),
    Fault(
        "meters_ami",
        "2026-03",
        "off_grid",
        "",
        {_READ: _minute("07")},
        how="insert",
        file="CD-DEPOT",
        at=0.3,
        where={"表号": "E-CD-00"},
    ),
    Fault(
        "meters_ami", "2026-04", "outside_month", "", {_READ: "2026-06-15 08:00:00"}, how="insert", file="SH-WH", at=0.6
    ),
    Fault("meters_ami", "2026-04", "unknown_unit", "unit", {"单位": "千伏安时"}, file="WH-WH", at=0.7),
    Fault("meters_ami", "2026-05", "unit_differs", "", {"单位": "MWh"}, file="SH-WH", at=0.5),
    Fault("meters_ami", "2026-05", "missing", "register", {_SHOWN: ""}, file="SZ-PLANT", at=0.5),
    Fault("meters_ami", "2026-06", "not_a_number", "register", {_SHOWN: "通信失败"}, file="CD-DEPOT", at=0.8),
    Fault(
        "meters_ami",
        "2026-04",
        "",
        "register",
        {_SHOWN: _plus(3)},
        "conflicting",
        "insert",
        {"表号": "E-GZ-00"},
        "GZ-HUB",
        note="a second, higher reading of the same instant",
    ),
    Fault(
        "meters_ami",
        "2026-10",
        "",
        "register",
        {_SHOWN: _plus(5)},
        "conflicting",
        "insert",
        {"表号": "E-WH-00"},
        "WH-WH",
        note="a second, higher reading of the same instant",
    ),
    _repeat("meters_ami", "2026-03", count=4, file="SH-WH", at=0.4),
    _repeat("meters_ami", "2026-09", count=2, file="GZ-HUB", at=0.7),
    _gap("meters_ami", "2026-05", "WH-WH", 24, where={"表号": "E-WH-00"}, at=0.37),
    _gap("meters_ami", "2026-07", "SZ-PLANT", 9, where={"表号": "E-SZ-02"}, at=0.55),
    _gap("meters_ami", "2026-11", "GZ-HUB", 192, where={"表号": "E-GZ-00"}, at=0.33),
    # quarter-hours, hours, midnights
    _gap("meters_settlement", "2026-08", "E-SZ-00_20260813", 12),
    Fault("meters_settlement", "2026-09", "not_a_number", "register", {"电量": "N/A"}, file="E-SZ-00_20260909", at=0.5),
    Fault(
        "meters_settlement", "2026-10", "unknown_word", "quality", {"数据标志": "推算"}, file="E-SZ-00_20261015", at=0.9
    ),
    Fault("meters_pv", "2026-05", "out_of_range", "register", {"energy": -3.2}, at=0.3, note="below zero"),
    _repeat("meters_pv", "2026-07", at=0.4),
    Fault(
        "meters_midnight",
        "2026-02",
        "unknown_key",
        "meter_id",
        {"表号": "W-SH-77"},
        how="insert",
        where={"表号": "W-SH-00", _READ: r"2026-02.*"},
    ),
    Fault(
        "meters_midnight",
        "2026-03",
        "unknown_unit",
        "unit",
        {"计量单位": "大方"},
        where={"表号": "W-GZ-00", _READ: r"2026-03.*"},
    ),
    Fault(
        "meters_midnight",
        "2026-06",
        "unit_differs",
        "",
        {"计量单位": "GJ"},
        where={"表号": "G-SZ-00", _READ: r"2026-06.*"},
    ),
    Fault(
        "meters_midnight",
        "2026-08",
        "above_register_max",
        "",
        {"示数": 20481.5},
        where={"表号": "W-SH-00", _READ: r"2026-08.*"},
    ),
    # revenue and fuel
    Fault("erp_revenue", "2026-02", "site_of_another_entity", "", {"站点": "GZ-HUB"}, where={"站点": "SH-WH"}, at=0.4),
    Fault("erp_revenue", "2026-03", "not_a_number", "revenue_cny", {"不含税金额（元）": "#N/A"}, at=0.6),
    Fault("erp_revenue", "2026-04", "not_a_time", "posted_on", {"过账日期": "2026.04.31"}, at=0.2),
    Fault("erp_revenue", "2026-05", "duplicate_key", "", {"不含税金额（元）": "88,888.88"}, how="insert", at=0.3),
    Fault("erp_revenue", "2026-06", "unknown_key", "site_id", {"站点": "NJ-WH"}, where={"站点": "WH-WH"}),
    Fault("erp_revenue", "2026-07", "outside_month", "", {"过账日期": "2026.09.03"}, at=0.8),
    _repeat("erp_revenue", "2026-08", at=0.5),
    Fault("erp_revenue_plant", "2026-03", "unknown_unit", "revenue_cny", {"单位": "百万"}, at=0.5),
    Fault("erp_revenue_plant", "2026-09", "missing", "revenue_cny", {"收入金额": ""}, at=0.7),
    Fault("fuel_cards", "2026-01", "one_quantity", "", {"加气量（公斤）": "35.00"}, where={"油品": "0号柴油"}, at=0.3),
    Fault("fuel_cards", "2026-02", "unknown_key", "vehicle_id", {"车牌号": "粤B88888"}, at=0.5),
    Fault("fuel_cards", "2026-03", "unknown_word", "fuel", {"油品": "煤焦油"}, at=0.6),
    Fault(
        "fuel_cards",
        "2026-04",
        "out_of_range",
        "volume_l",
        {"加油量（升）": "-80.00"},
        where={"油品": "0号柴油"},
        at=0.4,
    ),
    Fault(
        "fuel_cards",
        "2026-05",
        "duplicate_key",
        "",
        {"加油量（升）": "111.11"},
        how="insert",
        where={"油品": "0号柴油"},
        at=0.7,
    ),
    Fault("fuel_cards", "2026-10", "missing", "document_id", {"流水号": ""}, at=0.2),
    _repeat("fuel_cards", "2026-06", at=0.5),
    Fault("fuel_bulk", "2026-07", "unknown_unit", "mass_kg", {"单位": "瓶"}, where={"单位": "吨"}, at=0.0),
    # people
    Fault("hr_employees", "2026-02", "unknown_word", "worker_type", {"用工形式": "小时工"}, file="员工月报.", at=0.4),
    Fault("hr_employees", "2026-04", "not_a_time", "hired_on", {"入职日期": "2021-02-30"}, file="员工月报.", at=0.6),
    Fault("hr_employees", "2026-05", "unknown_key", "site_id", {"站点": "XA-WH"}, file="员工月报.", at=0.2),
    Fault("hr_employees", "2026-07", "missing", "employee_key", {"工号": ""}, file="员工月报.", at=0.8),
    Fault("hr_employees", "2026-08", "left_before_hired", "", {"离职日期": "2010-01-01"}, file="员工月报.", at=0.5),
    Fault("attendance", "2026-03", "out_of_range", "worked_h", {"10": 25}, where={"10": "8"}, at=0.3, note="day 10"),
    Fault(
        "attendance", "2026-06", "not_a_number", "worked_h", {"11": "八小时"}, where={"11": "8"}, at=0.6, note="day 11"
    ),
    Fault("survey", "2026-06", "above_scale", "", {"总体满意度": "6"}, at=0.2),
    Fault("survey", "2026-06", "missing", "score", {"总体满意度": ""}, at=0.5),
    Fault("survey", "2026-06", "unknown_key", "site_id", {"站点": "HK-WH"}, at=0.8),
    _repeat("survey", "2026-06", at=0.4),
    # the plant
    Fault("mes_batches", "2026-03", "not_a_number", "output_t", {"output_kg": "待称重"}, at=0.4),
    Fault("mes_batches", "2026-06", "unknown_key", "site_id", {"site": "SZ-PLANT2"}, at=0.5),
    Fault("mes_batches", "2026-09", "not_a_time", "produced_at", {"finished_at": "2026-09-31T10:00:00"}, at=0.5),
    Fault("mes_teams", "2026-04", "out_of_range", "workers", {"present": -4}, at=0.5),
    # orders, trips, complaints: months of the rows; numbers that end in 3 carry no complaint
    Fault(
        "tms_orders",
        "2026-02",
        "delivered_before_accepted",
        "",
        {"sign_time": "2026-01-01 09:00:00"},
        where={"order_no": r"SO202602.*3", "order_status": "已签收"},
    ),
    Fault(
        "tms_orders",
        "2026-03",
        "more_intact_than_due",
        "",
        {"pieces_ok": 99999},
        where={"order_no": r"SO202603.*3", "order_status": "已签收"},
    ),
    Fault(
        "tms_orders", "2026-04", "unknown_word", "status", {"order_status": "暂存"}, where={"order_no": r"SO202604.*3"}
    ),
    Fault("tms_orders", "2026-05", "missing", "site_id", {"site_code": None}, where={"order_no": r"SO202605.*3"}),
    Fault(
        "tms_orders", "2026-06", "unknown_key", "site_id", {"site_code": "CQ-WH"}, where={"order_no": r"SO202606.*3"}
    ),
    Fault(
        "tms_orders", "2026-07", "not_a_number", "weight_t", {"weight_t": "见附件"}, where={"order_no": r"SO202607.*3"}
    ),
    Fault(
        "tms_orders",
        "2026-08",
        "not_a_time",
        "promised_by",
        {"promise_time": "尽快"},
        where={"order_no": r"SO202608.*3"},
    ),
    Fault(
        "tms_orders",
        "2026-09",
        "delivered_without_time",
        "",
        {"sign_time": None},
        where={"order_no": r"SO202609.*3", "order_status": "已签收"},
    ),
    Fault(
        "tms_trips", "2026-02", "unknown_key", "vehicle_id", {"plate_no": "川A00000"}, where={"trip_no": r"TR2602.*"}
    ),
    Fault(
        "tms_trips",
        "2026-03",
        "out_of_range",
        "distance_km",
        {"mileage_km": -45.0, "empty_km": None},
        where={"trip_no": r"TR2603.*"},
    ),
    Fault("tms_trips", "2026-05", "more_empty_than_driven", "", {"empty_km": 4321.0}, where={"trip_no": r"TR2605.*"}),
    Fault(
        "tms_trips", "2026-09", "duplicate_key", "", {"mileage_km": 777.7}, how="insert", where={"trip_no": r"TR2609.*"}
    ),
    _repeat("tms_trips", "2026-07", where={"trip_no": r"TR2607.*"}),
    Fault(
        "tms_complaints",
        "2026-04",
        "closed_before_received",
        "",
        {"closed_time": "2025-12-31 08:00:00"},
        where={"complaint_no": r"TS2604.*"},
    ),
    Fault(
        "tms_complaints",
        "2026-08",
        "missing",
        "received_at",
        {"received_time": None},
        where={"complaint_no": r"TS2608.*"},
    ),
    # the panel: scores are given in the last month, whichever it is
    Fault("expert_panel", "", "out_of_range", "level", {"等级": "6"}, file="round1", at=0.35),
    Fault("expert_panel", "", "not_a_number", "level", {"等级": "优"}, file="round1", at=0.75),
)

WHOLE = ("meters_midnight", "survey", "tms_orders", "tms_trips", "tms_complaints", "expert_panel")


def plant(extracts: list[Extract], months: tuple[str, ...]) -> None:
    """Plant every fault of these months; each becomes an event of the extract it hits.

    Raises:
        LookupError: a fault finds no row to hit, so the list above no longer fits the extracts.
    """
    taken: set[int] = {id(event.row) for extract in extracts for event in extract.events}
    for fault in FAULTS:
        if fault.month in ("", *months):
            _plant(fault, next(_hit(fault, extracts), None), taken)


def _hit(fault: Fault, extracts: list[Extract]) -> Iterator[Extract]:
    for extract in extracts:
        in_month = fault.source in WHOLE or fault.month in extract.file or fault.month.replace("-", "") in extract.file
        if extract.source == fault.source and in_month and fault.file in extract.file:
            yield extract


def _plant(fault: Fault, extract: Extract | None, taken: set[int]) -> None:
    fitting = [index for index, row in enumerate(extract.rows) if _fits(fault, extract, row)] if extract else []
    start = int(fault.at * (len(fitting) - 1)) if fitting else 0
    free = [
        index
        for index in fitting[start:]
        if not any(id(row) in taken for row in extract.rows[index : index + fault.count + 1])
    ]
    if not extract or not free:
        raise LookupError(f"no row left for {fault}")
    index = free[0]
    if fault.how == "drop":
        del extract.rows[index : index + fault.count]
        hit = [extract.rows[index]]
    elif fault.how == "insert":
        originals = extract.rows[index : index + fault.count]
        hit = [list(row) for row in originals]
        extract.rows[index + fault.count : index + fault.count] = hit
        taken.update(id(row) for row in originals)
    else:
        hit = [extract.rows[index]]
    for row in hit:
        _edit(fault, extract, row)
        taken.add(id(row))
        extract.events.append(Event(row, fault.kind, fault.reason, fault.column, fault.note or _said(fault)))


def _fits(fault: Fault, extract: Extract, row: Row) -> bool:
    return all(re.fullmatch(pattern, extract.at(row, column)) for column, pattern in fault.where.items())


def _edit(fault: Fault, extract: Extract, row: Row) -> None:
    for column, value in fault.edit.items():
        row[extract.columns.index(column)] = value(extract.at(row, column)) if callable(value) else value


def _said(fault: Fault) -> str:
    return "; ".join(f"{column} = {value!r}" for column, value in fault.edit.items() if not callable(value))
