"""Every kind of fault through the hub's whole path: all found, none invented, the energy kept."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from benchmarks.faults import generated, measure


def test_every_fault_is_found_no_other_is_told_and_the_energy_stays(tmp_path: Path) -> None:
    rows = measure(generated(2), datetime(2026, 1, 1, tzinfo=UTC), tmp_path / "enterprise")
    assert {
        row["fault"]: (row["missed"], row["false_alarms"]) for row in rows if row["missed"] or row["false_alarms"]
    } == {}
    # where readings determine the energy it is exact; a lost interval and a leap are estimates, and flagged as such
    assert {row["fault"] for row in rows if row["error_kwh"] > 1e-6 * row["kwh"]} <= {
        "interval_outage",
        "lasting_jump",
        "unit_swap",
    }
    assert all(row["error_kwh"] < 0.001 * row["kwh"] for row in rows)
    assert sum(row["usual_error_kwh"] for row in rows) > 100 * sum(row["error_kwh"] for row in rows)
