"""The small town that tests of whole runs start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipelines.town import ENVIRONMENT, copied, deliver, town
from tests.world import World


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def january(tmp_path_factory: pytest.TempPathFactory) -> World:
    """January has been run and February lies there. Not to be changed: take a copy."""
    from pipelines.cli import main

    world = town(tmp_path_factory.mktemp("january") / "group")
    deliver(world, "2026-01")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        assert main(["--enterprise", str(world.folder), "run", "--month", "2026-01"]) == 0
    deliver(world, "2026-02")
    return world


@pytest.fixture
def group(january: World, tmp_path: Path) -> World:
    """A copy of it."""
    return copied(january, tmp_path / "group")
