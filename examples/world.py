"""The demo enterprise itself, as it truly was in 2026: its sites, meters, vehicles, people and calendar.

Nothing here knows how a system writes its rows (`examples.extracts`) or which mistakes are planted in them
(`examples.faults`). Every name, plate and number is invented.
"""

from __future__ import annotations

import calendar
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property

import numpy as np

SEED = 20260101
YEAR = 2026

# statutory holidays of 2026, then the days off and the worked weekends that the State Council arranged around them
HOLIDAYS = frozenset(
    date(YEAR, month, day)
    for month, days in {1: (1,), 2: (16, 17, 18, 19), 4: (5,), 5: (1, 2), 6: (19,), 9: (25,), 10: (1, 2, 3)}.items()
    for day in days
)
DAYS_OFF = frozenset(
    date(YEAR, month, day)
    for month, first, last in (
        (1, 2, 3),
        (2, 15, 15),
        (2, 20, 23),
        (4, 4, 6),
        (5, 3, 5),
        (6, 20, 21),
        (9, 26, 27),
        (10, 4, 7),
    )
    for day in range(first, last + 1)
)
WORKED_WEEKENDS = frozenset(
    date(YEAR, month, day) for month, day in ((1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10))
)


def rng(*names: object) -> np.random.Generator:
    """A generator of its own for every table and month, so that one more table changes no other."""
    return np.random.default_rng([SEED, zlib.crc32("/".join(str(name) for name in names).encode())])


def days_of(month: str) -> list[date]:
    """Every day of a month (`2026-02`)."""
    year, number = int(month[:4]), int(month[5:])
    return [date(year, number, day) for day in range(1, calendar.monthrange(year, number)[1] + 1)]


def month_after(month: str) -> str:
    """The month after (`2026-12` → `2027-01`)."""
    return (days_of(month)[-1] + timedelta(days=1)).isoformat()[:7]


def day_kind(day: date) -> str:
    """`workday`, `rest_day` or `holiday`, by the Chinese calendar of 2026."""
    if day in HOLIDAYS:
        return "holiday"
    if day in DAYS_OFF or (day.weekday() >= 5 and day not in WORKED_WEEKENDS):
        return "rest_day"
    return "workday"


def months_between(text: str) -> tuple[str, ...]:
    """The months of `2026-03..2026-06` or `2026-03`.

    Raises:
        ValueError: the range is empty or leaves 2026, the only year the calendar is known for.
    """
    first, _, last = text.partition("..")
    last = last or first
    months = tuple(month for number in range(1, 13) if first <= (month := f"{YEAR}-{number:02d}") <= last)
    if not months or months[0] != first or months[-1] != last:
        raise ValueError(f"months must lie in {YEAR} and run forward, such as {YEAR}-01..{YEAR}-12; got {text!r}")
    return months


@dataclass(frozen=True)
class Site:
    """A site and how much goes on there in a month."""

    site_id: str
    name: str
    legal_entity_id: str
    site_kind: str
    region: str
    floor_area_m2: int
    staff: int
    orders: int
    revenue_cny: int
    short: str
    copy: int = 0


SITES = (
    Site("GZ-HUB", "广州分拨中心", "LE-TR", "hub", "CN-GD", 18000, 58, 210, 1_500_000, "GZ"),
    Site("SH-WH", "上海一号仓", "LE-SC", "warehouse", "CN-SH", 24000, 44, 170, 1_300_000, "SH"),
    Site("WH-WH", "武汉中心仓", "LE-SC", "warehouse", "CN-HB", 15000, 34, 110, 700_000, "WH"),
    Site("CD-DEPOT", "成都车场", "LE-TR", "depot", "CN-SC", 6000, 30, 110, 800_000, "CD"),
    Site("SZ-PLANT", "苏州包装厂", "LE-PK", "plant", "CN-JS", 12000, 38, 0, 1_100_000, "SZ"),
    Site("BJ-OFFICE", "北京总部", "LE-SC", "office", "CN-BJ", 1800, 18, 0, 0, "BJ"),
)


