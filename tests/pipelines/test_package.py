"""The data package: it verifies, holds nothing about few people, and names whatever was changed in it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indicators import verify
from indicators.declared import catalogue
from indicators.package import left_out, package, pooled
from pipelines.cli import main
from pipelines.run import terms
from schemas.errors import HubError
from tests.pipelines.town import ENVIRONMENT, copied, deliver, esg, town
from tests.world import World

MONTH = "2026-01"
SITES = """\
site_id,name,legal_entity_id,site_kind,timezone,floor_area_m2,region
SH-W01,上海一号仓,LE1,warehouse,,12000,CN-SH
SH-P01,上海工厂,LE1,plant,,8000,CN-SH
SH-W02,上海二号仓,LE2,warehouse,,5000,CN-SH
"""
SOURCES = {
    "orders": """\
contract: customer_order
read: {as: csv, files: "orders/*.csv"}
columns: {order_id: no, site_id: site, accepted_at: accepted, promised_by: promised, delivered_at: delivered,
  status: {value: delivered}, pieces_due: due, pieces_intact: intact}
""",
    "answers": """\
contract: survey_response
read: {as: csv, files: "answers/*.csv"}
columns: {response_id: no, wave: {value: 2026H1}, answered_on: day, site_id: site, score: score, scale_max: {value: "5"}}
""",
}
# of 5 points 4 and 5 are satisfied. SH-W01 15 of 20 and SH-P01 3 of 4 are LE1, SH-W02 24 of 30 is LE2: 42 of 54
ANSWERS = {"SH-W01": (15, 20), "SH-P01": (3, 4), "SH-W02": (24, 30)}
FEW = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def _more(world: World) -> None:
    """A second legal entity, orders and a survey, so that all six have figures."""
    world.write("reference/site.csv", SITES)
    text = (world.folder / "enterprise.yaml").read_text(encoding="utf-8")
    world.write("enterprise.yaml", text.replace("[LE1]", "[LE1, LE2]"))
    for name, source in SOURCES.items():
        world.write(f"sources/{name}.yaml", source)
    # ten orders, one of them a day late, one with a piece broken: 90 % on time, 99 of 100 pieces intact
    world.deliver(
        "orders/2026-01.csv", "no,site,accepted,promised,delivered,due,intact",
        *(f"S{n},SH-W01,2026-01-0{1 + n % 5} 08:00,2026-01-10 18:00,2026-01-{11 if n == 0 else 10} 12:00,10,{9 if n == 1 else 10}" for n in range(10)),
    )  # fmt: skip
    world.deliver(
        "answers/2026.csv", "no,day,site,score",
        *(f"{site}-{n},2026-01-20,{site},{4 if n < satisfied else 2}" for site, (satisfied, all_) in ANSWERS.items() for n in range(all_)),
    )  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """January run with all six, and its package written. Not to be changed."""
    one = town(tmp_path_factory.mktemp("package") / "group")
    deliver(one, MONTH)
    _more(one)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        assert main(["--enterprise", str(one.folder), "run", "--month", MONTH]) == 0
        package(one.enterprise, MONTH)
        yield one


@pytest.fixture(scope="module")
def whole(world: World) -> Path:
    return world.enterprise.data / "packages" / MONTH


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy to tamper with."""
    return Path(shutil.copytree(whole, tmp_path / "copy"))


def found(folder: Path) -> list[str]:
    return verify.Package(folder).check()


def rows(folder: Path, table: str) -> pl.DataFrame:
    return pl.read_parquet(folder / f"{table}.parquet", hive_partitioning=False)


def forge(folder: Path, table: str, change: Callable[[pl.DataFrame], pl.DataFrame], *, csv: bool = True) -> None:
    """Change a table and its CSV, and make manifest and digests fit, as somebody would who hides it."""
    frame = change(rows(folder, table))
    path = folder / f"{table}.parquet"
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.register("incoming", frame.to_arrow())
        connection.execute(f"copy incoming to '{path}' (format parquet)")
        if csv:
            kinds = connection.execute(f"describe select * from '{path}'").fetchall()
            texts = ", ".join(f'{verify.text_of(name, kind)} as "{name}"' for name, kind, *_ in kinds)
            connection.execute(
                f"copy (select {texts} from '{path}') to '{path.with_suffix('.csv')}' (format csv, header)"
            )
    seal(folder, {f"{table}.parquet": frame.height, f"{table}.csv": frame.height})


