"""Looks up weights that stand in another row: `See DN-304 (ID#:10589)` is the number of the row with that ID.

Both lines went in that consignment and the number is its weight, so it must not be added up over lines.
"""

from __future__ import annotations

import pandas as pd

_WEIGHT = "Weight (Kilograms)"
_ELSEWHERE = r"^See (?:DN|ASN)-\d+ \(ID#:(\d+)\)$"


def prepare(raw: pd.DataFrame) -> pd.DataFrame:
    """Write the number referred to; a reference to a row without one, and a weight captured elsewhere, are empty."""
    weight = raw[_WEIGHT]
    numbers = weight.where(weight.str.fullmatch(r"\d+(?:\.\d+)?"))
    referred = weight.str.extract(_ELSEWHERE, expand=False)
    found = referred.map(pd.Series(numbers.to_numpy(), index=raw["ID"]))
    known_words = referred.notna() | (weight == "Weight Captured Separately")
    # a text that is neither is handed on as it is, to be refused by name
    return raw.assign(**{_WEIGHT: weight.where(~known_words, found)})
