"""Runs that are repeated or killed: the result is that of one undisturbed run, byte by byte."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from tests.pipelines.town import ENVIRONMENT, ROOT, copied, deliver, esg, fresh, published, stored
from tests.world import World

FORKED, WHOLE = 16, 4
BOTH = ("run", "--month", "2026-01", "--to", "2026-02")
# imports everything and then starts runs by forking, which costs nothing. It must compute nothing with polars, whose
# threads do not survive a fork.
NURSERY = """
import os, sys
import connectors.quarantine, pipelines.run, pipelines.show, rich.progress
from indicators.declared import catalogue
from pipelines.cli import main

catalogue()
for line in sys.stdin:
    child = os.fork()
    if not child:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        os._exit(main(line.rstrip("\\n").split("\\t")))
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""


class Nursery:
    """Runs `esg` in forked processes, each with a life of so many seconds."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", NURSERY], cwd=ROOT, env={**os.environ, **ENVIRONMENT}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def run(self, world: World, life: float | None = None) -> int:
        """The status with which the process ended; 9 where its life was over."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\t".join(("--enterprise", str(world.folder), *BOTH)) + "\n")
        self.process.stdin.flush()
        child = int(self.process.stdout.readline())
        if life is not None:
            time.sleep(life)
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        return int(self.process.stdout.readline())


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    one = Nursery()
    yield one
    one.process.communicate()


