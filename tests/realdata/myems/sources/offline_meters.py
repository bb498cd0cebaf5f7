"""Turns the day columns of the offline-meter workbook into readings: a day's quantity ends at its 24:00."""

from __future__ import annotations

import pandas as pd


def prepare(raw: pd.DataFrame) -> pd.DataFrame:
    """One row per meter and filled day cell; below the first empty row stand notes, which are no readings."""
    top = raw.iloc[0]
    year, month = top["年"], top["月"].zfill(2)
    below_a_gap = (raw["row_number"].diff() > 1).cumsum() > 0
    meters = raw[~below_a_gap].iloc[1:]
    days = {column: top[column].zfill(2) for column in raw.columns if column.startswith("日")}
    long = meters.melt(["row_number", "年"], list(days), "column", "quantity").dropna(subset="quantity")
    ends = [f"{year}-{month}-{days[column]} 24:00" for column in long["column"]]
    return long.rename(columns={"年": "meter"}).assign(day_end=ends).drop(columns="column")
