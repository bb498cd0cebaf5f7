"""Takes the cells of the attendance grid apart: `8`, `8+2`, `休` (rest day), `休8` (worked on it), `节8` (holiday)."""

from __future__ import annotations

import re
from decimal import Decimal

import pandas as pd

_CELL = re.compile(r"(?P<mark>[休节]?)(?P<normal>\d+(\.\d+)?)?(\+(?P<extra>\d+(\.\d+)?))?")
_KINDS = {"": "工作日", "休": "休息日", "节": "法定节假日"}


def prepare(raw: pd.DataFrame) -> pd.DataFrame:
    """Add the date, the kind of day, the hours and the overtime; a cell that cannot be read is handed on as it is."""
    cells = {text: _apart(text) for text in raw["出勤"].unique()}
    return raw.assign(
        日期=raw["月份"] + "-" + raw["日"].str.zfill(2),
        日期类型=raw["出勤"].map(lambda text: cells[text][0]),
        总工时=raw["出勤"].map(lambda text: cells[text][1]),
        加班工时=raw["出勤"].map(lambda text: cells[text][2]),
    )


def _apart(text: str) -> tuple[str | None, str, str]:
    """Kind of day, hours worked with overtime, overtime."""
    found = _CELL.fullmatch(text.strip())
    if found is None:
        return None, text, text
    normal, extra = Decimal(found["normal"] or 0), Decimal(found["extra"] or 0)
    overtime = normal if found["mark"] else extra  # every hour on a day off is overtime
    return _KINDS[found["mark"]], str(normal + extra), str(overtime)
