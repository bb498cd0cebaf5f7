"""What the demo enterprise's systems deliver: every extract as the raw table that its file or database shows.

Each function writes down the true world of `examples.world` in the words, units and layouts of one system. All rows are
good here; `examples.faults` plants the mistakes afterwards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta

import numpy as np

from examples.world import (
    KM_PER_TRIP,
    Meter,
    Person,
    Site,
    Vehicle,
    World,
    day_kind,
    days_of,
    month_after,
    quantities,
    registers,
    rng,
)  # fmt: skip

Cell = str | int | float | None
Row = list[Cell]

FULL_WIDTH = str.maketrans("0123456789.", "０１２３４５６７８９．")
QUANTITATIVE = {"A.1.6", "A.1.10", "A.2.2", "A.2.6", "A.2.7", "A.2.8"}
EXPERT_INDICATORS = tuple(
    indicator
    for pillar, number in ((1, 22), (2, 17), (3, 11))
    for indicator in (f"A.{pillar}.{position}" for position in range(1, number + 1))
    if indicator not in QUANTITATIVE
)


@dataclass(eq=False)
class Event:
    """Something a reader of the extract must notice: which row, what kind, why, in which contract column."""

    row: Row
    kind: str
    reason: str
    column: str
    note: str


@dataclass(eq=False)
class Extract:
    """One delivered table: where it goes, in which form, and its rows as the system shows them.

    `file` is relative to `extracts/`, as in a source's `files`; `groups` is a merged header row above `columns`;
    `table` names the table of a database.
    """

    source: str
    file: str
    form: str
    columns: tuple[str, ...]
    rows: list[Row]
    encoding: str = "utf-8"
    delimiter: str = ","
    sheet: str = ""
    table: str = ""
    groups: tuple[tuple[str, int], ...] = ()
    events: list[Event] = field(default_factory=list)

    @property
    def header_rows(self) -> int:
        """Rows above the first row of data."""
        return {"csv": 1, "excel": 2 if self.groups else 1}.get(self.form, 0)

    def at(self, row: Row, column: str) -> str:
        """A cell as text."""
        value = row[self.columns.index(column)]
        return "" if value is None else str(value)


def extracts(world: World) -> Iterator[Extract]:
    """Every extract of the months asked for."""
    trips = {month: month_trips(world, month) for month in world.months}
    orders = {month: month_orders(world, month) for month in world.months}
    yield from ami(world)
    yield midnight(world)
    for month in world.months:
        yield from settlement(world, month)
        yield from pv(world, month)
        yield revenue(world, month)
        yield revenue_of_the_plant(world, month)
        yield fuel_cards(world, month, trips[month])
        yield fuel_bulk(world, month, trips[month])
        yield from employees(world, month)
        yield attendance(world, month)
        yield batches(world, month)
        yield teams(world, month)
    if "2026-06" in world.months:
        yield survey(world, "2026-06")
    yield tms_orders(world, orders)
    yield tms_trips(trips)
    yield tms_complaints(world, orders)
    yield from panel(world.months[-1])


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def _start(month: str) -> datetime:
    return datetime.combine(days_of(month)[0], time())


# ---- meters


def ami(world: World) -> Iterator[Extract]:
    """Registers read by radio: one file per month and site, each site's software with its own word for kWh.

    A month's file ends with the reading of the midnight that closes it; the first file also has the one that opens it.
    """
    words = {"GZ": "kWh", "SH": "千瓦时", "WH": "度", "CD": "KWH", "SZ": "kW·h"}
    columns = ("表号", "抄表时间", "正向有功示数", "单位")
    found: dict[tuple[str, str], Extract] = {}
    for meter in (meter for meter in world.meters if meter.system == "ami"):
        site = meter.site
        for month, moments, ticks, rolled in _readings(world, meter):
            file = f"meters/ami/{month}/{site.site_id}.csv"
            extract = found.setdefault(
                (month, site.site_id), Extract("meters_ami", file, "csv", columns, [], "utf-8-sig")
            )
            fresh: list[Row] = [
                [meter.meter_id, _stamp(moment), f"{tick / 100:.2f}", words[site.short]]
                for moment, tick in zip(moments, ticks, strict=True)
            ]
            extract.rows += fresh
            extract.events += [_rollover(row) for row, has in zip(fresh, rolled, strict=True) if has]
    yield from found.values()


def _readings(world: World, meter: Meter) -> Iterator[tuple[str, list[datetime], list[int], list[bool]]]:
    """Month, instants, registers and whether each has just run over, without a midnight told twice."""
    step = timedelta(minutes=meter.interval_min or 24 * 60)
    for month, ticks, rolled in registers(meter, world.months_lived):
        if month in world.months:
            first = 0 if month == world.months[0] else 1
            moments = [_start(month) + index * step for index in range(first, len(ticks))]
            yield month, moments, ticks[first:].tolist(), rolled[first:].tolist()


def _rollover(row: Row) -> Event:
    return Event(row, "rollover", "", "register", "the register ran over its highest value just before this reading")


def settlement(world: World, month: str) -> Iterator[Extract]:
    """The grid company's quarter-hours in MWh: one file a day, stamped with the end of the interval, up to 24:00."""
    for meter in (meter for meter in world.meters if meter.system == "settlement"):
        amounts = quantities(meter, month).reshape(-1, 96)
        for day, quarters in zip(days_of(month), amounts, strict=True):
            rows: list[Row] = [
                [
                    meter.meter_id,
                    f"{day} {(index * 15) // 60:02d}:{index * 15 % 60:02d}",
                    f"{amount:.5f}",
                    "MWh",
                    "实测",
                ]
                for index, amount in enumerate(quarters.tolist(), start=1)
            ]
            columns = ("计量点编号", "时段末", "电量", "单位", "数据标志")
            yield Extract(
                "meters_settlement",
                f"meters/settlement/{month}/{meter.meter_id}_{day:%Y%m%d}.csv",
                "csv",
                columns,
                rows,
            )


