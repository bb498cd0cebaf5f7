"""Bad input: one clear message, exit code 1, earlier months untouched, and the other sources proceed."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from tests.pipelines.town import BATCH_HEAD, Said, copied, esg, figures, fresh, of_month, published, stored, workbook
from tests.world import World

FEBRUARY = ("run", "--month", "2026-02")
REVENUE, BATCHES = "extracts/revenue/2026-02.csv", "extracts/batches/2026-02.xlsx"


def _zip_bomb() -> bytes:
    memory = BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"\0" * (80 << 20))
    return memory.getvalue()


def _declared(old: str, new: str) -> Callable[[World], object]:
    """The declaration of `revenue` with something changed in it."""

    def change(world: World) -> None:
        text = (world.folder / "sources/revenue.yaml").read_text(encoding="utf-8")
        assert old in text
        world.write("sources/revenue.yaml", text.replace(old, new))

    return change


def _database(url: str) -> Callable[[World], object]:
    return _declared(
        '{as: csv, files: "revenue/{month}.csv"}', f'{{as: sql, url: "{url}", table: postings}}'
    )  # fmt: skip


HEAD = "凭证号,日期,场所,金额\n"
ROW = "2026-02-1,2026-02-05,SH-W01,100000\n"
# what is wrong → how it comes about, the source, and words of the message
BAD: dict[str, tuple[Callable[[World], object], str, tuple[str, ...]]] = {
    "an empty file": (lambda w: w.write(REVENUE, ""), "revenue", ("empty", "文件为空", "2026-02.csv", "deliver it again")),
    "a header only": (lambda w: w.write(REVENUE, HEAD), "revenue", ("no rows below the header", "只有表头", "may_be_empty: true")),
    "a workbook with a header only": (lambda w: w.write(BATCHES, workbook(BATCH_HEAD)), "batches", ("no rows below the header",)),
    "another encoding": (lambda w: w.write(REVENUE, HEAD + ROW, "gb18030"), "revenue", ("not utf-8", "line 1", "read.encoding: gb18030")),
    "a truncated workbook": (lambda w: w.write(BATCHES, workbook(BATCH_HEAD, BATCH_HEAD)[:900]), "batches", ("damaged", "损坏")),
    "a zip bomb": (lambda w: w.write(BATCHES, _zip_bomb()), "batches", ("zip bomb", "压缩炸弹")),
    "a missing column": (lambda w: w.write(REVENUE, "凭证号,日期,场所\n1,2026-02-05,SH-W01\n"), "revenue", ("missing column", "'金额'", "the file has")),
    "a renamed sheet": (lambda w: w.write(BATCHES, workbook(BATCH_HEAD, sheet="Sheet1")), "batches", ("no sheet", "'产量'", "Sheet1")),
    "an open quote": (lambda w: w.write(REVENUE, HEAD + '"' + ROW), "revenue", ("quote is never closed",)),
    "a declaration that is no YAML": (lambda w: w.write("sources/revenue.yaml", "contract: [\n"), "revenue", ("YAML", "revenue.yaml", "correct")),
    "a declaration of an unknown column": (_declared("account:", "acount:"), "revenue", ("no column 'acount'", "revenue.yaml")),
    "a secret that is not set": (_database("postgresql+psycopg://esg:${NOT_THERE}@127.0.0.1/erp"), "revenue", ("NOT_THERE", "export NOT_THERE")),
    "a database that is down": (
        _database("postgresql+psycopg://esg:s3cret@127.0.0.1:9/erp"), "revenue", ("database cannot be read", "127.0.0.1:9/erp", "check network"),
    ),
    "a prepare that raises": (
        lambda w: w.write("sources/revenue.py", "def prepare(raw):\n    return raw['Umsatz']\n"), "revenue", ("prepare failed", "KeyError", "Umsatz"),
    ),
    "a prepare that is no Python": (lambda w: w.write("sources/revenue.py", "def prepare(raw)\n"), "revenue", ("prepare failed", "SyntaxError")),
    "a file that is a folder's": (lambda w: w.write("reference/site.csv", ""), "reference_site", ("empty",)),
}  # fmt: skip


@pytest.fixture(scope="module")
def february(january: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """February has been run with nothing wrong in it."""
    world = copied(january, tmp_path_factory.mktemp("february") / "group")
    assert fresh(world, *FEBRUARY).code == 0
    return world


def _assert_clear(said: Said, *words: str) -> None:
    """One message of at most six lines that says what, where and what to do."""
    assert said.code == 1
    assert said.err.count("esg: ") == 1
    assert len(said.err.strip().splitlines()) <= 6
    assert "Traceback" not in said.err + said.out
    for word in (*words, "where / 位置: ", "next / 处理: "):
        assert word in said.err
    assert "s3cret" not in said.err + said.out


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named_and_leaves_the_rest_alone(
    group: World, february: World, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil, source, words = BAD[name]
    spoil(group)
    said = esg(group, *FEBRUARY, capture=capsys)
    _assert_clear(said, source, *words)
    assert "failed / 失败" in said.out
    after = stored(group)
    # a meter's first reading of February ends its January, so the measure is what February makes of it
    assert of_month(after, "2026-01") == of_month(stored(february), "2026-01")
    assert figures(group, "2026-01") == figures(february, "2026-01")
    arrived = {name.split("/")[2] for name in of_month(after, "2026-02") if name.startswith("clean/")}
    assert arrived == {"ami", "hand", "batches", "revenue", "complaints", "staff"} - {source}


def test_what_was_bad_is_taken_in_once_it_is_corrected(
    group: World, january: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = (group.folder / REVENUE).read_bytes()
    group.write(REVENUE, "")
    assert esg(group, *FEBRUARY, capture=capsys).code == 1
    group.write(REVENUE, good)
    assert esg(group, *FEBRUARY, capture=capsys).code == 0
    never = copied(january, tmp_path / "never bad")
    assert esg(never, *FEBRUARY, capture=capsys).code == 0
    assert stored(group) == stored(never)


def test_a_header_only_is_none_where_the_source_says_there_may_be_none(
    group: World, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (group.folder / "sources/complaints.yaml").read_text(encoding="utf-8")
    group.write("sources/complaints.yaml", text + "may_be_empty: true\n")
    group.deliver("complaints/2026-02.csv", "id,site,received")
    assert esg(group, *FEBRUARY, capture=capsys).code == 0
    assert ("complaint", "complaints", "2026-02") in published(group)["meta.arrival"]  # none, and not missing


def test_equal_files_without_rows_say_of_each_of_their_months_that_there_was_none(
    group: World, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (group.folder / "sources/complaints.yaml").read_text(encoding="utf-8")
    group.write("sources/complaints.yaml", text + "may_be_empty: true\n")
    for month in ("2026-02", "2026-03"):
        group.deliver(f"complaints/{month}.csv", "id,site,received")
    assert esg(group, *FEBRUARY, capture=capsys).code == 0
    assert ("complaint", "complaints", "2026-03") not in published(group)["meta.arrival"]
    assert esg(group, "run", "--month", "2026-03", capture=capsys).code == 0
    arrived = published(group)["meta.arrival"]
    assert {("complaint", "complaints", month) for month in ("2026-02", "2026-03")} <= set(arrived)


def test_a_column_more_is_no_error(group: World, capsys: pytest.CaptureFixture[str]) -> None:
    group.write(REVENUE, "备注,凭证号,日期,场所,金额\nx,2026-02-1,2026-02-05,SH-W01,100000\n")
    assert esg(group, *FEBRUARY, capture=capsys).code == 0
    assert len(group.clean("revenue_posting").filter(source="revenue", document_id="2026-02-1")) == 1


def test_a_source_that_cannot_be_settled_beside_a_broken_one_changes_nothing(
    group: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """`hand` reads a meter of `ami`: whether its rows agree cannot be known while `ami` cannot be read."""
    before = stored(group)
    group.write("sources/ami.yaml", "contract: [\n")
    group.deliver("by hand/2026-01.csv", "no,at,shows", "E-0001,2026-01-04 08:00,1044")
    said = esg(group, "run", "--month", "2026-01", capture=capsys)
    _assert_clear(said, "ami.yaml")
    assert {name for name in stored(group) if "meter_reading" in name} == {
        name for name in before if "meter_reading" in name
    }


# --- the folder and the disk


def _unchanged(world: World) -> tuple[object, ...]:
    return stored(world), published(world)


def test_an_unknown_profile_stops_the_run_before_anything_is_done(
    group: World, capsys: pytest.CaptureFixture[str]
) -> None:
    before = _unchanged(group)
    group.write("enterprise.yaml", (group.folder / "enterprise.yaml").read_text(encoding="utf-8") + "profile: mine\n")
    _assert_clear(esg(group, *FEBRUARY, capture=capsys), "no profile 'mine'", "write profiles/")
    assert _unchanged(group) == before


def test_a_wrong_enterprise_declaration_stops_the_run(group: World, capsys: pytest.CaptureFixture[str]) -> None:
    before = _unchanged(group)
    group.write("enterprise.yaml", "id: group\nname: x\ntimezone: Mars/Olympus\n")
    _assert_clear(esg(group, *FEBRUARY, capture=capsys), "unknown time zone", "enterprise.yaml")
    assert _unchanged(group) == before


def test_a_file_where_the_data_folder_should_be(
    group: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (group.folder / "data").rename(tmp_path / "data")
    group.write("data", "not a folder")
    _assert_clear(esg(group, *FEBRUARY, capture=capsys), "data/ cannot be written", str(group.folder / "data"))
    assert (group.folder / "data").read_text() == "not a folder"


# root may write anywhere, so it lays down what lets it; what it owns it may still read, wherever the checkout lies
WITHOUT_PRIVILEGES = """
import ctypes, os
if os.getuid() == 0:
    to_this_process, no_capability = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert ctypes.CDLL(None).capset(to_this_process, no_capability) == 0
