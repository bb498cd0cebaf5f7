"""One evaluation: every `score.*` table of a period under a profile, and the folder it is kept in.

The folder is `data/score/<period>/<first twelve of the profile's hash>/`: another profile is another folder, and the
same facts under the same profile give the same bytes. Each file is marked with the facts it rests on, so that what has
become stale is not published.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from indicators.declared import Words
from indicators.evidence import EVIDENCE, REGISTER
from indicators.scoring.definitions import DEFINITION, definitions
from indicators.scoring.events import EVENT, rows
from indicators.scoring.panel import AGREEMENT, EXPERT, PANEL_ITEM, Cap, levels, results
from indicators.scoring.profile import PROFILE, Profile
from indicators.scoring.score import (
    CONTRIBUTION,
    INTEGRITY,
    NORMALISED,
    RESULT,
    Assessment,
    Facts,
    Row,
    assess,
    standard,
)
from indicators.scoring.uncertainty import (
    ALTERNATIVE,
    GRADE_PROBABILITY,
    LEFT_OUT,
    MONTE_CARLO,
    SWING,
    alternatives,
    left_out,
    monte_carlo,
    swings,
)
from indicators.scoring.weights import WEIGHT
from schemas.lake import digest, replaced

TABLES: dict[str, pl.Schema] = {
    "result": RESULT, "panel_item": PANEL_ITEM, "agreement": AGREEMENT, "expert": EXPERT, "normalised": NORMALISED, "weight": WEIGHT, "event": EVENT, "monte_carlo": MONTE_CARLO,
    "grade_probability": GRADE_PROBABILITY, "alternative": ALTERNATIVE, "swing": SWING, "left_out": LEFT_OUT, "contribution": CONTRIBUTION,
    "definition": DEFINITION, "integrity": INTEGRITY, "evidence": EVIDENCE, "profile": PROFILE,
}  # fmt: skip
"""Every table an evaluation writes, by its name in the schema `score`."""

_EXAMINED = [name for name in EVIDENCE if name in REGISTER and name != "period"]
_FACTS = "facts"
_FINGERPRINT = 12


@dataclass(frozen=True)
class Evaluation:
    """What is known, how it is judged, and every reading of the values there is.

    Attributes:
        votes: the rows of `expert_score` the facts' levels are of, as `lowered` gives them; `caps`: the metrics' caps.
        register: the evidence, examined.
    """

    facts: Facts
    profile: Profile
    votes: pl.DataFrame
    caps: Mapping[str, Cap]
    readings: tuple[Row, ...] = ()
    words: Mapping[tuple[str, str], Words] | None = None
    register: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=REGISTER))

    def values(self) -> pl.DataFrame:
        """The values it rests on."""
        rows = [(key, row["value"]) for key, row in self.facts.values.items()]
        return pl.DataFrame(rows, schema={"indicator_id": pl.String, "value": pl.Float64}, orient="row")

    def panel_tables(self) -> dict[str, pl.DataFrame]:
        """What the panel found: its levels, how far the experts agree, and what the total were without each of them."""

        def total(votes: pl.DataFrame) -> float | None:
            found = assess(replace(self.facts, levels=levels(votes, standard())), self.profile).total
            return None if found is None else float(found)

        found = results(self.votes, self.profile, (self.facts.period, self.facts.org_id), self.caps, total)
        return {"panel_item": found.items, "agreement": found.agreement, "expert": found.experts}

    def normalised(self) -> pl.DataFrame:
        """How values and levels become scores."""
        return self.assessment().normalised()

    def assessment(self) -> Assessment:
        """Scores, weights and total."""
        return assess(self.facts, self.profile)

    def scored(self) -> dict[str, pl.DataFrame]:
        """The tables of the score itself."""
        one = self.assessment()
        return {
            "result": one.result(),
            "contribution": one.contributions(),
            "event": one.frame(rows(list(one.events), self.profile), EVENT),
            "integrity": one.frame(one.failures, INTEGRITY),
            "evidence": one.frame(self.register.select(_EXAMINED).rows(named=True), EVIDENCE),
            "profile": profile_table(self.profile),
        }

    def weights(self) -> pl.DataFrame:
        """Raw and effective weights."""
        one = self.assessment()
        return one.frame(one.weighting.rows(one.shares, self.profile.tree), WEIGHT)

    def sensitivity(self) -> dict[str, pl.DataFrame]:
        """The tables that say how sure the score is."""
        one = self.assessment()
        statistics, probability = monte_carlo(one)
        return {
            "monte_carlo": statistics, "grade_probability": probability, "alternative": alternatives(one), "swing": swings(one),
            "left_out": left_out(one), "definition": definitions(one, self.readings, self.words),
        }  # fmt: skip

    def tables(self) -> dict[str, pl.DataFrame]:
        """Every table."""
        return {
            "normalised": self.normalised(),
            "weight": self.weights(),
            **self.panel_tables(),
            **self.scored(),
            **self.sensitivity(),
        }

    def proposed(self, enterprise_type: str) -> dict[str, Words]:
        """What usually does not apply to a type of enterprise and the panel has not confirmed, with the reason."""
        reasons = {str(kind): found for kind, found in self.profile.proposed_not_applicable.items()}.get(
            enterprise_type, {}
        )
        return {key: words for key, words in reasons.items() if key in self.profile.scope}

    def fingerprint(self) -> str:
        """What the facts are known by: another value, level, event or judgement is another one, as is another make of tables."""
        made = {name: list(schema) for name, schema in TABLES.items()}
        return digest(
            self.facts.told(), self.readings, self.votes.write_csv(), self.register.write_csv(), sorted(self.caps), made
        )


def folder(data: Path, period: str, profile: Profile) -> Path:
    """Where an evaluation is kept."""
    return data / "score" / period / profile.hash[:_FINGERPRINT]


def write(data: Path, evaluation: Evaluation, tables: Mapping[str, pl.DataFrame]) -> Path:
    """Keep some or all tables of an evaluation, each replaced in one step and marked with the facts it rests on; the folder."""
    target, facts = folder(data, evaluation.facts.period, evaluation.profile), evaluation.fingerprint()
    for name, frame in tables.items():
        with replaced(target / f"{name}.parquet") as temporary:
            frame.write_parquet(temporary, metadata={_FACTS: facts})
    return target


def rests_on(target: Path) -> str | None:
    """The facts the tables of a folder rest on; None where one lacks or they do not rest on the same."""
    paths = [target / f"{name}.parquet" for name in TABLES]
    if not all(path.exists() for path in paths):
        return None
    facts = {pl.read_parquet_metadata(path).get(_FACTS) for path in paths}
    return facts.pop() if len(facts) == 1 else None


def read(targets: Iterable[Path]) -> dict[str, pl.DataFrame]:
    """The tables of several evaluations, one below the other; tables without any rows have their columns all the same."""
    found = list(targets)
    tables = {}
    for name, schema in TABLES.items():
        paths = [path for one in found if (path := one / f"{name}.parquet").exists()]
        frames = [pl.read_parquet(path, hive_partitioning=False) for path in paths]
        # one profile may have evaluated several periods: it is written once
        tables[name] = pl.concat([pl.DataFrame(schema=schema), *frames]).unique(maintain_order=True)
    return tables


def profile_table(profile: Profile) -> pl.DataFrame:
    """The row of `score.profile`."""
    content = json.dumps(profile.model_dump(mode="json"), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return pl.DataFrame([(profile.hash, profile.id, profile.version, content)], schema=PROFILE, orient="row")
