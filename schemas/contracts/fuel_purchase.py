"""Contract of `fuel_purchase`: a purchase of fuel, by volume, mass or heat."""

from __future__ import annotations

import polars as pl

from schemas.contract import Contract
from schemas.fields import Day, choice, day, key, quantity, rule


class FuelPurchase(Contract, rows="event", key=("document_id",), month=("purchased_on",), zh="燃料采购"):
    """A purchase of fuel, by volume, mass or heat."""

    document_id: str = key("单据号", "Document", example="F202601-0001")
    purchased_on: Day = day("采购日期", "Date of purchase")
    site_id: str = key("场所编号", "Site; empty: the vehicle's", refers="site", optional=True)
    vehicle_id: str = key("车辆编号", "Vehicle; empty: stationary use", refers="vehicle", optional=True)
    fuel: str = choice(
        "燃料",
        "Fuel",
        {
            "diesel": "柴油", "gasoline": "汽油", "lng": "液化天然气", "cng": "压缩天然气", "lpg": "液化石油气",
            "natural_gas": "天然气", "fuel_oil": "燃料油", "kerosene": "煤油", "jet_kerosene": "航空煤油", "heavy_fuel_oil": "船用重油",
            "light_fuel_oil": "船用轻质燃料油", "marine_gas_oil": "船用柴油", "methanol": "甲醇", "ethanol": "乙醇", "biodiesel": "生物柴油",
            "hydrogen": "氢", "anthracite": "无烟煤", "bituminous": "烟煤", "coke": "焦炭", "adblue": "车用尿素",
        },
        note=("B7、E10 等掺混燃料按份额分作两笔：柴油与生物柴油、汽油与乙醇", "a blend such as B7 or E10 is two purchases: diesel and biodiesel, gasoline and ethanol"),
    )  # fmt: skip
    volume_l: float = quantity("体积（升）", "Volume of a liquid", ge=0, optional=True)
    mass_kg: float = quantity("质量", "Mass", ge=0, optional=True)
    volume_m3: float = quantity("体积（立方米）", "Volume of a gas", ge=0, optional=True)
    heat_gj: float = quantity("热量（低位）", "Heat it gives, by net calorific value", ge=0, optional=True)
    volume_reference: str = choice(
        "体积参比温度", "Temperature a gas volume refers to", {"0C": "0℃", "20C": "20℃"}, optional=True
    )

    @rule(
        "one_quantity",
        "体积、质量、热量须恰填一项",
        "exactly one of volume_l, mass_kg, volume_m3, heat_gj must be filled",
    )
    def exactly_one_quantity(cls) -> pl.Expr:
        given = (pl.col(one).is_not_null() for one in ("volume_l", "mass_kg", "volume_m3", "heat_gj"))
        return pl.sum_horizontal(given) == 1

    @rule("heat_of_a_reagent", "车用尿素不是燃料，没有热量", "AdBlue is no fuel and gives no heat")
    def only_fuels_give_heat(cls) -> pl.Expr:
        return (pl.col("fuel") != "adblue") | pl.col("heat_gj").is_null()

    @rule("no_place", "场所与车辆不能都为空", "either the site or the vehicle must be filled")
    def has_a_place(cls) -> pl.Expr:
        return pl.col("site_id").is_not_null() | pl.col("vehicle_id").is_not_null()
