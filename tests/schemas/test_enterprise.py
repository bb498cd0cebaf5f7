"""The enterprise folder: what its declaration may say, and files that are there whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.enterprise import Enterprise
from schemas.errors import CatalogueError
from schemas.lake import Lake, digest, meet, replaced, write_text

PLAIN = "id: group\nname: {zh: 集团, en: Group}\nlegal_entities:\n  - {id: LE1, name: {zh: 甲公司}}\n  - LE2\n"


def _enterprise(folder: Path, text: str) -> Enterprise:
    (folder / "enterprise.yaml").write_text(text, encoding="utf-8")
    return Enterprise(folder)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id: [", "not readable as YAML"),
        ("- a\n- b\n", "a mapping of keys is expected"),
        ("", "a mapping of keys is expected"),
        ("name: x\n", "id: Field required"),
        ("id: group\n", "name: Field required"),
        ("id: ''\nname: x\n", "id: String should have at least 1 character"),
        ("id: group\nname: x\nnmae: y\n", "nmae: Extra inputs are not permitted"),
        ("id: group\nname: x\ntimezone: Mars/Olympus\n", "unknown time zone"),
        ("id: group\nname: x\nenterprise_type: bakery\n", "enterprise_type"),
        ("id: group\nname: x\nlegal_entities: LE1\n", "legal_entities: Input should be a valid list"),
        ("id: group\nname: x\nlegal_entities: [LE1, LE1]\n", "a legal entity stands twice"),
        ("id: LE1\nname: x\nlegal_entities: [LE1]\n", "is also a legal entity"),
        ("id: group\nname: x\nprivacy: {min_cell: 0}\n", "privacy.min_cell"),
    ],
)
def test_a_declaration_that_does_not_fit_is_refused_with_its_file(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(CatalogueError) as failure:
        _ = _enterprise(tmp_path, text).id
    assert said in failure.value.what
    assert failure.value.where == str(tmp_path / "enterprise.yaml")
    assert failure.value.todo


def test_a_file_of_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "enterprise.yaml").write_bytes("id: 集团\n".encode("gb18030"))
    with pytest.raises(CatalogueError, match="not readable as YAML"):
        _ = Enterprise(tmp_path).id


def test_a_folder_without_a_declaration_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError) as failure:
        _ = Enterprise(tmp_path).id
    assert "esg init" in failure.value.todo


def test_a_declaration_has_defaults_a_reader_can_rely_on(tmp_path: Path) -> None:
    enterprise = _enterprise(tmp_path, PLAIN)
    assert (enterprise.id, enterprise.timezone, enterprise.declaration.privacy.min_cell) == (
        "group",
        "Asia/Shanghai",
        10,
    )
    assert enterprise.legal_entities() == [
        {"legal_entity_id": "LE1", "name_zh": "甲公司", "name_en": "甲公司"},
        {"legal_entity_id": "LE2", "name_zh": "", "name_en": ""},
    ]


def test_a_block_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "figures.txt"
    write_text(path, "old")
    with pytest.raises(RuntimeError), replaced(path) as temporary:
        temporary.write_text("new and incompl", encoding="utf-8")
        raise RuntimeError
    assert path.read_text(encoding="utf-8") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["figures.txt"]


def test_a_block_that_is_interrupted_leaves_nothing_either(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), replaced(tmp_path / "figures.txt") as temporary:
        temporary.write_text("new", encoding="utf-8")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_block_that_writes_nothing_is_an_error_and_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "figures.txt"
    write_text(path, "old")
    with pytest.raises(FileNotFoundError), replaced(path):
        pass
    assert path.read_text(encoding="utf-8") == "old"


def test_until_the_block_ends_readers_see_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "figures.txt"
    write_text(path, "old")
    with replaced(path) as temporary:
        temporary.write_text("new", encoding="utf-8")
        assert path.read_text(encoding="utf-8") == "old"
    assert path.read_text(encoding="utf-8") == "new"


def test_a_sweep_deletes_what_no_state_names_and_keeps_the_rest(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    named = "clean/trip/tms/2026-01/aa.parquet"
    left = [
        "clean/trip/tms/2026-01/bb.parquet",
        "clean/trip/tms/2026-01/.cc.parquet.7.part",
        "quarantine/trip/tms/2026-01/dd.parquet",
    ]
    kept = [named, "landing/ee", "mart/trip/2026-01.parquet"]
    for name in [*left, *kept]:
        write_text(tmp_path / name, "x")
    entry = {"contract": "trip", "source": "tms", "order": 1, "clean": {"2026-01": named}, "quarantine": {}}
    lake.state["extracts"]["tms/ee"] = entry
    lake.sweep()
    assert [name for name in left if (tmp_path / name).exists()] == []
    assert [name for name in kept if not (tmp_path / name).exists()] == []


def test_a_sweep_leaves_no_half_made_file_in_the_archive(tmp_path: Path) -> None:
    # a run that is killed while it pulls rows of a database has not taken names out of them yet
    for name in ("landing/.hr.pull", "landing/.hr.pull.part", "landing/.ab.7.part", "landing/ab"):
        write_text(tmp_path / name, "x")
    Lake(tmp_path).sweep()
    assert [path.name for path in (tmp_path / "landing").iterdir()] == ["ab"]


def test_a_sweep_deletes_half_made_closings_and_nothing_that_is_not_the_hubs_own(tmp_path: Path) -> None:
    left = ["closed/2026-01/.7.part/indicator.value.parquet", ".restate.x1/state.json"]
    kept = ["closed/.DS_Store", "closed/2026-01/.DS_Store", "closed/2026-01/.git/config", ".restate.txt"]
    for name in [*left, *kept]:
        write_text(tmp_path / name, "x")
    Lake(tmp_path).sweep()
    assert [name for name in left if (tmp_path / name).parent.exists()] == []
    assert [name for name in kept if not (tmp_path / name).exists()] == []


def test_a_state_counts_once_it_is_committed(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.state["extracts"]["a"] = {"contract": "trip", "source": "tms", "order": 1, "clean": {}, "quarantine": {}}
    assert Lake(tmp_path).extracts() == []
    lake.commit()
    assert [entry["source"] for entry in Lake(tmp_path).extracts("trip")] == ["tms"]
    assert Lake(tmp_path).extracts("site") == []


def test_a_fingerprint_depends_on_content_and_not_on_order_of_keys() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest("a", "b") != digest("ab")
    assert digest(["a"], "b") != digest(["a", "b"])


def _between(low: str, high: str, *among: str) -> dict[str, list[str]]:
    return {"between": [low, high], **({"among": list(among)} if among else {})}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (None, {"k": _between("a", "b")}, False),
        ({"k": _between("a", "b")}, {"k": _between("c", "d")}, False),
        ({"k": _between("a", "b")}, {"k": _between("b", "d")}, True),
        ({"k": _between("a", "b"), "m": _between("1", "2")}, {"k": _between("a", "b"), "m": _between("3", "4")}, False),
        ({"k": _between("a", "b")}, {"k": _between("a", "b"), "m": _between("3", "4")}, True),
        ({}, {"k": _between("a", "b")}, True),
        ({"k": _between("a", "c", "a", "c")}, {"k": _between("b", "d", "b", "d")}, False),
        ({"k": _between("a", "c", "a", "c")}, {"k": _between("c", "d", "c", "d")}, True),
        ({"k": _between("a", "c", "a", "c")}, {"k": _between("b", "d")}, True),
    ],
)
def test_spans_meet_unless_one_key_column_keeps_them_apart(
    one: dict | None, other: dict | None, expected: bool
) -> None:
    assert meet(one, other, ("k", "m")) is expected
    assert meet(other, one, ("k", "m")) is expected


@pytest.mark.parametrize("name", ["group [1]", "group*", "group?"])
def test_a_folder_that_reads_as_a_pattern_of_files_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(CatalogueError, match="pattern of files"):
        _ = _enterprise(tmp_path / name, PLAIN).declaration