@dataclass(frozen=True)
class Meter:
    """A meter as its register row says, and what it counts in a year (`annual`, in `unit`).

    `system` is who reads it: `ami` (registers by radio), `settlement` (the grid company's quarter-hours), `pv` (the
    inverter portal) or `midnight` (registers frozen at 00:00, kept in a workbook).
    """

    meter_id: str
    site: Site
    carrier: str
    system: str
    annual: float
    start: float = 0.0
    unit: str = "kWh"
    interval_min: int | None = None
    multiplier: int | None = None
    register_max: int | None = None
    decimals: int = 2
    max_power_kw: int | None = None
    volume_reference: str = ""
    role: str = "main"
    parent: str = ""
    area: str = ""
    line: str = ""
    equipment: str = ""

    @property
    def register_kind(self) -> str:
        """`interval` for the quarter-hours and hours others send, else `cumulative`."""
        return "interval" if self.system in ("settlement", "pv") else "cumulative"


def _main(short: str, annual: float, start: float, multiplier: int, power: int) -> tuple[str, dict]:
    return short, {
        "meter_id": f"E-{short}-00",
        "carrier": "electricity",
        "system": "ami",
        "annual": annual,
        "start": start,
        "interval_min": 15,
        "multiplier": multiplier,
        "register_max": 100_000,
        "max_power_kw": power,
    }


def _sub(
    short: str, number: int, annual: float, start: float, power: int, equipment: str, **more: str
) -> tuple[str, dict]:
    return short, {
        "meter_id": f"E-{short}-{number:02d}",
        "carrier": "electricity",
        "system": "ami",
        "annual": annual,
        "start": start,
        "interval_min": 60,
        "multiplier": 10,
        "register_max": 1_000_000,
        "max_power_kw": power,
        "role": "sub",
        "parent": f"E-{short}-00",
        "equipment": equipment,
        **more,
    }


def _midnight(short: str, letter: str, carrier: str, annual: float, start: float, **more: object) -> tuple[str, dict]:
    return short, {
        "meter_id": f"{letter}-{short}-00",
        "carrier": carrier,
        "system": "midnight",
        "annual": annual,
        "start": start,
        "unit": "m3",
        "register_max": 100_000,
        "decimals": 1,
        **more,
    }


# the registers of E-GZ-00, E-CD-00, W-SH-00 and G-SZ-00 run over within the year: after 99 999.99 of `register_max`
# 100 000 comes 0.00
METERS = (
    _main("GZ", 900_000, 94_300, 80, 800),
    _sub("GZ", 1, 330_000, 5_200, 300, "分拣线", line="S1", area="分拣区"),
    _sub("GZ", 2, 140_000, 2_100, 240, "充电桩", area="停车场"),
    _sub("GZ", 3, 60_000, 800, 80, "食堂", role="tenant", area="出租区"),
    _midnight("GZ", "W", "water", 9_500, 31_000),
    _main("SH", 640_000, 12_000, 60, 630),
    _sub("SH", 1, 260_000, 9_000, 200, "冷库机组", area="冷库"),
    _sub("SH", 2, 110_000, 4_000, 90, "照明", area="库区"),
    _sub("SH", 3, 70_000, 300, 90, "叉车充电", area="库区"),
    ("SH", {"meter_id": "E-SH-PV", "carrier": "electricity", "system": "pv", "annual": 260_000, "interval_min": 60,
            "max_power_kw": 300, "role": "generation", "area": "屋顶", "equipment": "光伏"}),
    ("SH", {"meter_id": "E-SH-EX", "carrier": "electricity", "system": "pv", "annual": 45_000, "interval_min": 60,
            "max_power_kw": 300, "role": "export", "area": "屋顶", "equipment": "光伏"}),
    _midnight("SH", "W", "water", 5_200, 8_900, register_max=10_000),
    _main("WH", 360_000, 41_000, 40, 400),
    _sub("WH", 1, 130_000, 7_000, 120, "输送线", line="C1", area="库区"),
    _sub("WH", 2, 60_000, 1_500, 60, "照明", area="库区"),
    _midnight("WH", "G", "natural_gas", 42_000, 15_000, volume_reference="0C", equipment="锅炉"),
    _midnight("WH", "W", "water", 4_300, 2_200),
    _main("CD", 260_000, 97_600, 40, 400),
    _sub("CD", 1, 120_000, 3_000, 240, "充电桩", area="停车场"),
    _midnight("CD", "W", "water", 6_800, 12_500),
    ("SZ", {"meter_id": "E-SZ-00", "carrier": "electricity", "system": "settlement", "annual": 820.0, "unit": "MWh",
            "interval_min": 15, "decimals": 5, "max_power_kw": 800, "equipment": "关口表"}),
    _sub("SZ", 1, 250_000, 8_800, 200, "一号线", line="L1", area="一车间"),
    _sub("SZ", 2, 210_000, 6_600, 200, "二号线", line="L2", area="一车间"),
    _sub("SZ", 3, 120_000, 2_300, 120, "空压机", area="动力站"),
    _sub("SZ", 4, 45_000, 1_100, 60, "照明", area="一车间"),
    _midnight("SZ", "G", "natural_gas", 68_000, 51_000, volume_reference="20C", equipment="烘干炉"),
    _midnight("SZ", "W", "water", 14_000, 64_000),
    _midnight("SZ", "H", "heat", 1_900, 400, unit="GJ", decimals=2),
    _midnight("BJ", "E", "electricity", 13.5, 210, unit="万kWh", register_max=1_000, decimals=4, max_power_kw=160),
    _midnight("BJ", "H", "heat", 620, 90, unit="GJ", decimals=2),
    _midnight("BJ", "W", "water", 1_900, 5_400),
)  # fmt: skip


