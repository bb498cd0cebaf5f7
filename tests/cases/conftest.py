"""Enterprise folders of published and constructed cases, run through the whole hub."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from pipelines.run import locked, run
from schemas.enterprise import Enterprise


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., duckdb.DuckDBPyConnection]]:
    """Runs the enterprise folder of a case for some months; its published file. `without` names a file left out."""
    opened: list[duckdb.DuckDBPyConnection] = []

    def figures(name: str, *months: str, without: str | None = None) -> duckdb.DuckDBPyConnection:
        folder = tmp_path_factory.mktemp(name) / "enterprise"
        shutil.copytree(Path(__file__).parent / name, folder)
        if without:
            (folder / without).unlink()
        enterprise = Enterprise(folder)
        with locked(enterprise):
            result = run(enterprise, list(months))
        assert [str(outcome.error) for outcome in result.failed] == []
        assert sum(outcome.total("refused") for outcome in result.outcomes) == 0
        opened.append(duckdb.connect(str(enterprise.published), read_only=True))
        return opened[-1]

    yield figures
    for connection in opened:
        connection.close()
