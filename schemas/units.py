"""Units: the one Pint registry, the words people write for units, and the unit a column name carries.

Unit texts of sources never reach Pint's parser (it reads `Nm³` as number times cubic metre): they are normalised
(NFKC, casefold, no blanks) and looked up in `ALIASES`. CO2e, coal equivalent, money and counted things are
dimensions of their own, so that a kilogram of CO2e can never pass for a kilogram of goods.
"""

from __future__ import annotations

import unicodedata
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from schemas.errors import UnitMismatch

if TYPE_CHECKING:
    import pint

_DEFINITIONS = """
CNY = [currency]
wan_CNY = 10000 * CNY
yi_CNY = 100000000 * CNY
kgCO2e = [co2_equivalent]
gCO2e = kgCO2e / 1000
tCO2e = 1000 * kgCO2e
kgce = [coal_equivalent]
tce = 1000 * kgce
Nm3 = [normal_volume]
wan_Nm3 = 10000 * Nm3
wan_kWh = 10000 * kilowatt_hour
wan_t = 10000 * metric_ton
piece = [piece]
person = [person]
order = [order]
case = [case]
kcal_it = 4186.8 * joule
tC = [carbon]
kgCH4 = [methane]
kgN2O = [nitrous_oxide]
vehicle = [vehicle]
"""

# canonical label -> (Pint expression, every word met for it in extracts, normalised)
_LABELS: dict[str, tuple[str, str]] = {
    "kWh": ("kilowatt_hour", "kwh kw·h kw.h kw-h kw*h 千瓦时 千瓦·时 千瓦小时 度"),
    "MWh": ("megawatt_hour", "mwh mw·h 兆瓦时"),
    "GWh": ("gigawatt_hour", "gwh 吉瓦时 百万千瓦时"),
    "万kWh": ("wan_kWh", "万kwh 万千瓦时 万度 万kw·h"),
    "kW": ("kilowatt", "kw 千瓦"),
    "kcal": ("kcal_it", "kcal 千卡 大卡"),
    "J": ("joule", "焦耳"),
    "MJ": ("megajoule", "mj 兆焦"),
    "GJ": ("gigajoule", "gj 吉焦 百万千焦"),
    "TJ": ("terajoule", "tj"),
    "m3": ("meter ** 3", "m3 m^3 立方米 立方 方 cbm"),
    "gal": ("US_liquid_gallon", "gal us_gal gallon gallons 美制加仑"),
    "Nm3": ("Nm3", "nm3 nm^3 标方 标立方米 标准立方米 标立方"),
    "万Nm3": ("wan_Nm3", "万nm3 10^4nm3 万标方 万标立方米 万标准立方米"),
    "L": ("liter", "l 升 公升 litre liter litres liters"),
    "kg": ("kilogram", "kg 千克 公斤 kgs kgurea"),
    "Gg": ("gigagram", "gg"),
    "g": ("gram", "g 克"),
    "mg": ("milligram", "mg 毫克"),
    "t": ("metric_ton", "t 吨 公吨 ton tonne tonnes tons"),
    "万t": ("wan_t", "万t 万吨"),
    "km": ("kilometer", "km 公里 千米"),
    "mile": ("mile", "mi mile miles 英里"),
    "nmi": ("nautical_mile", "nmi 海里"),
    "tkm": ("metric_ton * kilometer", "tkm t-km 吨公里"),
    "m2": ("meter ** 2", "m2 m^2 平方米 平米 ㎡"),
    "h": ("hour", "h 小时 hour hours hr 工时"),
    "min": ("minute", "min 分钟 分 minute minutes"),
    "day": ("day", "day days 天 日"),
    "CNY": ("CNY", "cny 元 rmb 人民币元 人民币 ￥ ¥"),
    "万元": ("wan_CNY", "万元 万 万元人民币 万人民币"),
    "亿元": ("yi_CNY", "亿元 亿"),
    "kgce": ("kgce", "kgce 千克标煤 千克标准煤 公斤标煤"),
    "tce": ("tce", "tce 吨标煤 吨标准煤"),
    "tCO2e": ("tCO2e", "tco2e 吨二氧化碳当量 tco2 吨二氧化碳"),
    "kgCO2e": ("kgCO2e", "kgco2e 千克二氧化碳当量 kgco2"),
    "gCO2e": ("gCO2e", "gco2e gco2"),
    "tC": ("tC", "tc"),
    "kgCH4": ("kgCH4", "kgch4"),
    "kgN2O": ("kgN2O", "kgn2o"),
    "piece": ("piece", "piece pieces 件 pcs 箱 票"),
    "person": ("person", "person persons people 人 名"),
    "order": ("order", "order orders 单 订单"),
    "case": ("case", "case cases 起 宗"),
    "vehicle": ("vehicle", "vehicle vehicles 辆"),
    "%": ("percent", "% percent"),
    "1": ("dimensionless", "1"),
}