@dataclass(frozen=True)
class Vehicle:
    """A vehicle in a period at a site, and what it burns on 100 km (L, kg of LNG, or nothing metered here)."""

    vehicle_id: str
    site: Site
    ownership: str
    vehicle_class: str
    energy_type: str
    emission_standard: str
    capacity_t: float
    per_100_km: float
    valid_from: str = "2024-01-01"
    valid_to: str = ""

    def is_valid(self, day: date) -> bool:
        """Whether the vehicle is this site's on a day; the last day counts."""
        return self.valid_from <= day.isoformat() and (not self.valid_to or day.isoformat() <= self.valid_to)


# (site, class, energy, stage, ownership, capacity in t, consumption per 100 km), plate letters by site
_FLEET = (
    ("GZ", "heavy_truck", "diesel", "china_5", "own", 15, 31),
    ("GZ", "heavy_truck", "diesel", "china_6", "own", 15, 29),
    ("GZ", "medium_truck", "diesel", "china_6", "own", 8, 22),
    ("GZ", "tractor", "lng", "china_6", "leased", 30, 28),
    ("GZ", "tractor", "diesel", "china_5", "outsourced", 30, 36),
    ("GZ", "light_truck", "electric", "none", "own", 3, 0),
    ("GZ", "van", "electric", "none", "own", 1.2, 0),
    ("GZ", "car", "gasoline", "china_6", "own", 0.5, 8),
    ("SH", "medium_truck", "diesel", "china_6", "own", 8, 21),
    ("SH", "light_truck", "electric", "none", "own", 3, 0),
    ("SH", "forklift", "electric", "none", "own", 2, 0),
    ("SH", "heavy_truck", "diesel", "china_5", "outsourced", 15, 32),
    ("WH", "medium_truck", "diesel", "china_5", "own", 8, 23),
    ("WH", "heavy_truck", "diesel", "china_6", "leased", 15, 30),
    ("WH", "forklift", "electric", "none", "own", 2, 0),
    ("WH", "tractor", "diesel", "china_5", "outsourced", 30, 37),
    ("CD", "tractor", "lng", "china_6", "own", 30, 27),
    ("CD", "tractor", "lng", "china_6", "own", 30, 28),
    ("CD", "tractor", "lng", "china_5", "own", 30, 30),
    ("CD", "heavy_truck", "diesel", "china_5", "own", 15, 32),
    ("CD", "heavy_truck", "diesel", "china_6", "own", 15, 30),
    ("CD", "light_truck", "electric", "none", "own", 3, 0),
    ("CD", "medium_truck", "diesel", "china_5", "outsourced", 8, 23),
    ("BJ", "car", "gasoline", "china_6", "own", 0.5, 9),
)
_PLATES = {"GZ": "粤A", "SH": "沪A", "WH": "鄂A", "CD": "川A", "BJ": "京A"}
KM_PER_TRIP = {"tractor": 420, "heavy_truck": 300, "medium_truck": 170, "light_truck": 95, "van": 70, "car": 45}


@dataclass(frozen=True)
class Person:
    """A worker with the personal data that HR keeps; the identity and telephone numbers belong to nobody."""

    number: str
    name: str
    identity: str
    phone: str
    gender: str
    site: Site
    worker_type: str
    hours_system: str
    hired_on: date
    left_on: date | None = None

    def is_on_roll(self, day: date) -> bool:
        """Whether employed on a day."""
        return self.hired_on <= day and (self.left_on is None or day <= self.left_on)


