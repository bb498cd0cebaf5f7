"""The lake: what lies under `data/`, how files are written there, and the one state file that says which count."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
"""A calendar month, as the hub writes it."""


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
    """

    def __init__(self, data: Path) -> None:
        self.data = data
        self._path = data / "state.json"

    @cached_property
    def state(self) -> dict[str, Any]:
        """The state as last committed."""
        if not self._path.exists():
            return {"extracts": {}, "marts": {}}
        return json.loads(self._path.read_text(encoding="utf-8"))

    def commit(self) -> None:
        """Make the present state the one that counts."""
        write_text(self._path, json.dumps(self.state, ensure_ascii=False, sort_keys=True))

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
        """Delete what a broken run left: half-made files, and files of `clean` and `quarantine` that no state names.

        The caller holds the enterprise's lock. Reports are written without it, so theirs are left alone.
        """
        for folder in (".", "mart/*", "segment", "indicator", "score"):
            for path in self.data.glob(f"{folder}/.*.part"):
                path.unlink()
        for path in (*self.data.glob("landing/.*"), *self.data.glob("published/*.next.duckdb*")):
            path.unlink()
        named = {path for entry in self.extracts() for kind in ("clean", "quarantine") for path in entry[kind].values()}
        for kind in ("clean", "quarantine"):
            for path in sorted((self.data / kind).glob("*/*/*/*")):
                if path.relative_to(self.data).as_posix() not in named:
                    path.unlink()