# the last words of a column name say its unit: `energy_kwh`, `overtime_person_min`
_SUFFIXES: dict[str, str] = {
    "person_min": "person·min", "t_km": "t·km", "kwh": "kWh", "kw": "kW", "gj": "GJ", "m3": "m3", "nm3": "Nm3",
    "l": "L", "kg": "kg", "t": "t", "km": "km", "m2": "m2", "h": "h", "min": "min", "cny": "CNY", "tce": "tce",
    "tco2e": "tCO2e", "kgco2e": "kgCO2e", "pieces": "piece", "persons": "person", "workers": "person", "orders": "order", "cases": "case",
    "vehicles": "vehicle",
}  # fmt: skip


@cache
def registry() -> pint.UnitRegistry[Any]:
    """The hub's only Pint registry, in exact decimals."""
    import pint

    units: pint.UnitRegistry[Any] = pint.UnitRegistry(non_int_type=Decimal)
    units.load_definitions(_DEFINITIONS.strip().splitlines())
    return units


def normalise(text: str) -> str:
    """A unit text in the form `ALIASES` knows: NFKC, casefold, without blanks."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


ALIASES: dict[str, str] = {
    normalise(word): label for label, (_, words) in _LABELS.items() for word in (label, *words.split())
}


def label(text: str) -> str | None:
    """The canonical label of a unit text (`度` → `kWh`), or None where nobody has said what it means."""
    return ALIASES.get(normalise(text))


@cache
def _quantity(text: str) -> pint.Quantity[Any]:
    """One of a unit, which may be a product or quotient of known labels (`kgCO2e/kWh`, `t·km`, `g/(t·km)`)."""
    value = registry().Quantity(Decimal(1))
    for position, part in enumerate(text.replace("(", "").replace(")", "").split("/")):
        for word in part.split("·"):
            known = label(word)
            if known is None:
                raise UnitMismatch(f"unknown unit / 未知单位: {word!r} in {text!r}", todo="add it to schemas/units.py")
            one = registry().Quantity(Decimal(1), _LABELS[known][0])
            value = value * one if position == 0 else value / one
    return value


@cache
def factor(unit: str, into: str) -> float:
    """How many `into` one `unit` is: `factor("万kWh", "kWh") == 10000.0`.

    Raises:
        UnitMismatch: a unit is unknown, or the two are of different dimensions.
    """
    if not same_dimension(unit, into):
        raise UnitMismatch(f"{unit} cannot become {into} / 量纲不同", todo="correct the unit")
    return float(_quantity(unit).to(_quantity(into).units).magnitude / _quantity(into).magnitude)


@cache
def is_known(unit: str) -> bool:
    """Whether every word of a unit text is known."""
    return all(label(word) for part in unit.replace("(", "").replace(")", "").split("/") for word in part.split("·"))


def same_dimension(unit: str, other: str) -> bool:
    """Whether two units measure the same thing (`kWh / t` and `kgCO2e / t` do not)."""
    return _quantity(unit).dimensionality == _quantity(other).dimensionality


@cache
def labels_of(unit: str) -> tuple[str, ...]:
    """Every label that measures the same as `unit`."""
    return tuple(known for known in _LABELS if same_dimension(known, unit))


def ratio(numerator: str, denominator: str | None) -> str:
    """The unit text of a quotient."""
    return numerator if denominator is None else f"{numerator}/{denominator}"


def unit_of(column: str) -> str | None:
    """The unit a column name carries in its last words, or None (`energy_kwh` → `kWh`, `site_id` → None)."""
    for words in (2, 1):
        suffix = "_".join(column.split("_")[-words:])
        if (suffix in _SUFFIXES and suffix != column) or column in ("workers",):
            return _SUFFIXES.get(suffix)
    return None
