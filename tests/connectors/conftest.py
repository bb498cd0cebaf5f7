"""The small enterprise that tests of taking in start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.world import World, make


@pytest.fixture
def world(tmp_path: Path) -> World:
    """The small enterprise, with its reference tables and no source."""
    return make(tmp_path / "group")
