"""The hub on extracts published by others, which lie in the folder that ESG_REAL_DATA names.

What an enterprise would declare about them lies beside these tests; the extracts are read where they are.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from pipelines.run import locked, run
from schemas.contract import contracts
from schemas.enterprise import Enterprise


@pytest.fixture(scope="session")
def extracts() -> Path:
    folder = Path(os.environ["ESG_REAL_DATA"]).resolve()
    assert folder.is_dir(), f"ESG_REAL_DATA names no folder: {folder}"
    return folder


@pytest.fixture(scope="session")
def declared(extracts: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Enterprise]:
    """A fresh enterprise folder of one of the declarations beside this file, over the real extracts."""

    def fresh(name: str) -> Enterprise:
        folder = tmp_path_factory.mktemp(name) / "enterprise"
        shutil.copytree(Path(__file__).parent / name, folder)
        (folder / "extracts").symlink_to(extracts, target_is_directory=True)
        return Enterprise(folder)

    return fresh


@pytest.fixture(scope="session")
def published() -> Iterator[Callable[[Enterprise, list[str]], duckdb.DuckDBPyConnection]]:
    """Runs an enterprise for some months; its published file, with the clean rows as `clean_<contract>`."""
    opened: list[duckdb.DuckDBPyConnection] = []

    def figures(enterprise: Enterprise, months: list[str]) -> duckdb.DuckDBPyConnection:
        with locked(enterprise):
            assert [str(outcome.error) for outcome in run(enterprise, months).failed] == []
        connection = duckdb.connect(str(enterprise.published), read_only=True)
        opened.append(connection)
        for table in contracts():
            files = [str(path) for path in enterprise.lake.files("clean", table.name)]
            if files:
                connection.execute(
                    f"create temp view clean_{table.name} as from read_parquet({files}, union_by_name = true)"
                )
        return connection

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ESG_PSEUDONYM_KEY", "a key for tests only")
        yield figures
    for connection in opened:
        connection.close()