def pv(world: World, month: str) -> Iterator[Extract]:
    """The inverter portal: hours in kWh as JSON lines, stamped with the start of the hour."""
    for site in (site for site in world.sites if site.short == "SH"):
        rows: list[Row] = []
        for meter in (meter for meter in world.meters if meter.system == "pv" and meter.site == site):
            start = _start(month)
            rows += [
                [meter.meter_id, (start + timedelta(hours=hour)).isoformat(), round(amount, 2), "kWh"]
                for hour, amount in enumerate(quantities(meter, month).tolist())
            ]
        yield Extract(
            "meters_pv",
            f"meters/pv/{month}/{site.site_id}.jsonl",
            "jsonl",
            ("device", "hour_start", "energy", "unit"),
            rows,
        )


def midnight(world: World) -> Extract:
    """The workbook of registers frozen at midnight, units as people write them; Chengdu types full-width digits."""
    words = {"m3": ("m³", "立方米", "m3"), "GJ": ("GJ", "吉焦"), "万kWh": ("万kWh", "万千瓦时", "万度")}
    extract = Extract(
        "meters_midnight",
        "meters/能源抄表记录.xlsx",
        "excel",
        ("站点", "表号", "抄表时间", "示数", "计量单位", "备注"),
        [],
        sheet="抄表记录",
    )
    for meter in (meter for meter in world.meters if meter.system == "midnight"):
        for month, moments, ticks, rolled in _readings(world, meter):
            word = words[meter.unit][int(month[5:]) % len(words[meter.unit])]
            fresh = [_midnight_row(meter, moment, tick, word) for moment, tick in zip(moments, ticks, strict=True)]
            extract.rows += fresh
            extract.events += [_rollover(row) for row, has in zip(fresh, rolled, strict=True) if has]
    return extract


def _midnight_row(meter: Meter, moment: datetime, tick: int, word: str) -> Row:
    shown = f"{tick / 10**meter.decimals:.{meter.decimals}f}"
    register = shown.translate(FULL_WIDTH) if meter.site.short == "CD" else float(shown)
    return [meter.site.name, meter.meter_id, moment.strftime("%Y-%m-%d %H:%M"), register, word, "实抄"]


# ---- money and fuel

_COMPANY = {"LE-SC": "1000", "LE-TR": "2000", "LE-PK": "3000"}


