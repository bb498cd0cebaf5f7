"""How codes, figures and periods are put to a reader, in Chinese or in English."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel

from indicators.scoring.score import two_places
from schemas.enterprise import load_yaml
from schemas.errors import CatalogueError

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


def number(amount: float | None, unit: str | None = None) -> str:
    """A figure with at least four significant digits, rounded half up.

    A percentage has at least three decimals, and so many that only 100 % itself is printed as 100.
    """
    if amount is None:
        return "–"
    exact = Decimal(repr(float(amount)))
    decimals = max(1, 3 - exact.adjusted()) if exact else 0
    if unit == "%":
        decimals = max(3, decimals, 1 - (100 - exact).adjusted() if exact != 100 else 0)
    text = f"{exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP):,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def score_text(points: float | None) -> str:
    """A score with its two decimals."""
    return "–" if points is None else str(two_places(points))


def signed(points: float) -> str:
    """A difference of scores with its sign and two decimals; what rounds to nothing is 0.00."""
    shown = two_places(points)
    return f"{shown:+}" if shown else "0.00"


def percent(share: float | None, decimals: int = 0) -> str:
    """A share as a percentage."""
    if share is None:
        return "–"
    step = Decimal(1).scaleb(-decimals)
    return f"{(Decimal(repr(float(share))) * 100).quantize(step, ROUND_HALF_UP)} %"


def year_before(period: str) -> str:
    """The same period a year earlier."""
    return re.sub(r"\d{4}", lambda year: f"{int(year[0]) - 1:04d}", period)


@cache
def vocabulary() -> dict[str, dict[str, dict[str, str]]]:
    """Kind → code → its words (`words.yaml`)."""
    return load_yaml(Path(__file__).parent / "words.yaml", CatalogueError)


class Wording:
    """What a layout says, in the language it has."""

    language: Language

    def t(self, zh: str, en: str) -> str:
        """The reader's words of two."""
        return zh if self.language == "zh" else en

    def name(self, name: BaseModel | str | Mapping[str, str]) -> str:
        """A name that may be a text or a pair; Chinese where it has no English."""
        if isinstance(name, str):
            return name
        given = name if isinstance(name, Mapping) else name.model_dump()
        return given.get(self.language) or given["zh"]

    def word(self, kind: str, code: str | None) -> str:
        """The words for a code; the code itself where there are none."""
        if code is None:
            return "–"
        found = vocabulary()[kind].get(code)
        return self.name(found) if found else code

    def reason(self, code: str) -> str:
        """The words for a reason code, also of the kind `<mart>_not_delivered`."""
        ending = "_not_delivered"
        if code.endswith(ending):
            return f"{code.removesuffix(ending)} {self.t('未交付', 'not delivered')}"
        return self.word("reason", code)

    def several(self, words: Iterable[str]) -> str:
        """Words in a row."""
        return self.t("、", ", ").join(words)