def seal(folder: Path, heights: dict[str, int] | None = None) -> None:
    """Make the manifest and the digests fit whatever lies there."""
    manifest = json.loads((folder / verify.MANIFEST).read_text(encoding="utf-8"))
    for entry in manifest["files"]:
        path = folder / entry["name"]
        entry |= {"sha256": verify.digest(path), "bytes": path.stat().st_size}
        if entry["name"] in (heights or {}):
            entry["rows"] = (heights or {})[entry["name"]]
    (folder / verify.MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    resum(folder)


def resum(folder: Path) -> None:
    names = sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and path.name != verify.SUMS
    )
    (folder / verify.SUMS).write_text(
        "".join(f"{verify.digest(folder / name)}  {name}\n" for name in names), encoding="utf-8"
    )


def alone(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The verifier as its receiver runs it: by itself, in a Python that knows nothing of the hub."""
    return subprocess.run(  # noqa: S603
        [sys.executable, "-I", str(folder / "verify.py"), *arguments], capture_output=True, text=True, check=False, cwd=folder.parent
    )  # fmt: skip


# ── it verifies ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_untouched_package_verifies_by_itself(whole: Path) -> None:
    said = alone(whole)
    assert (said.returncode, said.stderr) == (0, "")
    assert "verified / 校验通过" in said.stdout
    assert f"manifest.json sha256 {verify.digest(whole / 'manifest.json')}" in said.stdout


def test_the_verifier_imports_nothing_but_duckdb() -> None:
    text = Path(verify.__file__).read_text(encoding="utf-8")
    imported = {
        line.split()[1].partition(".")[0] for line in text.splitlines() if line.startswith(("import ", "from "))
    }
    assert imported - set(sys.stdlib_module_names) == {"duckdb"}


def test_all_six_are_there_and_are_computed_again(whole: Path) -> None:
    values = rows(whole, "indicator/value").filter(
        (pl.col("period") == MONTH) & (pl.col("org_kind") == "enterprise") & pl.col("is_chosen")
    )
    told = dict(values.select("indicator_id", "value").iter_rows())
    # one complaint on ten orders; nine of ten on time; 99 of 100 pieces; 42 of 54 satisfied
    assert [told[key] for key in ("A.2.6", "A.2.7", "A.2.8")] == [10.0, 90.0, 99.0]
    assert told["A.2.2"] == pytest.approx(100 * 42 / 54)
    assert told["A.1.6"] > 0
    assert told["A.1.10"] > 0
    assert verify.SIX.keys() <= told.keys()


def test_the_six_formulas_are_those_of_the_catalogue() -> None:
    assert {key: catalogue()[key].scale for key in verify.SIX} == verify.SIX
    assert {key for key in verify.SIX if catalogue()[key].people} == verify.PEOPLE
    declared = terms().filter(pl.col("indicator_id").is_in(list(verify.SIX))).rows()
    assert {(key, side): tuple(term) for key, side, *term in declared} == verify.TERMS


def test_every_table_has_its_csv_its_rows_and_comments_in_two_languages(whole: Path) -> None:
    manifest = json.loads((whole / "manifest.json").read_text(encoding="utf-8"))
    names = {entry["name"] for entry in manifest["files"]}
    for entry in manifest["files"]:
        if entry["name"].endswith(".parquet"):
            assert entry["name"].replace(".parquet", ".csv") in names
            assert entry["rows"] == rows(whole, entry["name"].removesuffix(".parquet")).height
            assert all(column["zh"] and column["en"] for column in entry["columns"])
    assert {
        "mart/site_month_energy.parquet",
        "indicator/cell.parquet",
        "reference/factor.parquet",
        "profile.json",
        "verify.py",
    } <= names
    assert (manifest["enterprise_id"], manifest["month"], manifest["evaluation_period"]) == ("group", MONTH, "2026")


def test_the_factors_are_those_the_lines_name(whole: Path) -> None:
    named = rows(whole, "mart/emission_line")["factor_id"].drop_nulls().unique()
    assert set(named) <= set(rows(whole, "reference/factor")["factor_id"])


def test_the_same_figures_make_the_same_bytes(world: World, whole: Path) -> None:
    before = {path.name: verify.digest(path) for path in [whole / verify.SUMS, whole.with_suffix(".zip")]}
    package(world.enterprise, MONTH)
    assert {path.name: verify.digest(path) for path in [whole / verify.SUMS, whole.with_suffix(".zip")]} == before
    assert [path.name for path in whole.parent.iterdir() if path.name.startswith(".")] == []


def test_the_archive_holds_the_folder(whole: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(whole.with_suffix(".zip")) as archive:
        archive.extractall(tmp_path)
    assert found(tmp_path / MONTH) == []


def test_a_package_of_a_closed_and_restated_month_verifies_and_says_so(
    world: World, tmp_path: Path, capsys: Any
) -> None:
    one = copied(world, tmp_path / "closed")
    by = ("--by", "Li Na", "--reason", "books closed")
    assert esg(one, "close", MONTH, *by, capture=capsys).code == 0
    one.deliver(
        "revenue/2026-01.csv", "凭证号,日期,场所,金额", f"1,{MONTH}-05,SH-W01,180000", f"2,{MONTH}-06,SH-P01,50000"
    )
    one.deliver(
        "orders/2026-01 late.csv",
        "no,site,accepted,promised,delivered,due,intact",
        "L1,SH-P01,2026-01-05 08:00,,2026-01-06 08:00,5,5",
        "L2,SH-P01,2026-01-05 08:00,2026-02-05 08:00,2026-01-06 08:00,5,5",  # due in a month nobody has delivered
    )
    assert esg(one, "run", "--month", MONTH, capture=capsys).code == 0
    for action in ("", "restate"):  # as closed, then as restated
        assert not action or esg(one, action, MONTH, *by, capture=capsys).code == 0
        said = esg(one, "package", MONTH, capture=capsys)
        assert said.code == 0
        folder = one.enterprise.data / "packages" / MONTH
        assert found(folder) == []
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        assert (manifest["closed"], manifest["not_delivered"]) == ([MONTH], {"site_month_delivery": ["2026-02"]})
        assert rows(folder, "meta/closing")["action"].to_list() == ["close", *([action] if action else [])]
        assert bool(rows(folder, "meta/restatement").height) == bool(action)


def test_a_month_without_values_has_no_package(world: World) -> None:
    with pytest.raises(HubError, match="there are no values of 2025-12"):
        package(world.enterprise, "2025-12")
    assert [path.name for path in (world.enterprise.data / "packages").iterdir() if path.name.startswith(".")] == []


# ── few people ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_site_months_about_few_people_are_pooled(whole: Path) -> None:
    cells = rows(whole, "indicator/cell").filter(
        (pl.col("indicator_id") == "A.2.2") & (pl.col("policy") == "top_two_box")
    )
    told = cells.select("legal_entity_id", "site_id", "numerator", "denominator", "is_stub", "pool").rows()
    # SH-P01 has 4 answers; SH-W01 is hidden with it, else LE1 less SH-W01 would tell it
    assert sorted(told, key=str) == sorted([
        ("LE1", "SH-P01", None, None, True, "legal_entity"), ("LE1", "SH-W01", None, None, True, "legal_entity"),
        ("LE1", None, 18.0, 24.0, False, "legal_entity"), ("LE2", "SH-W02", 24.0, 30.0, False, None),
    ], key=str)  # fmt: skip


def test_no_figure_below_the_enterprise_is_about_few_people(whole: Path) -> None:
    people = {key: one for key, one in catalogue().items() if one.people}
    for indicator, one in people.items():
        side = one.counts_people
        for table in ("indicator/value", "indicator/cell")[side == "people" :]:
            counted = rows(whole, table).filter(pl.col("indicator_id") == indicator)
            counted = counted.filter(pl.col("org_kind") != "enterprise") if table.endswith("value") else counted
            assert counted.filter((pl.col(side) > 0) & (pl.col(side) < 10)).height == 0, (indicator, table)


def test_marts_about_people_are_left_out(whole: Path) -> None:
    assert {"site_month_survey", "site_month_workforce"} <= left_out().keys()
    assert [name for name in left_out() if (whole / f"mart/{name}.parquet").exists()] == []
    assert (whole / "mart/site_month_revenue.parquet").exists()


def _cells(*counts: tuple[str, str | None, float]) -> pl.DataFrame:
    """Site-months of A.2.2: legal entity, site, answers, of which all are satisfied."""
    given_ = [{"indicator_id": "A.2.2", "month": MONTH, "site_id": site, "legal_entity_id": entity, "policy": "p", "numerator": n,
               "denominator": n, "estimated_part": 0.0, "is_used_by_site": True, "is_used_above": True, "is_stub": False, "pool": None, "people": None}
              for entity, site, n in counts]  # fmt: skip
    return pl.DataFrame(given_, schema_overrides={"pool": pl.String, "site_id": pl.String, "people": pl.Float64})


HIDDEN = {
    "indicator_id": pl.String,
    "policy": pl.String,
    "period": pl.String,
    "org_kind": pl.String,
    "org_id": pl.String,
}


@pytest.mark.parametrize(("counts", "hidden", "expected"), [
    # two small ones make one of eleven
    ([("L", "A", 5.0), ("L", "B", 6.0), ("L", "C", 30.0)], [], {("L", None): 11.0, ("L", "C"): 30.0}),
    # seven are still too few: the smallest other one joins them
    ([("L", "A", 3.0), ("L", "B", 4.0), ("L", "C", 30.0), ("L", "D", 20.0)], [], {("L", None): 27.0, ("L", "C"): 30.0}),
    # the whole legal entity is too small: it stands in the enterprise's row, with the smallest site of another
    ([("L", "A", 3.0), ("M", "C", 30.0), ("M", "D", 20.0)], ["L"], {(None, None): 23.0, ("M", "C"): 30.0}),
    # nobody is too few
    ([("L", "A", 10.0), ("L", "B", 0.0)], [], {("L", "A"): 10.0, ("L", "B"): 0.0}),
])  # fmt: skip
def test_pools_are_about_enough_people(
    counts: list[Any], hidden: list[str], expected: dict[tuple[str | None, str | None], float]
) -> None:
    small = pl.DataFrame(
        [{"indicator_id": "A.2.2", "policy": "p", "period": MONTH, "org_kind": "legal_entity", "org_id": one} for one in hidden], schema=HIDDEN
    )  # fmt: skip
    made = pooled(_cells(*counts), catalogue()["A.2.2"], small, 10)
    shown = made.filter(~pl.col("is_stub"))
    assert {
        (entity, site): n for entity, site, n in shown.select("legal_entity_id", "site_id", "denominator").iter_rows()
    } == expected
    assert made.filter(pl.col("is_stub"))["denominator"].null_count() == made["is_stub"].sum()
    assert shown["denominator"].sum() == sum(n for *_, n in counts)


def test_a_pool_is_about_enough_of_the_people_it_counts() -> None:
    # A 3 of 4 is hidden, B's 8 are not counted (nobody said how many are satisfied), C is 20 of 30: 3 of 4 tells of four people
    cells = _cells(("L", "A", 4.0), ("L", "B", 8.0), ("L", "C", 30.0)).with_columns(
        pl.Series("numerator", [3.0, None, 20.0]), pl.Series("is_used_above", [True, False, True])
    )
    small = pl.DataFrame([("A.2.2", "p", MONTH, "site", "A")], schema=HIDDEN, orient="row")
    made = pooled(cells, catalogue()["A.2.2"], small, 10)
    told = made.filter(~pl.col("is_stub")).select("site_id", "numerator", "denominator").rows()
    assert told == [(None, 23.0, 34.0)]


def test_hours_are_pooled_by_the_people_who_worked_them() -> None:
    # A's 900 h are of six people, who stand with B's twelve; C's twenty stand alone
    cells = _cells(("L", "A", 900.0), ("L", "B", 1800.0), ("L", "C", 3000.0)).with_columns(
        pl.lit("M074").alias("indicator_id"), pl.Series("people", [6.0, 12.0, 20.0])
    )
    made = pooled(cells, catalogue()["M074"], pl.DataFrame(schema=HIDDEN), 10)
    told = made.filter(~pl.col("is_stub")).select("site_id", "denominator", "people").rows()
    assert told == [("C", 3000.0, 20.0), (None, 2700.0, 18.0)]
    assert made.filter("is_stub").select("denominator", "people").rows() == [(None, None)] * 2


def test_what_no_sum_counts_takes_no_other_site_along() -> None:
    cells = _cells(("L", "B", 8.0), ("L", "C", 30.0)).with_columns(pl.Series("is_used_above", [False, True]))
    made = pooled(cells, catalogue()["A.2.2"], pl.DataFrame(schema=HIDDEN), 10)
    assert made.filter(~pl.col("is_stub")).select("site_id", "denominator").rows() == [("C", 30.0)]


# ── whatever is changed is named ─────────────────────────────────────────────────────────────────────────────────────


@given(where=st.floats(0, 1, exclude_max=True), place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@settings(parent=FEW, max_examples=60)
def test_one_bit_changed_in_any_file_is_named(whole: Path, where: float, place: float, bit: int) -> None:
    names = sorted(path.relative_to(whole).as_posix() for path in whole.rglob("*") if path.is_file())
    name = names[int(where * len(names))]
    before = (whole / name).read_bytes()
    at = int(place * len(before))
    with TemporaryDirectory() as scratch:
        copy = Path(shutil.copytree(whole, Path(scratch) / "copy", copy_function=_link))
        (copy / name).unlink()
        (copy / name).write_bytes(before[:at] + bytes([before[at] ^ 1 << bit]) + before[at + 1 :])
        checked = verify.Package(copy)
        checked.sums()
        assert [line for line in checked.found if name in line]


def _link(source: str, target: str) -> None:
    Path(target).hardlink_to(source)


@pytest.mark.parametrize(
    "name", ["mart/site_month_energy.parquet", "indicator/value.csv", "manifest.json", "verify.py", "SHA256SUMS"]
)
def test_the_verifier_fails_with_the_name_of_a_changed_file(name: str, folder: Path) -> None:
    data = (folder / name).read_bytes()
    changed = (
        data.replace(b"verify a", b"verifi a", 1)
        if name == "verify.py"
        else data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]
    )
    (folder / name).write_bytes(changed if changed != data else data + b"#")
    said = alone(folder)
    assert said.returncode == 1
    assert [line for line in said.stdout.splitlines() if line.startswith("DIFFERS / 不一致: ") and name in line]


@pytest.mark.parametrize(
    "name", ["indicator/value.parquet", "mart/meter_event.csv", "README.md", "SHA256SUMS", "manifest.json"]
)
def test_a_missing_file_is_named(name: str, folder: Path) -> None:
    (folder / name).unlink()
    assert [line for line in found(folder) if line.startswith(f"{name}: ")]


def test_a_file_too_many_is_named(folder: Path) -> None:
    (folder / "mart" / "extra.parquet").write_bytes(b"x")
    assert found(folder) == ["mart/extra.parquet: SHA256SUMS does not know it"]


def test_a_manifest_that_says_something_else_is_named_even_with_its_digest(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    entry = next(one for one in manifest["files"] if one["name"] == "indicator/value.parquet")
    entry["rows"] += 1
    entry["columns"][5]["type"] = "VARCHAR"
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    resum(folder)
    lines = found(folder)
    assert any("indicator/value.parquet: has" in line and "rows" in line for line in lines)
    assert any(line.startswith("indicator/value.parquet: column numerator") for line in lines)


@given(data=st.data())
@FEW
def test_a_number_changed_together_with_its_digests_is_named_by_row_and_column(
    whole: Path, data: st.DataObject
) -> None:
    table, column, key = data.draw(st.sampled_from([
        ("indicator/value", "value", ("indicator_id", "period", "org_id", "policy")),
        ("indicator/value", "numerator", ("indicator_id", "period", "org_id", "policy")),
        ("indicator/value", "denominator", ("indicator_id", "period", "org_id", "policy")),
        ("indicator/cell", "numerator", ("indicator_id", "month", "site_id", "policy")),
        ("indicator/cell", "denominator", ("indicator_id", "month", "site_id", "policy")),
    ]))  # fmt: skip
    frame = (
        rows(whole, table)
        .with_row_index("nth")
        .filter(pl.col("indicator_id").is_in(list(verify.SIX)) & pl.col(column).is_not_null())
    )
    row = frame.row(data.draw(st.integers(0, frame.height - 1)), named=True)
    by = data.draw(st.sampled_from([1.000001, 0.5, -1.0, 3.0]))
    new = row[column] * by if row[column] else 1.0
    with TemporaryDirectory() as scratch:
        copy = Path(shutil.copytree(whole, Path(scratch) / "copy"))
        at = pl.int_range(pl.len()) == row["nth"]
        forge(copy, table, lambda one: one.with_columns(pl.when(at).then(new).otherwise(pl.col(column)).alias(column)))
        lines = found(copy)
    assert [line for line in lines if all(str(row[one]) in line for one in key[:1]) and column in line], lines
    assert all(line.startswith("indicator/") for line in lines)


@pytest.mark.parametrize(("table", "column", "indicator"), [
    ("mart/site_month_footprint", "emission_tco2e", "A.1.6"), ("mart/site_month_comprehensive_energy", "energy_tce", "A.1.10"),
    ("mart/site_month_revenue", "revenue_cny", "A.1.10"), ("mart/site_month_complaint", "complaint_cases", "A.2.6"),
    ("mart/site_month_order", "accepted_orders", "A.2.6"), ("mart/site_month_delivery", "due_orders", "A.2.7"),
    ("mart/site_month_goods", "intact", "A.2.8"),
])  # fmt: skip
@pytest.mark.parametrize("how", ["number", "dropped", "twice"])
def test_a_mart_changed_together_with_its_digests_is_named(
    table: str, column: str, indicator: str, how: str, folder: Path
) -> None:
    frame = rows(folder, table)
    nth = frame.select(pl.arg_where((pl.col(column) > 0) & pl.col("site_id").is_not_null())).to_series()[0]
    index = pl.int_range(pl.len()) == nth
    changes: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
        "number": lambda one: one.with_columns(
            pl.when(index).then(pl.col(column) + 1).otherwise(pl.col(column)).alias(column)
        ),
        "dropped": lambda one: one.filter(~index),
        "twice": lambda one: pl.concat([one, one[nth : nth + 1]]),
    }
    forge(folder, table, changes[how])
    lines = found(folder)
    assert [line for line in lines if f"{table}.parquet column {column}" in line and indicator in line], lines


@pytest.mark.parametrize("table", ["indicator/value", "indicator/cell"])
@pytest.mark.parametrize("how", ["dropped", "twice"])
def test_a_row_dropped_or_doubled_together_with_its_digests_is_named(table: str, how: str, folder: Path) -> None:
    frame = rows(folder, table)
    nth = frame.select(
        pl.arg_where((pl.col("indicator_id") == "A.2.7") & (pl.col("policy") == "first_promise") & (pl.col("numerator") == 9))
    ).to_series()[0]  # fmt: skip
    index = pl.int_range(pl.len()) == nth
    forge(folder, table, lambda one: one.filter(~index) if how == "dropped" else pl.concat([one, one[nth : nth + 1]]))
    lines = found(folder)
    assert lines
    assert all("A.2.7" in line and "first_promise" in line for line in lines), lines


def lowered(indicator: str, side: str, by: float) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """The values of an indicator, in every unit, as they were if one side were less."""

    def change(frame: pl.DataFrame) -> pl.DataFrame:
        mine = (pl.col("indicator_id") == indicator) & pl.col(side).is_not_null() & (pl.col("org_id") != "SH-P01")
        frame = frame.with_columns(pl.when(mine).then(pl.col(side) - by).otherwise(pl.col(side)).alias(side))
        value = pl.col("numerator") / pl.col("denominator") * verify.SIX[indicator]
        return frame.with_columns(pl.when(mine).then(value).otherwise("value").alias("value"))

    return change


def without(indicator: str, mine: pl.Expr) -> Callable[[pl.DataFrame], pl.DataFrame]:
    return lambda frame: frame.filter(~((pl.col("indicator_id") == indicator) & mine))


@pytest.mark.parametrize("how", ["rows", "number"])
def test_a_site_month_taken_out_of_values_and_site_months_alike_is_named(how: str, folder: Path) -> None:
    site = pl.col("site_id") == "SH-W01"
    cells = rows(folder, "indicator/cell").filter((pl.col("indicator_id") == "A.1.10") & site)
    one = cells.filter(pl.col("policy") == "equal_calorific").row(0, named=True)
    if how == "rows":
        forge(folder, "indicator/cell", without("A.1.10", site))
        forge(folder, "indicator/value", without("A.1.10", pl.col("org_id") == "SH-W01"))
    else:
        mine = (pl.col("indicator_id") == "A.1.10") & site
        sides = ("numerator", "denominator")
        forge(
            folder, "indicator/cell", lambda it: it.with_columns(pl.when(~mine).then(pl.col(s)).alias(s) for s in sides)
        )
        unknown = (pl.col("indicator_id") == "A.1.10") & (pl.col("org_id") == "SH-W01")
        forge(folder, "indicator/value", lambda it: it.with_columns(
            pl.when(~unknown).then(pl.col(s)).alias(s) for s in (*sides, "value")
        ))  # fmt: skip
    for side in ("numerator", "denominator"):
        forge(folder, "indicator/value", lowered("A.1.10", side, one[side]))
    lines = found(folder)
    for mart in (
        "site_month_comprehensive_energy.parquet column energy_tce",
        "site_month_revenue.parquet column revenue_cny",
    ):
        assert [line for line in lines if "A.1.10 month 2026-01, site SH-W01" in line and mart in line], lines


def test_what_the_mart_does_not_know_is_not_none_at_all(folder: Path) -> None:
    site, mine = pl.col("site_id") == "SH-W01", pl.col("indicator_id") == "A.1.10"
    unknown = pl.when(~site).then(pl.col("revenue_cny")).alias("revenue_cny")
    forge(folder, "mart/site_month_revenue", lambda one: one.with_columns(unknown))
    zero = pl.when(mine & site).then(0.0).otherwise("denominator").alias("denominator")
    forge(folder, "indicator/cell", lambda one: one.with_columns(zero))
    lines = found(folder)
    assert [
        line
        for line in lines
        if "A.1.10 month 2026-01, site SH-W01" in line and "0.0, but mart/site_month_revenue" in line
    ], lines


def test_a_month_said_not_to_be_delivered_excuses_only_months_nothing_counts(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["not_delivered"] == {}
    manifest["not_delivered"] = {"site_month_revenue": [MONTH]}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    forge(folder, "indicator/cell", without("A.1.6", pl.col("site_id") == "SH-P01"))
    assert [line for line in found(folder) if "A.1.6 month 2026-01, site SH-P01" in line and "revenue_cny" in line]
    forge(folder, "indicator/cell", without("A.1.6", pl.lit(value=True)))
    checked = verify.Package(folder)
    checked.check()
    assert [note for note in checked.notes if note.startswith("A.1.6 denominator") and MONTH in note]


@pytest.mark.parametrize("indicator", ["A.1.10", "A.2.2"])
def test_a_figure_that_is_shown_is_not_excused_as_small(indicator: str, folder: Path) -> None:
    mine = (pl.col("indicator_id") == indicator) & (pl.col("org_kind") == "enterprise")
    forge(folder, "indicator/value", lambda one: one.with_columns(
        pl.when(mine).then(pl.col("value") / 2).otherwise("value").alias("value"),
        pl.when(mine).then(pl.lit("small_cell")).otherwise("reason").alias("reason"),
    ))  # fmt: skip
    assert [line for line in found(folder) if f"{indicator} {MONTH} group" in line and "column value" in line]


def test_a_value_that_is_not_about_people_cannot_be_hidden_as_small(folder: Path) -> None:
    mine = (pl.col("indicator_id") == "A.1.10") & (pl.col("org_id") == "SH-W01")
    forge(folder, "indicator/value", lambda one: one.with_columns(
        *(pl.when(~mine).then(pl.col(name)).alias(name) for name in ("numerator", "denominator", "value")),
        pl.when(mine).then(pl.lit("small_cell")).otherwise("reason").alias("reason"),
    ))  # fmt: skip
    assert [line for line in found(folder) if f"A.1.10 {MONTH} SH-W01" in line and "column value" in line]


def test_only_site_months_about_people_are_pooled(folder: Path) -> None:
    mine = (pl.col("indicator_id") == "A.1.10") & (pl.col("site_id") == "SH-W01")
    forge(folder, "indicator/cell", lambda one: one.with_columns(
        (pl.col("is_stub") | mine).alias("is_stub"), pl.when(mine).then(pl.lit("enterprise")).otherwise("pool").alias("pool")
    ))  # fmt: skip
    forge(folder, "indicator/value", without("A.1.10", pl.col("org_id") == "SH-W01"))
    lines = found(folder)
    assert [line for line in lines if "A.1.10 month 2026-01, site SH-W01" in line and "is_stub" in line], lines


def test_a_mart_said_to_be_about_people_is_asked_for_all_the_same(folder: Path) -> None:
    for suffix in ("parquet", "csv"):
        (folder / f"mart/site_month_revenue.{suffix}").unlink()
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"] = [one for one in manifest["files"] if "site_month_revenue" not in one["name"]]
    manifest["left_out"]["site_month_revenue"] = "few people"
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    resum(folder)
    assert [
        line for line in found(folder) if line.startswith("mart/site_month_revenue.parquet: the denominator of A.1.6")
    ]


@pytest.mark.parametrize(("column", "change"), [
    ("factor_to_unit", pl.lit(0.0002)), ("column_name", pl.lit("revenue_usd")), ("mart", pl.lit("site_month_order")),
])  # fmt: skip
def test_a_term_that_is_not_the_formulas_is_named(column: str, change: pl.Expr, folder: Path) -> None:
    mine = (pl.col("indicator_id") == "A.1.10") & (pl.col("side") == "denominator")
    forge(
        folder,
        "indicator/term",
        lambda one: one.with_columns(pl.when(mine).then(change).otherwise(column).alias(column)),
    )
    [line] = found(folder)
    assert line.startswith("indicator/term.parquet: A.1.10 denominator")


@given(data=st.data())
@FEW
def test_rows_that_are_not_as_many_as_said_are_named(whole: Path, data: st.DataObject) -> None:
    tables = sorted(
        path.relative_to(whole).as_posix().removesuffix(".parquet")
        for path in whole.rglob("*.parquet")
        if pl.read_parquet(path).height
    )
    table, doubled = data.draw(st.sampled_from(tables)), data.draw(st.booleans())
    frame = rows(whole, table)
    nth = data.draw(st.integers(0, frame.height - 1))
    with TemporaryDirectory() as scratch:
        copy = Path(shutil.copytree(whole, Path(scratch) / "copy"))
        kept = json.loads((copy / "manifest.json").read_text(encoding="utf-8"))
        height = next(one["rows"] for one in kept["files"] if one["name"] == f"{table}.parquet")
        forge(copy, table, lambda one: pl.concat([one[: nth + doubled], one[nth + 1 - doubled :]]))
        seal(copy, {f"{table}.parquet": height, f"{table}.csv": height})
        assert [line for line in found(copy) if line.startswith(f"{table}.parquet: has")]


def test_a_csv_that_says_another_number_is_named_by_row_and_column(folder: Path) -> None:
    path = folder / "indicator/value.csv"
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    at, *_ = (number for number, line in enumerate(lines) if line.startswith("A.2.7,2026-01,SH-W01"))
    lines[at] = lines[at].replace(",9.0,", ",8.0,", 1)
    path.write_text("﻿" + "\n".join(lines) + "\n", encoding="utf-8")
    seal(folder)
    assert found(folder) == [f"indicator/value.csv row {at}: column numerator (compared with indicator/value.parquet)"]


def test_texts_that_look_like_formulas_are_inert_in_csv(world: World, tmp_path: Path, capsys: Any) -> None:
    one = copied(world, tmp_path / "formula")
    assert esg(one, "close", MONTH, "--by", "=HYPERLINK(1)", "--reason", 'a, "b"\n+c', capture=capsys).code == 0
    package(one.enterprise, MONTH)
    folder = one.enterprise.data / "packages" / MONTH
    assert rows(folder, "meta/closing")["by"].to_list() == ["=HYPERLINK(1)"]
    assert "'=HYPERLINK(1)" in (folder / "meta/closing.csv").read_text(encoding="utf-8-sig")
    assert found(folder) == []


def test_the_command_line(world: World, whole: Path, capsys: Any) -> None:
    said = esg(world, "package", MONTH, capture=capsys)
    assert (said.code, said.err) == (0, "")
    assert verify.digest(whole / "manifest.json") in said.out
    assert verify.digest(whole.with_suffix(".zip")) in said.out
    assert alone(whole, "a", "b").returncode == 2
    assert verify.main([str(whole)]) == 0