def _shares(random: np.random.Generator, total: float, parts: int) -> list[float]:
    return [round(float(share), 2) for share in random.dirichlet(np.full(parts, 6.0)) * total]


def _workdays(month: str) -> list[date]:
    return [day for day in days_of(month) if day_kind(day) == "workday"]


def revenue(world: World, month: str) -> Extract:
    """The ERP's revenue list: GB18030, yuan with thousands separators, with intra-group and unattributed rows."""
    random, days = rng("revenue", month), _workdays(month)
    columns = ("公司代码", "凭证号", "行项目", "过账日期", "站点", "科目", "不含税金额（元）", "内部往来")
    season = (0.97, 0.72, 0.98, 1.0, 1.02, 1.06, 1.0, 1.0, 1.04, 1.02, 1.16, 1.08)[int(month[5:]) - 1]
    rows: list[Row] = []

    def post(entity: str, site_id: str, amount: float, account: str, inside: str) -> None:
        number = f"{_COMPANY[entity]}{month[2:4]}{month[5:]}{len(rows) + 1:04d}"
        day = days[int(random.integers(len(days)))]
        rows.append(
            [_COMPANY[entity], number, "1", day.strftime("%Y.%m.%d"), site_id, account, f"{amount:,.2f}", inside]
        )

    for site in world.sites:
        if not site.revenue_cny or site.legal_entity_id == "LE-PK":
            continue
        for amount in _shares(random, site.revenue_cny * season, 12):
            post(site.legal_entity_id, site.site_id, amount, "6001 主营业务收入", "否")
        post(site.legal_entity_id, site.site_id, site.revenue_cny * 0.02, "6051 其他业务收入", "否")
        if site.legal_entity_id == "LE-TR":
            post("LE-TR", site.site_id, round(site.revenue_cny * 0.12 * season, 2), "6001 主营业务收入", "是")
    post("LE-SC", "", 150_000 * world.scale, "6051 其他业务收入", "否")
    post("LE-SC", world.site("SH").site_id, -round(float(random.uniform(2_000, 9_000)), 2), "6001 主营业务收入", "否")
    return Extract("erp_revenue", f"erp/收入明细_{month}.csv", "csv", columns, rows, "gb18030")


def revenue_of_the_plant(world: World, month: str) -> Extract:
    """The plant's own bookkeeping: 万元, semicolons, unit in a column."""
    random, days = rng("revenue", "plant", month), _workdays(month)
    rows: list[Row] = []
    for site in (site for site in world.sites if site.short == "SZ"):
        for position, amount in enumerate(_shares(random, site.revenue_cny, 10)):
            day, inside = days[int(random.integers(len(days)))], "Y" if position == 0 else "N"
            rows.append(
                [
                    f"PK-{month}-{len(rows) + 1:03d}",
                    day.isoformat(),
                    site.site_id,
                    f"{amount / 10_000:.6f}",
                    "万元",
                    inside,
                ]
            )
    columns = ("凭证编号", "记账日期", "车间", "收入金额", "单位", "关联方")
    return Extract("erp_revenue_plant", f"erp_plant/{month}/营业收入.csv", "csv", columns, rows, "gb18030", ";")


def month_trips(world: World, month: str) -> list[tuple[Vehicle, datetime, float, float, float | None]]:
    """Trips in a month: vehicle, start, km, empty km, tonnes while laden."""
    found = []
    for vehicle in world.vehicles:
        days = [day for day in _workdays(month) if vehicle.is_valid(day)]
        if vehicle.vehicle_class not in KM_PER_TRIP or not days:
            continue
        random = rng("trips", vehicle.vehicle_id, vehicle.valid_from, month)
        for day in days:
            start = datetime.combine(day, time(5)) + timedelta(minutes=int(random.integers(0, 900)))
            km = round(KM_PER_TRIP[vehicle.vehicle_class] * float(random.uniform(0.6, 1.5)), 1)
            empty = round(km * float(random.beta(3, 9)), 1)
            laden = vehicle.vehicle_class != "car"
            found.append(
                (
                    vehicle,
                    start,
                    km,
                    empty,
                    round(vehicle.capacity_t * float(random.uniform(0.4, 0.95)), 2) if laden else None,
                )
            )
    return sorted(found, key=lambda trip: (trip[1], trip[0].vehicle_id))