@pytest.fixture(scope="module")
def before(january: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """January has been run; February has come, and a corrected file of January's."""
    world = copied(january, tmp_path_factory.mktemp("before") / "group")
    deliver(world, "2026-02")
    world.deliver(
        "revenue/2026-01.csv",
        "凭证号,日期,场所,金额",
        "2026-01-1,2026-01-05,SH-W01,90000",
        "2026-01-2,2026-01-06,SH-P01,x",
    )
    return world


@pytest.fixture(scope="module")
def undisturbed(before: World, nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> tuple[World, float]:
    """What one run makes of it, and how long it takes."""
    assert nursery.run(copied(before, tmp_path_factory.mktemp("first") / "group")) == 0
    world = copied(before, tmp_path_factory.mktemp("undisturbed") / "group")
    start = time.monotonic()
    assert nursery.run(world) == 0
    return world, time.monotonic() - start


def _moments(many: int, duration: float, seed: int) -> list[float]:
    """Random moments, one in each of so many equal parts of a duration."""
    chance = random.Random(seed)  # noqa: S311
    return [duration * (part + chance.random()) / many for part in range(many)]


def _assert_nothing_is_half_there(world: World, before: World, after: World) -> None:
    """What the one state file names is there whole, and the published file is the old one or the new one."""
    json.loads((world.folder / "data/state.json").read_text(encoding="utf-8"))
    for contract in {entry["contract"] for entry in world.enterprise.lake.extracts()}:
        for kind in ("clean", "quarantine"):
            for path in world.enterprise.lake.files(kind, contract):  # type: ignore[arg-type]
                assert pl.read_parquet(path, hive_partitioning=False).height
    assert published(world)["indicator.value"] in (
        published(before)["indicator.value"],
        published(after)["indicator.value"],
    )


def _assert_equal(world: World, after: World, *, was_published: bool) -> None:
    assert stored(world) == stored(after)
    got, wanted = published(world), published(after)
    if was_published:  # by the run that was killed: since then nothing has changed
        wanted = wanted | {"meta.figure_change": []}
    assert {name for name in wanted if got[name] != wanted[name]} == set()
    assert got.keys() == wanted.keys()
    files = {path.relative_to(world.folder / "data") for path in (world.folder / "data").rglob("*") if path.is_file()}
    assert [
        str(path) for path in files if path.suffix == ".part" or "next" in path.name or path.name.endswith(".pull")
    ] == []
    named = {
        path
        for entry in world.enterprise.lake.extracts()
        for kind in ("clean", "quarantine")
        for path in entry[kind].values()
    }
    assert {str(path) for path in files if path.parts[0] in ("clean", "quarantine")} == named
    assert _landed(world) == _landed(after)


def _landed(world: World) -> set[str]:
    return {path.name for path in (world.folder / "data/landing").iterdir()}


def test_a_run_killed_at_any_moment_is_made_good_by_the_next(
    before: World, undisturbed: tuple[World, float], nursery: Nursery, tmp_path: Path
) -> None:
    after, duration = undisturbed
    assert published(after)["meta.figure_change"]
    killed = 0
    for moment in _moments(FORKED, duration, seed=20260131):
        world = copied(before, tmp_path / "group")
        killed += nursery.run(world, moment) == signal.SIGKILL
        _assert_nothing_is_half_there(world, before, after)
        was_published = published(world)["indicator.value"] == published(after)["indicator.value"]
        assert nursery.run(world) == 0
        _assert_equal(world, after, was_published=was_published)
        shutil.rmtree(world.folder)
    assert killed >= FORKED // 2


def test_a_process_killed_at_any_moment_is_made_good_by_the_next(
    before: World, undisturbed: tuple[World, float], nursery: Nursery, tmp_path: Path
) -> None:
    after, _ = undisturbed
    command = [sys.executable, "-m", "pipelines.cli", "--enterprise", str(tmp_path / "group"), *BOTH]
    environment = {**os.environ, **ENVIRONMENT}
    copied(before, tmp_path / "group")
    start = time.monotonic()
    subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True)  # noqa: S603
    duration = time.monotonic() - start
    for moment in _moments(WHOLE, duration, seed=20260228):
        shutil.rmtree(tmp_path / "group")
        world = copied(before, tmp_path / "group")
        process = subprocess.Popen(  # noqa: S603
            command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(moment)
        process.kill()
        process.wait()
        _assert_nothing_is_half_there(world, before, after)
        was_published = published(world)["indicator.value"] == published(after)["indicator.value"]
        assert nursery.run(world) == 0
        _assert_equal(world, after, was_published=was_published)


def test_killed_again_and_again_it_still_comes_to_the_same(
    before: World, undisturbed: tuple[World, float], nursery: Nursery, tmp_path: Path
) -> None:
    after, duration = undisturbed
    world = copied(before, tmp_path / "group")
    for moment in _moments(3, duration * 0.8, seed=3):
        nursery.run(world, moment)
    was_published = published(world)["indicator.value"] == published(after)["indicator.value"]
    assert nursery.run(world) == 0
    _assert_equal(world, after, was_published=was_published)


def test_files_of_a_broken_mart_are_not_taken_for_those_of_the_old_fingerprint(
    group: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run is killed between two files of a mart; then the old extract comes back."""
    from warehouse.marts import Warehouse

    before = stored(group)
    old = (group.folder / "extracts/revenue/2026-01.csv").read_bytes()
    group.deliver("revenue/2026-01.csv", "凭证号,日期,场所,金额", "2026-01-1,2026-01-05,SH-W01,1")
    replaced = Warehouse._replaced

    def dies(house: Warehouse, path: Path, write: Callable[[Path], object]) -> bool:
        replaced(house, path, write)
        if path.parent.name == "site_month_revenue":
            raise KeyboardInterrupt
        return False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Warehouse, "_replaced", dies)
        assert esg(group, "run", "--month", "2026-01", capture=capsys).code == 1
    assert stored(group) != before
    group.write("extracts/revenue/2026-01.csv", old)
    assert esg(group, "run", "--month", "2026-01", capture=capsys).code == 0
    assert stored(group) == before


# --- the same again


def test_a_month_run_twice_changes_no_byte(group: World, capsys: pytest.CaptureFixture[str]) -> None:
    first = stored(group)
    values = published(group)
    assert esg(group, "run", "--month", "2026-01", capture=capsys).code == 0
    assert stored(group) == first
    assert published(group) == values


def test_another_process_in_another_time_zone_changes_no_byte(group: World) -> None:
    first = stored(group)
    assert fresh(group, "run", "--month", "2026-01", TZ="America/New_York", ESG_THREADS="2").code == 0
    assert stored(group) == first


def test_what_can_be_computed_again_may_be_deleted(group: World, capsys: pytest.CaptureFixture[str]) -> None:
    first, values = stored(group), published(group)
    for folder in ("segment", "mart", "indicator", "score"):
        shutil.rmtree(group.folder / "data" / folder)
    assert esg(group, "run", "--month", "2026-01", capture=capsys).code == 0
    assert stored(group) == first
    assert published(group) == values


def test_two_months_in_one_run_are_those_of_two_runs(
    january: World, group: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert esg(group, "run", "--month", "2026-02", capture=capsys).code == 0
    other = copied(january, tmp_path / "at once")
    shutil.rmtree(other.folder / "data")
    assert esg(other, *BOTH, capture=capsys).code == 0
    assert stored(other) == stored(group)
