"""Numbers the answers by their place in the file: the file's own number is the employee's."""

from __future__ import annotations

import pandas as pd


def prepare(raw: pd.DataFrame) -> pd.DataFrame:
    """Add the answer's number."""
    return raw.assign(response=raw["row_number"].astype(str))
