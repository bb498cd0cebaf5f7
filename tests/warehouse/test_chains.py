"""Whatever is shipped: the emissions of an operation category are those of the shipments it carried, no more and no less."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.warehouse.bare import bare, of

FACTORS = [
    {"factor_id": "ttw", "kind": "fuel_ttw_co2e", "lifecycle_scope": "TTW", "subject": "diesel", "value": 2.67, "unit": "kgCO2e/L", "parameter_set": "x", "origin": "enterprise"},
    {"factor_id": "wtw", "kind": "fuel_wtw_co2e", "lifecycle_scope": "WTW", "subject": "diesel", "value": 3.24, "unit": "kgCO2e/L", "parameter_set": "x", "origin": "enterprise"},
]  # fmt: skip
LEG = st.fixed_dictionaries(
    {
        "toc_id": st.sampled_from(["ROAD", "HUB"]),
        "shipment_id": st.sampled_from(["S1", "S2", "S3"]),
        "mass_t": st.integers(1, 40_000).map(lambda kg: kg / 1000),
        "distance_km": st.integers(1, 3_000_000).map(lambda m: m / 1000),
        "distance_type": st.sampled_from(["sfd", "gcd", "actual"]),
    }
)


def hauled(legs: list[dict[str, Any]], litres: float) -> Any:
    """The marts over some legs of March 2025 whose categories burnt so many litres each."""
    rows = [
        {**leg, "seq": seq, "started_on": "2025-03-10"}
        | ({"distance_km": None, "distance_type": None} if leg["toc_id"] == "HUB" else {})
        for seq, leg in enumerate(legs, start=1)
    ]
    return bare(
        {
            "reference.emission_factor": FACTORS,
            "clean.toc": [{"toc_id": "ROAD", "mode": "road"}, {"toc_id": "HUB", "mode": "hub"}],
            "clean.toc_energy": [
                {"record_id": one, "toc_id": one, "month": "2025-03", "fuel": "diesel", "volume_l": litres}
                for one in ("ROAD", "HUB")
            ],
            "clean.transport_leg": rows,
        },
        "shipment_emission",
    )


@settings(max_examples=20, deadline=None)
@given(st.lists(LEG, min_size=1, max_size=6), st.integers(1, 10**7).map(lambda ml: ml / 1000))
def test_shipments_add_up_to_their_operation_categories(legs: list[dict[str, Any]], litres: float) -> None:
    connection = hauled(legs, litres)
    used = len({leg["toc_id"] for leg in legs})
    for phase, factor in (("ttw", 2.67), ("wtt", 0.57), ("wtw", 3.24)):
        total = used * litres * factor
        for mart in ("shipment_emission", "leg_emission"):
            ((found,),) = of(connection, f"select sum({phase}_kgco2e) from mart.{mart}")
            assert found == pytest.approx(total, rel=1e-6)


@settings(max_examples=10, deadline=None)
@given(st.lists(LEG, min_size=2, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_the_legs_changes_nothing(legs: list[dict[str, Any]], random: Any) -> None:
    numbered = [{**leg, "shipment_id": f"S{at}"} for at, leg in enumerate(legs)]
    shuffled = random.sample(numbered, len(numbered))
    figures = "select shipment_id, wtw_kgco2e, wtw_intensity from mart.shipment_emission"
    assert of(hauled(numbered, 100.0), figures) == of(hauled(shuffled, 100.0), figures)


def test_phases_are_never_mixed_from_two_sets() -> None:
    # TTW of set x and WTT of set y: neither gives WTW
    factors = [
        FACTORS[0],
        {
            **FACTORS[1],
            "kind": "fuel_wtt_co2e",
            "lifecycle_scope": "WTT",
            "factor_id": "wtt",
            "value": 0.5,
            "parameter_set": "y",
        },
    ]
    connection = bare(
        {
            "reference.emission_factor": factors,
            "clean.toc": [{"toc_id": "ROAD", "mode": "road"}],
            "clean.toc_energy": [
                {"record_id": "1", "toc_id": "ROAD", "month": "2025-03", "fuel": "diesel", "volume_l": 10, "turnover_t_km": 100}
            ],
        },
        "toc_month",
    )  # fmt: skip
    ((ttw, wtw, reason),) = of(connection, "select ttw_kgco2e, wtw_kgco2e, reason from mart.toc_month")
    assert (ttw, wtw, reason) == (pytest.approx(26.7), None, "no_wtw_factor")