@dataclass(frozen=True)
class World:
    """The demo enterprise in some months of 2026, `scale` times as large as written above."""

    scale: int
    months: tuple[str, ...]

    @cached_property
    def months_lived(self) -> tuple[str, ...]:
        """January up to the last month asked for: registers and people have a past."""
        return months_between(f"{YEAR}-01..{self.months[-1]}")

    @cached_property
    def sites(self) -> tuple[Site, ...]:
        """Every site; the copies beyond the first carry a number."""
        return tuple(
            site
            if copy == 0
            else replace(site, site_id=f"{site.site_id}-{copy + 1}", name=f"{site.name}（{copy + 1}）", copy=copy)
            for copy in range(self.scale)
            for site in SITES
        )

    def site(self, short: str, copy: int = 0) -> Site:
        """A site by its two letters."""
        return next(site for site in self.sites if site.short == short and site.copy == copy)

    @cached_property
    def meters(self) -> tuple[Meter, ...]:
        """Every meter of every site."""
        return tuple(self._meters())

    def _meters(self) -> Iterator[Meter]:
        for copy in range(self.scale):
            ending = "" if copy == 0 else f"-{copy + 1}"
            for short, declared in METERS:
                meter = Meter(site=self.site(short, copy), **declared)
                yield replace(
                    meter, meter_id=meter.meter_id + ending, parent=meter.parent + ending if meter.parent else ""
                )

    @cached_property
    def vehicles(self) -> tuple[Vehicle, ...]:
        """Every vehicle; one is sold in June, one joins in July, one moves from Chengdu to Wuhan in September."""
        return tuple(self._vehicles())

    def _vehicles(self) -> Iterator[Vehicle]:
        for copy in range(self.scale):
            for number, (short, kind, energy, stage, ownership, capacity, burns) in enumerate(_FLEET):
                plate = f"{_PLATES[short]}T{copy:02d}{number + 1:02d}"
                vehicle = Vehicle(plate, self.site(short, copy), ownership, kind, energy, stage, capacity, burns)
                if number == 0:
                    yield replace(vehicle, valid_to="2026-06-30")
                elif number == 5:
                    yield replace(vehicle, valid_from="2026-07-01")
                elif number == 20:
                    yield replace(vehicle, valid_to="2026-08-31")
                    yield replace(vehicle, site=self.site("WH", copy), valid_from="2026-09-01")
                else:
                    yield vehicle

    @cached_property
    def people(self) -> tuple[Person, ...]:
        """Everybody who worked for the enterprise at some time in the year."""
        return tuple(person for site in self.sites for person in self._people(site))

    def _people(self, site: Site) -> list[Person]:
        random = rng("people", site.site_id)
        people = [
            self._person(site, number, random, date(2015, 1, 5) + timedelta(days=int(random.integers(0, 3980))))
            for number in range(site.staff)
        ]
        for month in months_between(f"{YEAR}-01..{YEAR}-12"):
            days = days_of(month)
            for index, person in enumerate(people):
                if person.left_on is None and random.random() < 0.014:
                    people[index] = replace(person, left_on=days[int(random.integers(9, len(days)))])
            for _ in range(int(random.binomial(site.staff, 0.015))):
                people.append(self._person(site, len(people), random, days[int(random.integers(0, 20))]))
        return people

    def _person(self, site: Site, number: int, random: np.random.Generator, hired_on: date) -> Person:
        worker_type = str(random.choice(["own", "dispatched", "outsourced", "intern"], p=[0.82, 0.09, 0.05, 0.04]))
        systems = {
            "hub": ("comprehensive", "standard"),
            "depot": ("comprehensive", "standard"),
            "office": ("irregular", "standard"),
        }
        special, usual = systems.get(site.site_kind, ("standard", "standard"))
        name = (
            "赵钱孙李周吴郑王冯陈"[int(random.integers(10))]
            + "甲乙丙丁戊己庚辛"[int(random.integers(8))]
            + "子丑寅卯辰巳午未"[int(random.integers(8))]
        )
        born = date(1966, 1, 1) + timedelta(days=int(random.integers(31 * 365)))
        return Person(
            number=f"{site.short}{site.copy or ''}{number + 1:04d}",
            name=name,
            identity=f"000000{born:%Y%m%d}{int(random.integers(1000)):03d}X",
            phone=f"100{int(random.integers(10**8)):08d}",
            gender="男" if random.random() < (0.5 if site.site_kind == "office" else 0.68) else "女",
            site=site,
            worker_type=worker_type,
            hours_system=special if worker_type == "own" and random.random() < 0.4 else usual,
            hired_on=hired_on,
        )


