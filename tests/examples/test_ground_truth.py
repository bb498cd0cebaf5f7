"""What the hub makes of the demo: it refuses exactly what was planted, and accounts for every other row."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass

import polars as pl
import pytest

from connectors.ingest import Outcome, ingest
from examples.generate_demo import generate
from schemas.enterprise import Enterprise

MONTHS = ("2026-03", "2026-04")
Place = tuple[str, str, int]


@dataclass
class Taken:
    """The demo after a run: what was planted by kind, what was refused with its reasons, and the outcomes."""

    truth: dict[str, dict[Place, str]]
    refused: dict[Place, list[str]]
    outcomes: dict[str, Outcome]
    enterprise: Enterprise

    def flagged(self, contract: str, flag: str) -> set[tuple[str, int]]:
        frames = [pl.read_parquet(path) for path in self.enterprise.lake.files("clean", contract)]
        rows = pl.concat(frames).filter(pl.col(flag))
        return set(rows.select("source", "row_number").iter_rows())

    def planted(self, kind: str, source: str = "") -> set[tuple[str, int]]:
        return {(name, number) for name, _, number in self.truth.get(kind, {}) if source in ("", name)}


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Taken:
    folder = generate(tmp_path_factory.mktemp("demo") / "enterprise", months=MONTHS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ESG_PSEUDONYM_KEY", "demo-key-not-secret")
        enterprise = Enterprise(folder)
        outcomes = {outcome.source: outcome for outcome in ingest(enterprise, list(MONTHS))}
    truth: dict[str, dict[Place, str]] = {}
    with (folder / "ground_truth.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            reason = f"{row['column']}: {row['reason']}" if row["column"] else row["reason"]
            truth.setdefault(row["kind"], {})[row["source"], row["file"], int(row["row_number"])] = reason
    refused = {}
    for path in (folder / "data" / "quarantine").rglob("*.parquet"):
        for row in pl.read_parquet(path, hive_partitioning=False).iter_rows(named=True):
            refused[row["source"], row["file"], row["row_number"]] = row["reasons"]
    return Taken(truth, refused, outcomes, enterprise)


def test_no_source_of_the_demo_fails(taken: Taken) -> None:
    assert {name: str(outcome.error) for name, outcome in taken.outcomes.items() if outcome.error} == {}


def test_no_row_is_refused_that_was_not_planted(taken: Taken) -> None:
    assert {place: why for place, why in taken.refused.items() if place not in taken.truth["refused"]} == {}


def test_every_planted_fault_is_refused(taken: Taken) -> None:
    assert taken.truth["refused"].keys() - taken.refused.keys() == set()


def test_a_planted_fault_is_refused_for_its_own_reason(taken: Taken) -> None:
    met = [place for place in taken.truth["refused"] if place in taken.refused]
    wrong = {place: taken.refused[place] for place in met if taken.truth["refused"][place] not in taken.refused[place]}
    assert wrong == {}


def test_rows_sent_twice_are_counted_and_nothing_else(taken: Taken) -> None:
    planted = Counter(source for source, _ in taken.planted("duplicate"))
    found = {name: outcome.total("duplicates") for name, outcome in taken.outcomes.items() if not outcome.error}
    assert {name: count for name, count in found.items() if count} == dict(planted)


def test_a_second_reading_of_an_instant_is_flagged(taken: Taken) -> None:
    assert taken.planted("conflicting") <= taken.flagged("meter_reading", "is_conflicting")


def test_a_corrected_person_month_is_superseded(taken: Taken) -> None:
    assert taken.flagged("employee_month", "is_superseded") == taken.planted("superseded")