"""


def test_a_data_folder_that_cannot_be_written(january: World, tmp_path: Path) -> None:
    world = copied(january, tmp_path / "group")
    before = _unchanged(world)
    paths = [world.folder / "data", *(world.folder / "data").rglob("*")]
    for path in paths:
        path.chmod(path.stat().st_mode & 0o555)

    said = fresh(world, *FEBRUARY, first=WITHOUT_PRIVILEGES)
    for path in paths:
        path.chmod(path.stat().st_mode | 0o200)
    _assert_clear(said, "cannot be written", str(world.folder / "data"))
    assert _unchanged(world) == before


@pytest.mark.parametrize("limit", [1_000, 100_000, 1_000_000], ids=lambda limit: f"after {limit} bytes")
def test_a_disk_that_is_full_leaves_what_was_published(
    group: World, limit: int, capsys: pytest.CaptureFixture[str]
) -> None:
    # a limit on the size of a file does what a full disk does: a write stops in the middle with an error
    full = f"""
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
"""
    before, values = stored(group), published(group)
    said = fresh(group, *FEBRUARY, first=full)
    _assert_clear(said, "File too large", "room")
    assert published(group) == values
    after = stored(group)
    assert {name: after[name] for name in before if name.startswith("clean/")}.items() <= before.items()
    assert esg(group, *FEBRUARY, capture=capsys).code == 0
    assert [
        path.name for path in (group.folder / "data").rglob("*") if path.suffix == ".part" or ".next." in path.name
    ] == []
