"""The lake: what lies under `data/`, how files are written there, and the one state file that says which count."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
"""A calendar month, as the hub writes it."""


def months_of(period: str) -> list[str]:
    """The calendar months of a period: `2026-01`, `2026` or `2025-07..2026-06`."""
    first, _, last = period.partition("..")
    if not last:
        first, last = (first, first) if MONTH.fullmatch(first) else (f"{first}-01", f"{first}-12")
    low, high = (int(month[:4]) * 12 + int(month[5:]) - 1 for month in (first, last))
    return [f"{number // 12:04d}-{number % 12 + 1:02d}" for number in range(low, high + 1)]


def beside(month: str, step: int) -> str:
    """The month so many months later."""
    number = int(month[:4]) * 12 + int(month[5:]) - 1 + step
    return f"{number // 12:04d}-{number % 12 + 1:02d}"


def months_named(entry: dict[str, Any]) -> list[str]:
    """The months an extract is of by its name; equal files without rows are one extract of all the months they are named for."""
    if entry["rows"] == 0 and entry.get("named"):
        return list(entry["named"])
    return [entry["month"]] if entry["month"] else []


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its name when the block ends well, and vanishes when not.

    Raises:
        OSError: it cannot be written; also where a library calls that by another name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{path.name}.{os.getpid()}.part"
    try:
        yield temporary
        with temporary.open("rb+") as handle:
            os.fsync(handle.fileno())
        temporary.replace(path)
    except Exception as error:
        code = re.search(r"\(os error (\d+)\)", str(error))  # as polars tells it
        if isinstance(error, OSError) or code is None:
            raise
        raise OSError(int(code[1]), os.strerror(int(code[1])), str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def gone(folder: Path) -> None:
    """Remove a folder with all that is in it, where there is one.

    Raises:
        OSError: it cannot be removed.
    """
    if folder.exists():
        shutil.rmtree(folder)


def write_text(path: Path, text: str) -> None:
    """Write a text file in one step: readers see the old one or the new one."""
    with replaced(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def digest(*parts: object) -> str:
    """A short, stable fingerprint of JSON-able parts."""
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


Spans = dict[str, dict[str, list[str]]]
"""What the key columns of an extract hold: column → `between` its least and greatest text, and `among` all of few."""


def meet(one: Spans | None, other: Spans | None, key: tuple[str, ...]) -> bool:
    """Whether two extracts may hold equal values in every key column; a column that is not known may hold anything."""
    if one is None or other is None:
        return False
    return all(_touch(one[name], other[name]) for name in key if name in one and name in other)


def _touch(one: dict[str, list[str]], other: dict[str, list[str]]) -> bool:
    if "among" in one and "among" in other:
        return not set(one["among"]).isdisjoint(other["among"])
    (low, high), (least, greatest) = one["between"], other["between"]
    return low <= greatest and least <= high


class Lake:
    """What lies under `data/`: one state file names every file that counts; others are leftovers of a broken run.

    `state["extracts"]` has one entry per extract (see `connectors.ingest`), `state["marts"]` names the mart files,
    `state["published"]` says which rows of each extract the published figures rest on.
    Changing it is one rename, so a run that is killed leaves the old state or the new one.

    Beside it lies the journal of closings, `closed/journal.jsonl`: its last line about a period says whether the period
    is closed, and which folder `closed/<period>/<snapshot>/` holds what was frozen.
    """

    def __init__(self, data: Path) -> None:
        self.data = data
        self._path = data / "state.json"
        self._journal = data / "closed" / "journal.jsonl"

    @cached_property
    def state(self) -> dict[str, Any]:
        """The state as last committed."""
        if not self._path.exists():
            return {"extracts": {}, "marts": {}}
        return json.loads(self._path.read_text(encoding="utf-8"))

    def commit(self) -> None:
        """Make the present state the one that counts."""
        write_text(self._path, json.dumps(self.state, ensure_ascii=False, sort_keys=True))

    @cached_property
    def journal(self) -> list[dict[str, Any]]:
        """What was closed, reopened and restated, oldest first: action, period, by, reason, at, snapshot, warnings."""
        if not self._journal.exists():
            return []
        return [json.loads(line) for line in self._journal.read_text(encoding="utf-8").splitlines()]

    def record(self, *lines: dict[str, Any]) -> None:
        """Append to the journal; all the lines count from the same moment, or none does."""
        self.journal.extend(lines)
        text = (json.dumps(line, ensure_ascii=False, sort_keys=True) for line in self.journal)
        write_text(self._journal, "".join(f"{line}\n" for line in text))

    @property
    def closed(self) -> dict[str, Path]:
        """Closed period → the folder of what was frozen of it."""
        last = {line["period"]: line for line in self.journal}
        return {
            period: self._journal.parent / period / line["snapshot"]
            for period, line in sorted(last.items())
            if line["action"] != "reopen"
        }

    def as_closed(self, month: str) -> Lake:
        """The lake with those extracts, and those clean files, that the figures of a closed month rest on."""
        then = Lake(self.data)
        extracts = json.loads((self.closed[month] / "extracts.json").read_text(encoding="utf-8"))
        then.__dict__["state"] = {"extracts": extracts, "marts": {}}
        return then

    def extracts(self, contract: str | None = None, source: str | None = None) -> list[dict[str, Any]]:
        """The extracts that count, oldest first."""
        found = [
            entry
            for entry in self.state["extracts"].values()
            if contract in (None, entry["contract"]) and source in (None, entry["source"])
        ]
        return sorted(found, key=lambda entry: entry["order"])

    def files(self, kind: Literal["clean", "quarantine"], contract: str, months: set[str] | None = None) -> list[Path]:
        """The Parquet files of a contract's clean or refused rows, in a stable order."""
        return [
            self.data / path
            for entry in self.extracts(contract)
            for month, path in sorted(entry[kind].items())
            if months is None or month in months
        ]

    def months(self, contract: str) -> set[str]:
        """The months a contract has clean rows for."""
        return {month for entry in self.extracts(contract) for month in entry["clean"] if MONTH.fullmatch(month)}

    def sweep(self) -> None:
        """Delete what a broken run left: half-made files, and files of `clean` and `quarantine` that neither the state nor a closing names.

        The caller holds the enterprise's lock. Reports are written without it, so theirs are left alone.
        """
        for folder in (".", "closed", "mart/*", "segment", "indicator", "score", "score/*/*"):
            for path in self.data.glob(f"{folder}/.*.part"):
                path.unlink()
        for path in (*self.data.glob("landing/.*"), *self.data.glob("published/*.next.duckdb*")):
            path.unlink()
        for broken in (*self.data.glob("closed/*/.*.part/"), *self.data.glob(".restate.*/")):
            shutil.rmtree(broken)
        then = [self.as_closed(month) for month in self.closed if MONTH.fullmatch(month)]
        entries = [entry for lake in (self, *then) for entry in lake.extracts()]
        named = {path for entry in entries for kind in ("clean", "quarantine") for path in entry[kind].values()}
        for kind in ("clean", "quarantine"):
            for path in sorted((self.data / kind).glob("*/*/*/*")):
                if path.relative_to(self.data).as_posix() not in named:
                    path.unlink()