# ---- what the meters count

_NIGHT_AND_DAY = {  # share of the load by hour, working day
    "hub": (9, 9, 8, 7, 6, 6, 5, 5, 6, 7, 7, 7, 6, 6, 7, 7, 8, 9, 10, 11, 12, 12, 11, 10),
    "plant": (5, 5, 5, 5, 5, 6, 7, 9, 12, 13, 13, 12, 10, 13, 13, 13, 12, 10, 9, 8, 8, 7, 6, 5),
    "office": (2, 2, 2, 2, 2, 2, 3, 5, 9, 12, 12, 12, 10, 12, 12, 12, 12, 10, 6, 4, 3, 2, 2, 2),
    "depot": (10, 10, 10, 9, 8, 6, 5, 5, 5, 6, 6, 7, 8, 7, 6, 6, 6, 7, 8, 9, 10, 10, 11, 11),
    "warehouse": (5, 5, 5, 5, 5, 5, 6, 8, 10, 11, 11, 11, 9, 11, 11, 11, 10, 9, 8, 7, 6, 6, 5, 5),
    "sun": (0, 0, 0, 0, 0, 0, 1, 3, 6, 9, 12, 13, 13, 12, 10, 7, 4, 2, 0, 0, 0, 0, 0, 0),
}
_SEASON = {  # how much of the yearly mean a month uses
    "electricity": (0.95, 0.80, 0.90, 0.92, 1.00, 1.10, 1.22, 1.22, 1.05, 0.93, 0.93, 0.98),
    "sun": (0.65, 0.75, 0.95, 1.10, 1.20, 1.15, 1.30, 1.25, 1.05, 0.95, 0.90, 0.75),
    "natural_gas": (1.40, 1.15, 1.10, 0.95, 0.85, 0.80, 0.75, 0.75, 0.85, 0.95, 1.15, 1.30),
    "heat": (3.10, 2.70, 1.60, 0.10, 0.05, 0.05, 0.05, 0.05, 0.05, 0.15, 1.60, 2.50),
    "water": (0.90, 0.80, 0.95, 1.00, 1.05, 1.10, 1.20, 1.20, 1.05, 0.95, 0.90, 0.90),
}


def quantities(meter: Meter, month: str) -> np.ndarray:
    """What passed the meter in each of its intervals in a month (a day for `midnight` meters), in its unit."""
    days = days_of(month)
    sun = meter.system == "pv"
    steps = 1 if meter.system == "midnight" else 24 * 60 // (meter.interval_min or 60)
    shape = (
        np.array([1.0])
        if steps == 1
        else np.repeat(_NIGHT_AND_DAY["sun" if sun else meter.site.site_kind], steps // 24)
    )
    idle = 0.75 if meter.site.site_kind in ("hub", "depot") else 0.45
    rhythm = [1.0 if sun or day_kind(day) == "workday" else idle for day in days]
    random = rng("meter", meter.meter_id, month)
    noise = random.uniform(0.85, 1.15, size=(len(days), steps))
    if sun:
        noise *= rng("sky", meter.site.site_id, month).uniform(0.35, 1.3, size=(len(days), 1))
    weight = np.outer(rhythm, shape / shape.sum()) * noise
    season = _SEASON["sun" if sun else meter.carrier][int(month[5:]) - 1]
    # 0.86: the mean of working days and days off, so that twelve months come near `annual`
    return (weight * season * meter.annual / 365 / (1.0 if sun else 0.86)).ravel()


def registers(meter: Meter, months: tuple[str, ...]) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """The counter of a cumulative meter: month, register in units of its last digit, whether it has just run over.

    The first register of a month is the one at its first midnight, the last one that at the midnight that ends it.
    """
    scale = 10**meter.decimals
    full = meter.register_max * scale if meter.register_max else None
    carry = meter.start
    for month in months:
        shown = carry + np.concatenate([[0.0], np.cumsum(quantities(meter, month)) / (meter.multiplier or 1)])
        ticks = np.floor(shown * scale + 1e-6).astype(np.int64)
        wrapped = ticks % full if full else ticks
        yield month, wrapped, np.diff(wrapped, prepend=wrapped[0]) < 0
        carry = float(shown[-1])
