"""C06 and C07: an operation category with empty running, and a chain over road, hub and rail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import pytest


@pytest.fixture(scope="module")
def hub(published: Callable[..., duckdb.DuckDBPyConnection]) -> duckdb.DuckDBPyConnection:
    return published("transport", "2025-03")


def row(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[str, Any]:
    """The only row of a query."""
    result = connection.execute(sql)
    names = [column[0] for column in result.description or []]
    (found,) = result.fetchall()
    return dict(zip(names, found, strict=True))


def test_empty_kilometres_are_in_the_emissions_and_never_in_the_activity(hub: duckdb.DuckDBPyConnection) -> None:
    road = row(hub, "select * from mart.toc_month where toc_id = 'ROAD'")
    # 12 trips of 10,000 km, 2,000 of them empty; 8,000 km x 18 t each = 1,728,000 t·km over the shortest feasible distance
    assert (road["distance_km"], road["empty_km"], road["activity"], road["activity_by"]) == (
        120_000,
        24_000,
        1_728_000,
        "trips",
    )
    # 36,000 L x 3.24 = 116,640 kg WTW; x 2.67 = 96,120 kg TTW; 20,520 kg WTT
    assert [road[name] for name in ("wtw_kgco2e", "ttw_kgco2e", "wtt_kgco2e")] == pytest.approx(
        [116_640, 96_120, 20_520]
    )
    # / 1,728,000 t·km; without the fuel of the empty kilometres it would be 54.0 and 44.5
    assert (road["wtw_intensity"], road["ttw_intensity"]) == (pytest.approx(67.5), pytest.approx(55.625))
    assert (road["intensity_unit"], road["data_type"], road["counted_by"], road["reason"]) == (
        "gCO2e/tkm",
        "primary",
        "vehicle",
        None,
    )
    assert road["factor_id"] == "ttw_diesel_en16258, wtw_diesel_en16258"


def test_a_shipment_has_its_tonne_kilometres_worth(hub: duckdb.DuckDBPyConnection) -> None:
    found = row(hub, "select * from mart.shipment_emission where shipment_id = 'C06'")
    # 12 t x 400 km = 4,800 t·km x 67.5 g
    assert (found["turnover_t_km"], found["wtw_kgco2e"]) == (4800, pytest.approx(324.0))
    assert found["ttw_kgco2e"] == pytest.approx(4.8 * 55.625)


def test_a_chain_is_the_sum_of_its_legs_and_its_hub(hub: duckdb.DuckDBPyConnection) -> None:
    legs = hub.execute(
        "select seq, wtw_kgco2e, data_type from mart.leg_emission where shipment_id = 'C07' order by seq"
    ).fetchall()
    # 1,000 t·km x 67.5 g; 10 t x 1.2 kg; 9,000 t·km x (27.79 + 6.91) g; 500 t·km x 67.5 g
    assert [kg for _, kg, _ in legs] == pytest.approx([67.5, 12.0, 312.3, 33.75])
    assert [kind for *_, kind in legs] == ["primary", "default", "default", "primary"]
    chain = row(hub, "select * from mart.shipment_emission where shipment_id = 'C07'")
    assert (chain["legs"], chain["turnover_t_km"], chain["wtw_kgco2e"]) == (4, 10_500, pytest.approx(425.55))
    # 425.55 kg and 413.55 kg / 10,500 t·km
    assert (round(chain["wtw_intensity"], 2), round(chain["haul_wtw_intensity"], 2)) == (40.53, 39.39)
    assert (chain["primary_wtw_kgco2e"], chain["default_wtw_kgco2e"]) == (pytest.approx(101.25), pytest.approx(324.3))


def test_what_burns_on_the_way_is_unknown_where_the_hub_names_one_factor_for_all(
    hub: duckdb.DuckDBPyConnection,
) -> None:
    chain = row(hub, "select ttw_kgco2e, wtt_kgco2e, reason from mart.shipment_emission where shipment_id = 'C07'")
    assert chain == {"ttw_kgco2e": None, "wtt_kgco2e": None, "reason": "no_ttw_factor"}


def test_a_lane_is_told_by_category_and_operator(hub: duckdb.DuckDBPyConnection) -> None:
    lanes = hub.execute(
        "select origin, destination, toc_id, operator, turnover_t_km, round(wtw_intensity, 2) from mart.lane_month order by toc_id, origin"
    ).fetchall()
    assert ("上海", "郑州", "RAIL", "铁路", 9000.0, 34.7) in lanes
    assert len(lanes) == 4  # the hub is no lane


def test_shipped_factors_that_have_expired_are_not_used(published: Callable[..., duckdb.DuckDBPyConnection]) -> None:
    # EN 16258 was in force until 2023-03-01; without the enterprise's own rows March 2025 has no factor
    connection = published("transport", "2025-03", without="reference/emission_factor.csv")
    road = row(connection, "select wtw_kgco2e, wtw_intensity, reason from mart.toc_month where toc_id = 'ROAD'")
    assert road == {"wtw_kgco2e": None, "wtw_intensity": None, "reason": "no_factor"}