def _burned(trips: list, wanted: set[str], month: str) -> dict[Vehicle, float]:
    burned: dict[Vehicle, float] = {}
    for vehicle, _, km, _, _ in trips:
        if vehicle.energy_type in wanted and vehicle.ownership != "outsourced":
            burned[vehicle] = burned.get(vehicle, 0.0) + km * vehicle.per_100_km / 100
    return {
        vehicle: amount * float(rng("burned", vehicle.vehicle_id, month).uniform(0.95, 1.06))
        for vehicle, amount in burned.items()
    }


def fuel_cards(world: World, month: str, trips: list) -> Extract:
    """Fuel cards of owned and leased vehicles: litres of diesel and petrol, kilograms of LNG."""
    random, rows = rng("cards", month), []
    words = {"diesel": "0号柴油", "gasoline": "92号汽油", "lng": "LNG"}
    for vehicle, amount in _burned(trips, set(words), month).items():
        if vehicle.energy_type == "lng" and vehicle.site.short == "CD":
            continue  # Chengdu's gas tractors fill at the depot's own tank, see `fuel_bulk`
        days = [day for day in days_of(month) if vehicle.is_valid(day)]
        fills = int(amount // 260) + 1
        for share in _shares(random, amount, fills):
            day = days[int(random.integers(len(days)))]
            mass = vehicle.energy_type == "lng"
            price = {"diesel": 7.2, "gasoline": 7.6, "lng": 5.1}[vehicle.energy_type]
            rows.append(
                [
                    day.strftime("%Y/%m/%d"),
                    vehicle.vehicle_id,
                    words[vehicle.energy_type],
                    "" if mass else f"{share:.2f}",
                    f"{share:.2f}" if mass else "",
                    f"{share * price:,.2f}",
                ]
            )
    rows.sort(key=lambda row: (row[0], row[1]))
    numbered: list[Row] = [[f"YK{month[2:4]}{month[5:]}{number:05d}", *row] for number, row in enumerate(rows, start=1)]
    columns = ("流水号", "交易日期", "车牌号", "油品", "加油量（升）", "加气量（公斤）", "金额（元）")
    return Extract("fuel_cards", f"fuel/加油卡_{month}.csv", "csv", columns, numbered, "gb18030")


def fuel_bulk(world: World, month: str, trips: list) -> Extract:
    """What sites buy in bulk: LNG for Chengdu's tank in tonnes or kilograms, piped gas for its canteen in m³."""
    random, rows = rng("bulk", month), []
    burned = _burned(trips, {"lng"}, month)
    for site in (site for site in world.sites if site.short == "CD"):
        amount = sum(mass for vehicle, mass in burned.items() if vehicle.site == site)
        for position, mass in enumerate(_shares(random, amount, 3)):
            day = days_of(month)[(3, 12, 22)[position]]
            weight, word = (round(mass / 1000, 3), "吨") if position < 2 else (round(mass, 1), "公斤")
            rows.append(
                [
                    f"CG{month[2:4]}{month[5:]}{len(rows) + 1:03d}",
                    day.isoformat(),
                    site.site_id,
                    "液化天然气",
                    weight,
                    word,
                    None,
                ]
            )
        gas = round(float(random.uniform(380, 520)), 1)
        rows.append(
            [
                f"CG{month[2:4]}{month[5:]}{len(rows) + 1:03d}",
                days_of(month)[-1].isoformat(),
                site.site_id,
                "管道天然气",
                None,
                None,
                gas,
            ]
        )
    columns = ("采购单号", "入库日期", "站点", "品种", "数量", "单位", "气量（m³）")
    return Extract("fuel_bulk", f"fuel_bulk/大宗燃料采购_{month}.xlsx", "excel", columns, rows, sheet="采购")


# ---- people

_TYPES = {"own": "合同制", "dispatched": "劳务派遣", "outsourced": "业务外包", "intern": "实习生"}
_HOURS = {"standard": "标准工时制", "comprehensive": "综合计算工时制", "irregular": "不定时工作制"}


def _on_roll(world: World, month: str) -> list[Person]:
    first, last = days_of(month)[0], days_of(month)[-1]
    return [
        person
        for person in world.people
        if person.hired_on <= last and (person.left_on is None or person.left_on >= first)
    ]


def _hr_row(person: Person, month: str) -> Row:
    last = days_of(month)[-1]
    left = person.left_on if person.left_on and person.left_on <= last else None
    return [
        person.number,
        person.name,
        person.identity,
        person.phone,
        person.gender,
        month,
        person.site.site_id,
        _TYPES[person.worker_type],
        _HOURS[person.hours_system],
        person.hired_on.isoformat(),
        left.isoformat() if left else None,
        "否" if left else "是",
    ]


def _hr(month: str, file: str, rows: list[Row]) -> Extract:
    columns = (
        "工号",
        "姓名",
        "身份证号",
        "手机",
        "性别",
        "月份",
        "站点",
        "用工形式",
        "工时制度",
        "入职日期",
        "离职日期",
        "月末在职",
    )
    groups = (("基本信息", 5), ("岗位信息", 4), ("在职情况", 3))
    return Extract("hr_employees", f"hr/{month}/{file}.xlsx", "excel", columns, rows, sheet="人员", groups=groups)


def employees(world: World, month: str) -> Iterator[Extract]:
    """HR's monthly roll, under a merged two-row header.

    For March a correction follows: three people's working-hours system was wrong. Their first rows are superseded.
    """
    people = _on_roll(world, month)
    roll = _hr(month, "员工月报", [_hr_row(person, month) for person in people])
    if month == "2026-03":
        wrong = [
            place
            for place, person in enumerate(people)
            if person.site.short == "SH" and person.hours_system == "standard"
        ][:3]
        right = [_hr_row(replace(people[place], hours_system="comprehensive"), month) for place in wrong]
        note = "corrected by 员工月报_更正.xlsx"
        roll.events += [Event(roll.rows[place], "superseded", "", "hours_system", note) for place in wrong]
        yield _hr(month, "员工月报_更正", right)
    yield roll


def attendance(world: World, month: str) -> Extract:
    """The time clocks' grid: one line per person, one column per day, overtime behind a plus sign."""
    days = days_of(month)
    random, rows = rng("attendance", month), []
    busy = 1.5 if month[5:] in ("06", "11") else 1.0
    for person in _on_roll(world, month):
        if person.worker_type != "outsourced":
            cells = [_cell(day, random, busy) if person.is_on_roll(day) else None for day in days]
            rows.append([person.number, person.name, person.site.site_id, _HOURS[person.hours_system], month, *cells])
    columns = ("工号", "姓名", "站点", "工时制度", "月份", *(str(day.day) for day in days))
    return Extract("attendance", f"attendance/考勤_{month}.xlsx", "excel", columns, rows, sheet="考勤")


def _cell(day: date, random: np.random.Generator, busy: float) -> Cell:
    chance, amount = random.random(), int(random.integers(1, 7)) / 2
    kind = day_kind(day)
    if kind != "workday":
        mark = "休" if kind == "rest_day" else "节"
        return f"{mark}8" if chance < 0.05 * busy else mark
    if chance < 0.03:
        return 0
    return f"8+{amount:g}" if chance > 1 - 0.3 * busy else 8


def survey(world: World, month: str) -> Extract:
    """One wave of the satisfaction survey: UTF-16, five points, about three in four satisfied."""
    random, rows = rng("survey", month), []
    for site in world.sites:
        for _ in range(site.staff * 27 // 100):
            day = days_of(month)[int(random.integers(7, 19))]
            score = int(random.choice([1, 2, 3, 4, 5], p=[0.02, 0.06, 0.17, 0.46, 0.29]))
            gender = str(random.choice(["男", "女", "不愿透露"], p=[0.6, 0.37, 0.03]))
            rows.append([f"SAT{len(rows) + 1:04d}", "SAT-2026", day.isoformat(), site.site_id, gender, str(score), "5"])
    columns = ("答卷编号", "批次", "提交日期", "站点", "性别", "总体满意度", "满分")
    return Extract("survey", "survey/员工满意度调查.csv", "csv", columns, rows, "utf-16")


# ---- the plant


def batches(world: World, month: str) -> Extract:
    """The MES: one JSON line per batch, kilograms and pieces."""
    random, rows = rng("batches", month), []
    for site in (site for site in world.sites if site.short == "SZ"):
        for day in _workdays(month):
            for number, line in enumerate(("L1", "L2", "L1", "L2")):
                end = datetime.combine(day, time(11 if number < 2 else 18)) + timedelta(
                    minutes=int(random.integers(0, 100))
                )
                pieces = int(random.integers(3200, 5600))
                product, each_kg = ("五层瓦楞箱", 0.62) if line == "L1" else ("循环周转箱", 1.35)
                rows.append(
                    [
                        f"B{day:%Y%m%d}-{site.copy}{number + 1}",
                        site.site_id,
                        line,
                        end.isoformat(),
                        product,
                        round(pieces * each_kg * float(random.uniform(0.98, 1.02)), 1),
                        pieces,
                    ]
                )
    columns = ("batch_no", "site", "line", "finished_at", "product", "output_kg", "pieces")
    return Extract("mes_batches", f"mes/{month}/batches.jsonl", "jsonl", columns, rows)


def teams(world: World, month: str) -> Extract:
    """The MES's team days as Parquet: people present, overtime in person-minutes."""
    random, rows = rng("teams", month), []
    for site in (site for site in world.sites if site.short == "SZ"):
        for day in _workdays(month):
            for team, department in (("T1", "制箱"), ("T2", "制箱"), ("T3", "印刷")):
                workers = int(random.integers(8, 12))
                rows.append(
                    [
                        day.isoformat(),
                        site.site_id,
                        team,
                        department,
                        workers,
                        workers * int(random.integers(0, 5)) * 30,
                    ]
                )
    columns = ("work_date", "plant", "team", "department", "present", "overtime_minutes")
    return Extract("mes_teams", f"mes/{month}/team_day.parquet", "parquet", columns, rows)


# ---- customers


@dataclass
class Order:
    """An order as the TMS knows it when the extract is drawn."""

    number: str
    site: Site
    accepted: datetime
    row: Row


_TMS = "tms/tms.sqlite"
ORDER_COLUMNS = (
    "order_no", "site_code", "trans_mode", "accept_time", "promise_time", "request_time", "resched_time",
    "resched_cause",
    "sign_time", "order_status", "pieces_due", "pieces_ok", "goods_t", "goods_ok_t", "weight_t",
)  # fmt: skip


def month_orders(world: World, month: str) -> list[Order]:
    """The orders accepted in a month, numbered by acceptance."""
    random, found = rng("orders", month), []
    drawn = datetime.combine(days_of(month_after(world.months[-1]))[2], time(8))
    minutes = len(days_of(month)) * 24 * 60
    for site in world.sites:
        for _ in range(int(random.poisson(site.orders)) if site.orders else 0):
            found.append((_start(month) + timedelta(minutes=int(random.integers(0, minutes))), site))
    found.sort(key=lambda pair: (pair[0], pair[1].site_id))
    orders = []
    for number, (accepted, site) in enumerate(found, start=1):
        name = f"SO{month[:4]}{month[5:]}{number:05d}"
        orders.append(Order(name, site, accepted, _order_row(name, site, accepted, drawn, random)))
    return orders


def _order_row(name: str, site: Site, accepted: datetime, drawn: datetime, random: np.random.Generator) -> Row:
    mode = str(random.choice(["公路", "多式联运", "铁路", "航空"], p=[0.86, 0.07, 0.04, 0.03]))
    promised = (accepted + timedelta(hours=int(random.integers(26, 110)))).replace(minute=0)
    by_day = random.random() < 0.2
    requested = promised - timedelta(hours=int(random.choice([0, 0, 0, 12])))
    moved, cause, due = None, None, promised
    if random.random() < 0.015:
        cause = str(random.choice(["客户", "承运商"]))
        due = promised + timedelta(hours=int(random.integers(12, 60)))
        moved = _stamp(due)
    late = random.random() < 0.02
    signed = (
        due + timedelta(minutes=int(random.integers(90, 1800)))
        if late
        else due - timedelta(minutes=int(random.integers(5, 900)))
    )
    if by_day and late:  # a promise for a day is kept until its last second
        signed = datetime.combine(due.date(), time()) + timedelta(hours=27)
    status = str(
        random.choice(
            ["已签收", "部分签收", "已取消", "已退回", "丢失", "无法投递"], p=[0.976, 0.004, 0.013, 0.003, 0.001, 0.003]
        )
    )
    pieces = int(random.lognormal(3.2, 0.8)) + 1
    each = float(random.uniform(0.008, 0.03))
    intact = pieces - (int(random.integers(1, max(2, pieces // 8))) if random.random() < 0.016 else 0)
    if status in ("已签收", "部分签收") and signed > drawn:
        status = "运输中"
    arrived = status in ("已签收", "部分签收")
    return [
        name,
        site.site_id,
        mode,
        _stamp(accepted),
        promised.strftime("%Y-%m-%d") if by_day else _stamp(promised),
        _stamp(requested),
        moved,
        cause,
        _stamp(signed) if arrived else None,
        status,
        pieces,
        {True: intact, False: 0 if status == "丢失" else None}[arrived],
        round(pieces * each, 3),
        round(intact * each, 3) if arrived else None,
        round(pieces * each * 1.08, 3),
    ]


def tms_orders(world: World, orders: dict[str, list[Order]]) -> Extract:
    """The TMS's order table: Chinese status words, local time, one promise in five for a whole day."""
    rows = [order.row for month in world.months for order in orders[month]]
    return Extract("tms_orders", _TMS, "sqlite", ORDER_COLUMNS, rows, table="customer_order")


def tms_trips(trips: dict[str, list]) -> Extract:
    """The TMS's trip table."""
    rows: list[Row] = []
    for month, driven in trips.items():
        rows += [
            [f"TR{month[2:4]}{month[5:]}{number:05d}", vehicle.vehicle_id, _stamp(start), km, empty, load]
            for number, (vehicle, start, km, empty, load) in enumerate(driven, start=1)
        ]
    columns = ("trip_no", "plate_no", "depart_time", "mileage_km", "empty_km", "load_t")
    return Extract("tms_trips", _TMS, "sqlite", columns, rows, table="trip")


def tms_complaints(world: World, orders: dict[str, list[Order]]) -> Extract:
    """The TMS's complaint table: some cases hold two complaints, some name no site, a few no order."""
    rows: list[Row] = []
    for month in world.months:
        random = rng("complaints", month)
        # complaints are about orders whose number ends in 0 or 5: no fault is ever planted in those
        known = [order for order in orders[month] if order.number[-1] in "05" and order.accepted.day <= 22]
        for _ in range(int(random.poisson(10 * world.scale))):
            order = known[int(random.integers(len(known)))]
            received = order.accepted + timedelta(hours=int(random.integers(20, 140)))
            closed = received + timedelta(hours=int(random.integers(3, 160)))
            number = f"TS{month[2:4]}{month[5:]}{len(rows) + 1:04d}"
            chance = random.random()
            site = order.site.site_id if chance < 0.6 else None
            about = order.number if chance < 0.94 else None
            valid = str(random.choice(["是", "否", "待定"], p=[0.7, 0.2, 0.1]))
            rows.append(
                [
                    number,
                    f"AJ{number[2:]}",
                    about,
                    site,
                    _stamp(received),
                    _stamp(closed),
                    None if valid == "待定" else valid,
                ]
            )
            if random.random() < 0.08:
                again = [
                    f"TS{month[2:4]}{month[5:]}{len(rows) + 1:04d}",
                    *rows[-1][1:4],
                    _stamp(received + timedelta(hours=2)),
                    *rows[-1][5:],
                ]
                rows.append(again)
    columns = ("complaint_no", "case_no", "order_no", "site_code", "received_time", "closed_time", "is_valid")
    return Extract("tms_complaints", _TMS, "sqlite", columns, rows, table="complaint")


# ---- the panel


@dataclass(frozen=True)
class Evidence:
    """A document that experts read; its file is written to `panel/evidence/`."""

    evidence_id: str
    title: str
    custodian: str
    indicators: tuple[str, ...]

    @property
    def file(self) -> str:
        """Its path below the enterprise folder."""
        return f"panel/evidence/{self.evidence_id}_{self.title}.txt"

    @property
    def content(self) -> bytes:
        """Its bytes."""
        indicators = "、".join(self.indicators)
        return f"{self.title}\n保管部门：{self.custodian}\n适用指标：{indicators}\n本文件为演示用证据。\n".encode()

    @property
    def sha256(self) -> str:
        """The fingerprint of its bytes."""
        return hashlib.sha256(self.content).hexdigest()


_TITLES = (
    "环境管理制度汇编",
    "排污许可与环评批复",
    "环境应急预案与演练记录",
    "温室气体核算台账",
    "节能改造项目清单",
    "用水台账",
    "包装物料台账",
    "循环箱周转记录",
    "车辆排放登记",
    "仓库绿色等级证书",
    "固废转移联单",
    "噪声监测报告",
    "薪酬与社保缴纳凭证",
    "职业健康体检报告",
    "培训签到与考核",
    "用工年龄核验记录",
    "客户回访记录",
    "研发立项与专利清单",
    "供应商准入与审核记录",
    "应急保供方案",
    "捐赠收据",
    "董事会会议纪要",
    "高管薪酬办法",
    "反舞弊举报台账",
    "信息披露清单",
    "数据安全等级测评",
    "内部审计报告",
    "风险清单与评估",
    "合规检查记录",
    "ESG 管理办法",
)


def evidence() -> list[Evidence]:
    """Thirty documents; together they serve every indicator that experts judge."""
    found = []
    for number, title in enumerate(_TITLES):
        place = number * len(EXPERT_INDICATORS) // len(_TITLES)
        custodian = "人力资源部" if 12 <= number <= 15 else "安全环保部" if number < 12 else "董事会办公室"
        found.append(Evidence(f"EV{number + 1:03d}", title, custodian, EXPERT_INDICATORS[place : place + 3]))
    return found


_EXPERTS = ("X1", "X2", "X3", "X4", "X5")
_PANEL_COLUMNS = ("专家", "指标", "轮次", "等级", "证据", "把握", "意见", "利益冲突", "评分时间")


def panel(month: str) -> Iterator[Extract]:
    """Five experts and the indicators without a formula; where levels lie two apart, a second round."""
    random = rng("panel")
    serving = {
        indicator: [item.evidence_id for item in evidence() if indicator in item.indicators]
        for indicator in EXPERT_INDICATORS
    }
    first: list[Row] = []
    second: list[Row] = []
    for indicator in EXPERT_INDICATORS:
        base = int(random.choice([2, 3, 4], p=[0.3, 0.5, 0.2]))
        levels = [min(5, max(1, base + int(random.choice([-1, 0, 1], p=[0.15, 0.7, 0.15])))) for _ in _EXPERTS]
        first += _sheet(indicator, 1, levels, serving[indicator], f"{month}-20")
        if max(levels) - min(levels) >= 2:
            middle = sorted(levels)[2]
            nearer = [level + (level < middle) - (level > middle) for level in levels]
            second += _sheet(indicator, 2, nearer, serving[indicator], f"{month}-27")
    for number, rows in ((1, first), (2, second)):
        yield Extract("expert_panel", f"../panel/scores_round{number}.csv", "csv", _PANEL_COLUMNS, rows)


def _sheet(indicator: str, number: int, levels: list[int], documents: list[str], day: str) -> list[Row]:
    rows: list[Row] = []
    for position, (expert, level) in enumerate(zip(_EXPERTS, levels, strict=True)):
        conflict = "是" if expert == "X4" and indicator in ("A.2.12", "A.3.8") else "否"
        sure = "中" if level in (2, 3) else "高"
        note = "经讨论调整" if number == 2 else ""
        rows.append(
            [
                expert,
                indicator,
                str(number),
                str(level),
                "|".join(documents),
                sure,
                note,
                conflict,
                f"{day} {9 + position:02d}:30:00",
            ]
        )
    return rows
