"""Gives each day's last quarter-hour its stamp: the file says `00:00` of the same day where it means `24:00`."""

from __future__ import annotations

import pandas as pd


def prepare(raw: pd.DataFrame) -> pd.DataFrame:
    """Write `24:00` where NSM, the seconds from midnight, has started again at 0 in the last row of a day."""
    last = raw["NSM"] == "0"
    return raw.assign(date=raw["date"].where(~last, raw["date"].str.replace(r" 00:00$", " 24:00", regex=True)))
