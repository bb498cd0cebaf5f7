"""The hub's side: the whole path of one month (archive, contract, quarantine, clean, marts, indicators, publish).

    python -m benchmarks.hub ENTERPRISE MONTH

Prints what came out as JSON, and on stderr where the CPU went.
"""

from __future__ import annotations

import json
import resource
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipelines.run import locked, run  # isort: skip - as `esg run` does, before anything loads polars
from connectors import ingest, landing, readers
from schemas.contract import Table
from schemas.enterprise import Enterprise
from warehouse import meters

_SPENT: dict[str, float] = defaultdict(float)


def _cpu() -> float:
    use = resource.getrusage(resource.RUSAGE_SELF)
    return use.ru_utime + use.ru_stime


def _measured(place: Any, name: str, label: str) -> None:  # noqa: ANN401 - a module or class
    inner: Callable[..., Any] = getattr(place, name)

    def outer(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        began = _cpu()
        try:
            return inner(*arguments, **named)
        finally:
            _SPENT[label] += _cpu() - began

    setattr(place, name, outer)


def main(folder: Path, month: str) -> dict[str, float]:
    """Run the month; energy in kWh, readings kept, rows refused, negative steps."""
    _SPENT["start and imports"] = _cpu()
    read = readers.read

    def whole(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        began = _cpu()
        frames = list(read(*arguments, **named))
        _SPENT["read"] += _cpu() - began
        return iter(frames)

    readers.read = whole
    _measured(landing, "land", "archive and sha256")
    _measured(ingest, "conform", "conform")
    _measured(Table, "judge", "judge (Pandera)")
    _measured(ingest, "_write", "write Parquet")
    _measured(ingest, "_in_order", "sort")
    _measured(meters, "task", "segments of meters")
    enterprise = Enterprise(folder)
    with locked(enterprise):
        result = run(enterprise, [month])
    _SPENT["everything else (split, keys, marts, indicators, publish)"] = _cpu() - sum(_SPENT.values())
    for label, seconds in _SPENT.items():
        print(f"  {seconds:6.2f} s  {label}", file=sys.stderr)
    import polars as pl

    rows = pl.concat([pl.read_parquet(path) for path in (folder / "data/mart/meter_month").glob("*.parquet")])
    return {
        "kwh": rows["quantity"].sum(), "kept": int(rows["readings"].sum()), "negative": int(rows["negative_steps"].sum()),
        "refused": sum(one.total("refused") for one in result.outcomes),
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2])))
