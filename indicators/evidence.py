"""The evidence register, examined: whether each file is the one that was registered, and of the period evaluated."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Literal

import polars as pl

REGISTER = pl.Schema(
    {
        "evidence_id": pl.String, "sha256": pl.String, "file": pl.String, "period": pl.String, "custodian": pl.String,
        "indicator_ids": pl.String, "file_state": pl.String, "period_state": pl.String, "is_admissible": pl.Boolean,
        "cited_for": pl.String, "note": pl.String,
    }
)  # fmt: skip
"""The register with findings.

`file_state`: `same`, `changed`, `absent`, `outside_folder`, or `unsigned` (no sha256 is registered). `period_state`:
`inside`, `outside`, `unknown`. What is changed, outside the folder or outside the period may not be cited. `note` holds
warnings: `cited_twice` (it scores in more than one place), `serves_others` (cited for an indicator it is not registered
for).
"""

EVIDENCE = pl.Schema(
    {
        "period": pl.String, "org_id": pl.String, "profile_hash": pl.String, "evidence_id": pl.String, "file_state": pl.String,
        "period_state": pl.String, "is_admissible": pl.Boolean, "cited_for": pl.String, "note": pl.String,
    }
)  # fmt: skip
"""`score.evidence`: what was found about each piece of the register when the period was evaluated."""
EvidenceRule = Literal["always", "where_kept", "never"]
"""Whether levels above 1 need evidence (`panel.evidence` of the profile)."""
_PLACES = ("", "panel", "panel/evidence")
_SPAN = re.compile(r"(\d{4})(?:-(0[1-9]|1[0-2]))?(?:\.\.(\d{4})(?:-(0[1-9]|1[0-2]))?)?")


def examined(register: pl.DataFrame, folder: Path, period: str, votes: pl.DataFrame | None = None) -> pl.DataFrame:
    """The register with what was found about each piece.

    Args:
        register: rows of `evidence`.
        folder: the enterprise folder; files are named from there, or from its `panel/` or `panel/evidence/`.
        period: the evaluation period (`2026`, `2025-07..2026-06`).
        votes: rows of `expert_score`, for what the evidence was cited for.

    Returns:
        `REGISTER`, by id.
    """
    cited = _cited(votes)
    rows = []
    for row in register.sort("evidence_id").iter_rows(named=True):
        file, when = _file_state(folder, row["file"], row["sha256"]), _period_state(row["period"], period)
        places = sorted(cited.get(row["evidence_id"], set()))
        rows.append({name: row[name] for name in REGISTER if name in row} | {
            "file_state": file, "period_state": when,
            "is_admissible": file not in ("changed", "outside_folder") and when != "outside",
            "cited_for": "|".join(places) or None, "note": _note(places, row["indicator_ids"]),
        })  # fmt: skip
    return pl.DataFrame(rows, schema=REGISTER)


def admissible(found: pl.DataFrame, votes: pl.DataFrame, rule: EvidenceRule = "where_kept") -> list[str] | None:
    """The ids of the evidence that may be cited; None where no evidence is asked for.

    Args:
        found: the register, examined.
        votes: rows of `expert_score`.
        rule: `always`, `never`, or `where_kept`: unless none is registered and none cited.
    """
    is_kept = found.height > 0 or votes["evidence_ids"].drop_nulls().len() > 0
    if rule == "never" or (rule == "where_kept" and not is_kept):
        return None
    return found.filter("is_admissible")["evidence_id"].to_list()


def _file_state(folder: Path, name: str, sha256: str | None) -> str:
    root = folder.resolve()
    paths = [(root / place / name).resolve() for place in _PLACES]
    if not any(path.is_relative_to(root) for path in paths):
        return "outside_folder"
    path = next((path for path in paths if path.is_relative_to(root) and path.is_file()), None)
    if path is None:
        return "absent"
    if not sha256:
        return "unsigned"
    with path.open("rb") as handle:
        return "same" if hashlib.file_digest(handle, "sha256").hexdigest() == sha256 else "changed"


def _period_state(said: str | None, period: str) -> str:
    """Whether the period a piece covers meets the period evaluated."""
    covers, evaluated = _span(said), _span(period)
    if covers is None or evaluated is None:
        return "unknown"
    return "inside" if covers[0] <= evaluated[1] and evaluated[0] <= covers[1] else "outside"


def _span(text: str | None) -> tuple[str, str] | None:
    """First and last month of `2026`, `2026-03`, `2025..2027` or `2025-07..2026-06`."""
    found = _SPAN.fullmatch((text or "").strip())
    if not found:
        return None
    year, month, last_year, last_month = found.groups()
    return f"{year}-{month or '01'}", f"{last_year or year}-{last_month or (month if not last_year else None) or '12'}"


def _cited(votes: pl.DataFrame | None) -> dict[str, set[str]]:
    """Evidence → the indicators it was cited for."""
    cited: dict[str, set[str]] = {}
    if votes is not None:
        for indicator, ids in votes.select("indicator_id", "evidence_ids").iter_rows():
            for one in (ids or "").split("|"):
                cited.setdefault(one.strip(), set()).add(indicator)
    return cited


def _note(places: list[str], serves: str | None) -> str | None:
    registered = {one.strip() for one in (serves or "").split("|") if one.strip()}
    notes = ["cited_twice"] if len(places) > 1 else []
    notes += ["serves_others"] if registered and not set(places) <= registered else []
    return "|".join(notes) or None
