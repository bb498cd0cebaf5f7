"""Definition sensitivity: every computed indicator of the standard under each admissible reading, beside the chosen one.

The readings are the policies `indicator.value` holds side by side. Each is put in the place of the chosen one, all else
as it is, and the total is formed anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

import polars as pl

from indicators.declared import Words, catalogue, natural
from indicators.scoring.score import Assessment, Row, anchors_of, assess

DEFINITION = pl.Schema(
    {
        "period": pl.String, "org_id": pl.String, "profile_hash": pl.String, "indicator_id": pl.String, "reading": pl.String,
        "title_zh": pl.String, "title_en": pl.String, "value": pl.Float64, "unit": pl.String, "score": pl.Float64,
        "total": pl.Float64, "grade": pl.String, "is_chosen": pl.Boolean, "difference": pl.Float64,
        "reason": pl.String,
    }
)  # fmt: skip
"""`score.definition`: `difference` is to the total of the chosen reading; `reason` says why a reading has no score, for want
of a value or of a baseline of its own."""

NO_BASELINE = "no_baseline_of_reading"
_WORDS = {
    "default": Words(zh="唯一口径", en="the only reading there is"),
    "pieces": Words(zh="按件计", en="by pieces"),
    "tonnes": Words(zh="按吨计", en="by tonnes"),
    "top_two_box": Words(zh="前两档为满意", en="the two best answers count as satisfied"),
    "top_box": Words(zh="仅最高档为满意", en="only the best answer counts as satisfied"),
}


def definitions(
    base: Assessment, readings: Iterable[Row], words: Mapping[tuple[str, str], Words] | None = None
) -> pl.DataFrame:
    """The rows of `score.definition`, the chosen reading of each indicator first.

    Args:
        base: the assessment under the chosen readings.
        readings: every row of `indicator.value` of the period and organisation.
        words: (indicator, policy) → what the reading is called, where its policy table says.
    """
    told = words or {}
    rows = []
    for row in sorted(readings, key=lambda row: (natural(row["indicator_id"]), not row["is_chosen"], row["policy"])):
        one = catalogue().get(row["indicator_id"])
        if one is None or one.kind != "quantitative" or not base.before[one.id].applies:
            continue
        title = (
            told.get((one.id, row["policy"])) or _WORDS.get(row["policy"]) or Words(zh=row["policy"], en=row["policy"])
        )
        shown = {"indicator_id": one.id, "reading": row["policy"], "title_zh": title.zh, "title_en": title.en,
                 "value": row["value"], "unit": row["unit"], "is_chosen": row["is_chosen"]}  # fmt: skip
        rows.append(shown | _effect(base, row))
    return base.frame(rows, DEFINITION)


def _effect(base: Assessment, row: Row) -> dict[str, Any]:
    """What a reading scores, and the total and grade with it; nothing where it has no value to score."""
    key, nothing = row["indicator_id"], dict.fromkeys(("score", "total", "grade", "difference", "reason"))
    if not row["is_chosen"] and row["value"] is not None and _needs_a_baseline(key, base):
        return nothing | {"reason": NO_BASELINE}
    other = base if row["is_chosen"] else assess(base.facts.reading(row), base.profile, base.weighting)
    points = other.before[key].score
    if points is None:
        return nothing | {"reason": other.before[key].reason}
    total: Fraction | None = other.total
    return nothing | {
        "score": points, "total": total, "grade": other.line("total")["grade"],
        "difference": None if total is None or base.total is None else total - base.total,
    }  # fmt: skip


def _needs_a_baseline(key: str, base: Assessment) -> bool:
    """Whether values score by what the enterprise was before: that is known under the chosen reading only."""
    if key in base.profile.normalisation:
        return False
    anchors = anchors_of(key, base.facts, base.profile)
    return anchors is not None and anchors.relative_to in ("own_baseline", "last_year")
