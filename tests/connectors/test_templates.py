"""Templates and the starter folder: what people fill in must be what the hub reads."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import polars as pl
import pytest

from connectors import quarantine
from connectors.ingest import ingest
from connectors.source import sources
from connectors.templates import GUIDE, init, write_template
from schemas.contract import Table, contract, contracts
from schemas.enterprise import Enterprise
from schemas.errors import HubError

# what the examples leave open: a staff number, one of several quantities, one of several places
OPEN = {"employee_key": "E0001", "volume_l": "120.5", "site_id": "SH-W01", "tenant": "T-1"}


def fill(table: Table, path: Path, **cells: str) -> None:
    """A template with one row: the examples of its own guide."""
    write_template(table, path)
    book = openpyxl.load_workbook(path)
    head, *lines = book[GUIDE].iter_rows(values_only=True)
    examples = {line[0]: line[head.index("示例 Example")] for line in lines}
    row = {name: cells.get(name) or example or OPEN.get(name) for name, example in examples.items()}
    for place, header in enumerate([cell.value for cell in book[table.name][1]], start=1):
        book[table.name].cell(2, place).value = row[header.split()[0]]
    book.save(path)


def starter(folder: Path) -> Enterprise:
    init(folder)
    for table in contracts():
        if table.rows == "reference":
            fill(table, folder / f"extracts/templates/{table.name}.xlsx")
    plant = folder / "extracts/templates/site_plant.xlsx"
    fill(contract("site"), plant, site_id="SH-P01")
    return Enterprise(folder)


# ---- what must not happen


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(HubError, match="not empty"):
        init(tmp_path)
    with pytest.raises(HubError, match="not empty"):
        init(tmp_path / "mine.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_folder_that_cannot_be_made_is_an_error_of_the_hub(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HubError, match="cannot write"):
        init(tmp_path / "file" / "new")


def test_a_word_that_is_not_allowed_is_refused_from_a_template_as_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ESG_PSEUDONYM_KEY", "k")
    enterprise = starter(tmp_path)
    fill(contract("fuel_purchase"), tmp_path / "extracts/templates/fuel_purchase.xlsx", fuel="木柴")
    ingest(enterprise, ["2026-01"])
    [row] = quarantine.refused(enterprise).iter_rows(named=True)
    assert (row["reasons"], row["values"]) == (["fuel: unknown_word"], ["木柴"])


def test_a_blank_template_handed_in_is_named_and_leaves_the_others_alone(tmp_path: Path) -> None:
    init(tmp_path)
    write_template(contract("site"), tmp_path / "extracts/templates/site.xlsx")
    outcomes = {outcome.source: outcome for outcome in ingest(Enterprise(tmp_path), ["2026-01"])}
    assert [name for name, outcome in outcomes.items() if outcome.error] == ["template_site"]
    assert "no rows below the header" in str(outcomes["template_site"].error)


# ---- templates


@pytest.mark.parametrize("table", contracts(), ids=lambda table: table.name)
def test_a_template_filled_with_its_examples_is_accepted(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ESG_PSEUDONYM_KEY", "k")
    enterprise = starter(tmp_path)
    fill(table, tmp_path / f"extracts/templates/{table.name}.xlsx")
    outcomes = {outcome.source: outcome for outcome in ingest(enterprise, ["2026-01"])}
    assert {name: str(outcome.error) for name, outcome in outcomes.items() if outcome.error} == {}
    assert quarantine.refused(enterprise).height == 0
    assert outcomes[f"template_{table.name}"].total("accepted") == (2 if table.name == "site" else 1)


def test_a_chinese_word_of_the_list_counts_as_the_contracts_own(tmp_path: Path) -> None:
    enterprise = starter(tmp_path)
    chinese = {"ownership": "租赁", "energy_type": "纯电动", "vehicle_id": "007"}
    fill(contract("vehicle"), tmp_path / "extracts/templates/vehicle.xlsx", **chinese)
    ingest(enterprise, ["2026-01"])
    [path] = enterprise.lake.files("clean", "vehicle")
    row = pl.read_parquet(path, hive_partitioning=False).row(0, named=True)
    assert (row["ownership"], row["energy_type"], row["vehicle_id"]) == ("leased", "electric", "007")


@pytest.mark.parametrize("table", contracts(), ids=lambda table: table.name)
def test_a_template_says_everything_its_contract_says(table: Table, tmp_path: Path) -> None:
    write_template(table, tmp_path / "t.xlsx")
    book = openpyxl.load_workbook(tmp_path / "t.xlsx")
    assert [name for name in book.sheetnames if book[name].sheet_state == "visible"] == [table.name, GUIDE]
    sheet, guide, *lists = book.worksheets
    words = {f"='{one.title}'!$A$1:$A${one.max_row}": ",".join(str(row[0].value) for row in one) for one in lists}
    assert (sheet.max_row, sheet.freeze_panes) == (1, "A2")
    assert [cell.value for cell in sheet[1]] == [f"{column.name} {column.zh}" for column in table.declared]
    said = [line[:5] for line in guide.iter_rows(min_row=2, values_only=True)]
    assert said == [
        (column.name, column.zh, column.en, column.unit or "", "否" if column.nullable else "是")
        for column in table.declared
    ]
    listed = {
        str(rule.sqref).split(":")[0]: words.get(f"={rule.formula1.removeprefix('=')}", rule.formula1)
        for rule in sheet.data_validations.dataValidation
    }
    spans = list(sheet.column_dimensions.values())
    for cell, column in zip(sheet[1], table.declared, strict=True):
        assert [span.number_format for span in spans if span.min <= cell.column <= span.max] == ["@"]
        assert column.zh in cell.comment.text
        assert (f"{cell.column_letter}2" in listed) == (column.kind in ("choice", "flag"))
        for word in (*column.words, *column.words.values()):
            assert word in listed[f"{cell.column_letter}2"].strip('"').split(",")


def test_the_same_contract_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.xlsx", "two.xlsx"):
        write_template(contract("customer_order"), tmp_path / name)
    assert (tmp_path / "one.xlsx").read_bytes() == (tmp_path / "two.xlsx").read_bytes()


# ---- the starter folder


def test_a_starter_folder_is_sound_as_it_is(tmp_path: Path) -> None:
    written = init(tmp_path / "new" / "company")
    enterprise = Enterprise(tmp_path / "new" / "company")
    assert enterprise.id == "my-group"
    assert sorted(path for path in enterprise.folder.rglob("*") if path.is_file()) == sorted(written)
    assert {source.system for source in sources(enterprise)} == {"reference"}
    outcomes = ingest(enterprise, ["2026-01"])
    assert [(outcome.error, outcome.total("rows")) for outcome in outcomes] == [(None, 0)] * len(outcomes)


def test_every_example_is_a_valid_source_once_renamed(tmp_path: Path) -> None:
    init(tmp_path)
    examples = sorted((tmp_path / "sources").glob("*.yaml.example"))
    for path in examples:
        path.rename(path.with_suffix(""))
    declared = [source for source in sources(Enterprise(tmp_path)) if not source.by_header]
    assert {source.read.kind for source in declared} == {"csv", "excel", "jsonl", "parquet", "sql"}
    assert len(declared) == len(examples)


def test_what_the_hub_writes_is_not_put_under_version_control(tmp_path: Path) -> None:
    init(tmp_path)
    assert "data/" in (tmp_path / ".gitignore").read_text(encoding="utf-8").splitlines()
