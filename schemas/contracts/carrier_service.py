"""Contract of `carrier_service`: transport bought from a carrier."""

from __future__ import annotations

import polars as pl

from schemas.contract import Contract
from schemas.fields import Day, borrowed, choice, day, key, quantity, rule, text


class CarrierService(Contract, rows="event", key=("service_id",), month=("performed_on",), zh="外包运输"):
    """Transport bought from a carrier, with the best that is known of it: fuel, vehicle-kilometres or ton-kilometres."""

    service_id: str = key("运单号", "Service", example="C-1001")
    performed_on: Day = day("运输日期", "Date it was performed")
    site_id: str = key("采购场所", "Site that bought it", refers="site", example="SH-W01")
    supplier_id: str = key("承运商编号", "Carrier", refers="supplier", optional=True)
    order_id: str = key("订单号", "Order", optional=True)
    vehicle_id: str = key("外包车辆编号", "Outsourced vehicle, where it is registered", refers="vehicle", optional=True)
    mode: str = choice(
        "运输方式",
        "Mode",
        {"road": "公路", "rail": "铁路", "air": "航空", "sea": "海运", "inland": "内河", "pipeline": "管道"},
    )
    vehicle_class: str = choice(
        "运输工具类型",
        "Class of vehicle or vessel",
        {
            "van": "面包车", "light_truck": "轻型货车", "medium_truck": "中型货车", "heavy_truck": "重型货车", "tractor": "牵引车",
            "refrigerated_truck": "冷藏车", "container_ship": "集装箱船", "bulk_carrier": "散货船", "tanker": "油船",
        },
        optional=True,
    )  # fmt: skip
    fuel: str = choice(
        "承运商所用能源",
        "Fuel or electricity the carrier used",
        {
            "diesel": "柴油", "gasoline": "汽油", "lng": "液化天然气", "cng": "压缩天然气", "lpg": "液化石油气", "fuel_oil": "燃料油",
            "jet_kerosene": "航空煤油", "heavy_fuel_oil": "船用重油", "light_fuel_oil": "船用轻质燃料油", "marine_gas_oil": "船用柴油",
            "methanol": "甲醇", "ethanol": "乙醇", "biodiesel": "生物柴油", "hydrogen": "氢", "electricity": "电力",
        },
        optional=True,
    )  # fmt: skip
    volume_l: float = quantity("燃料体积（升）", "Volume of the fuel", ge=0, optional=True)
    mass_kg: float = quantity("燃料质量", "Mass of the fuel", ge=0, optional=True)
    energy_kwh: float = quantity("充电量", "Electricity charged", ge=0, optional=True)
    distance_km: float = quantity("行驶里程", "Distance driven", ge=0, optional=True)
    mass_t: float = quantity("货物质量", "Mass of the goods", ge=0, optional=True)
    turnover_t_km: float = quantity("周转量", "Transport work; empty: mass x distance", ge=0, optional=True)
    origin: str = text("起点", "From")
    destination: str = text("终点", "To")
    factor_subject: str = text(
        "指定因子对象", "Subject of the factor to be used", example="HGV (all diesel) / All HGVs /  / Average laden"
    )
    vehicle_ownership: str = borrowed("vehicle_id", "ownership")

    @rule(
        "fuel_quantity",
        "填写能源须恰填一项用量，电力填充电量",
        "a fuel needs exactly one of volume_l and mass_kg, electricity energy_kwh; without a fuel there is none",
    )
    def fuel_has_its_quantity(cls) -> pl.Expr:
        liquid = pl.sum_horizontal(pl.col("volume_l", "mass_kg").is_not_null().cast(pl.Int8))
        charged = pl.col("energy_kwh").is_not_null()
        by_wire = (pl.col("fuel") == "electricity").fill_null(value=False)
        return (
            pl.when(by_wire)
            .then(charged & (liquid == 0))
            .otherwise(~charged & (liquid == pl.col("fuel").is_not_null().cast(pl.Int8)))
        )

    @rule("no_activity", "能源、里程、周转量须至少有一项", "fuel, distance_km or turnover_t_km must be filled")
    def has_an_activity(cls) -> pl.Expr:
        return pl.any_horizontal(pl.col(one).is_not_null() for one in ("fuel", "distance_km", "turnover_t_km"))

    @rule(
        "own_vehicle",
        "自有或租赁车辆不是外包运输",
        "an own or leased vehicle is no carrier's: its fuel is counted as ours",
    )
    def vehicle_is_a_carrier_s(cls) -> pl.Expr:
        return pl.col("vehicle_ownership") == "outsourced"
