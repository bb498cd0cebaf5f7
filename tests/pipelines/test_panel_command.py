"""Running a panel from the command line: workbooks go out, come back, are taken in, refused, scored again and judged."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from openpyxl.workbook import Workbook

from indicators.panel_workbook import DECLARATION, SCORES
from pipelines.cli import main
from pipelines.panel import held, take_in
from pipelines.run import Run
from schemas.lake import Lake
from tests.pipelines.town import copied
from tests.world import World

Capture = pytest.CaptureFixture[str]
EXPERTS = ("E1", "E2", "E3")
TODAY = date(2027, 1, 20)


@pytest.fixture(scope="module")
def sent(january: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A folder with two pieces of evidence, and the first round sent out to three experts. Not to be changed."""
    world = copied(january, tmp_path_factory.mktemp("panel") / "group")
    world.write("panel/evidence/policy.txt", "方针")
    world.write(
        "reference/evidence.csv",
        "evidence_id,sha256,file,period,custodian,indicator_ids\n"
        f"EV001,{'0' * 64},policy.txt,2026,安环部,A.1.1\n"
        "EV002,,policy.txt,2026,安环部,A.1.1\n",
    )
    world.ingest(only={"reference_evidence"})
    assert esg(world, "export", "2026", "--experts", "E1,E2,E3", "--until", "2027-02-15") == 0
    return world


@pytest.fixture
def panel(sent: World, tmp_path: Path) -> World:
    """A copy of it."""
    return copied(sent, tmp_path / "group")


def esg(world: World, *arguments: str) -> int:
    try:
        return main(["panel", *arguments, "--enterprise", str(world.folder)])
    except SystemExit as stopped:
        return int(stopped.code or 0)


def returned(
    world: World, expert: str, level: int = 3, number: int = 1, change: Callable[[Workbook], object] = lambda _: None
) -> Path:
    """A workbook as its expert sends it back: the same level for everything, with evidence and a reason."""
    book = openpyxl.load_workbook(world.folder / f"panel/2026/forms/round{number}_{expert}.xlsx")
    for row in range(2, 7):
        book[DECLARATION][f"B{row}"] = "否"
    book[DECLARATION]["B7"], book[DECLARATION]["B8"] = date(2027, 1, 15), "是"
    for row in range(2, book[SCORES].max_row + 1):
        for column, value in zip("IJKLN", (level, "EV002", "高", "见现场记录", "已核对原件"), strict=True):
            book[SCORES][f"{column}{row}"] = value
    change(book)
    path = world.folder.parent / f"{expert}_{number}.xlsx"
    book.save(path)
    return path


def refused(world: World, path: Path, today: date = TODAY, *, replace: bool = False) -> list[str]:
    """What a workbook is refused for, in Chinese."""
    receipts, _ = take_in(world.enterprise, [path], today, replace=replace)
    return [one.zh for one in receipts[0].faults]


def hand_in(world: World, *levels: int, number: int = 1) -> None:
    files = [returned(world, expert, level, number) for expert, level in zip(EXPERTS, levels, strict=True)]
    receipts, outcome = take_in(world.enterprise, files, TODAY)
    assert [str(fault) for one in receipts for fault in one.faults] == []
    assert outcome is not None
    assert outcome.total("refused") == 0


# ── the way through ──────────────────────────────────────────────────────────────────────────────────────────────


def test_accepted_workbooks_are_archived_and_become_rows_of_the_contract(panel: World) -> None:
    path = returned(panel, "E1", 4, change=lambda book: [
        book[SCORES].__setitem__("I2", "弃权"), book[DECLARATION].__setitem__("B6", "是"),
        book[DECLARATION].__setitem__("C6", "A.1.2"), book[SCORES].__setitem__("I3", None),
        book[SCORES].__setitem__("M3", "供应商或客户"),
    ])  # fmt: skip
    received = path.read_bytes()
    assert esg(panel, "import", str(path)) == 0
    assert (panel.folder / "panel/2026/round1/E1.xlsx").read_bytes() == received
    rows = panel.clean("expert_score").filter(pl.col("source") == "panel_form")
    assert rows.height == 44
    (extract,) = set(rows["extract_id"])
    assert (panel.folder / "data/landing" / extract).read_bytes() == received
    assert set(rows["sheet"]) == {SCORES}
    by_row = {row["row_number"]: row for row in rows.rows(named=True)}
    names = ("indicator_id", "level", "is_absent", "is_conflicted", "conflict", "round", "period", "expert_id")
    assert [by_row[2][name] for name in names] == ["A.1.1", None, True, None, None, 1, "2026", "E1"]
    assert [by_row[3][name] for name in names] == ["A.1.2", None, None, True, "trade", 1, "2026", "E1"]
    assert [by_row[4][name] for name in names] == ["A.1.3", 4, False, None, None, 1, "2026", "E1"]
    assert (by_row[4]["evidence_ids"], by_row[4]["confidence"], by_row[4]["comment"]) == ("EV002", "high", "见现场记录")
    assert by_row[4]["over_cap_reason"] == "已核对原件"


def test_two_rounds_are_held_and_both_are_kept(panel: World, capsys: Capture) -> None:
    # all levels of X1 to X3 are 2, 3 and 4: every indicator is flagged, and alpha is below 0
    hand_in(panel, 2, 3, 4)
    found = held(panel.enterprise, "2026")
    gate = found.panel.agreement.filter(pl.col("statistic") == "gate")
    assert gate["verdict"].to_list() == ["second_round"]
    assert found.returned == {1: (["E1", "E2", "E3"], [])}
    assert esg(panel, "export", "2026", "--round", "2") == 0
    sheet = openpyxl.load_workbook(panel.folder / "panel/2026/forms/round2_E1.xlsx")[SCORES]
    assert sheet.max_row == 45
    assert sheet["H2"].value == "您 you: 2\n全组 panel: 2–4\n中位 median 3，n = 3"
    hand_in(panel, 3, 3, 4, number=2)
    found = held(panel.enterprise, "2026")
    assert found.panel.items.group_by("round").len().sort("round").rows() == [(1, 44), (2, 44)]
    assert not found.panel.items["is_contested"].any()
    capsys.readouterr()
    assert esg(panel, "status", "2026") == 0
    said = capsys.readouterr().out
    assert "passed 通过" in said
    assert "3 of / 共 3" in said


def test_the_evaluation_counts_the_levels_the_panel_counts(panel: World) -> None:
    hand_in(panel, 2, 3, 4)
    run = Run(panel.enterprise)
    evaluated = run.evaluation("2026").panel_tables()["panel_item"]
    run.close()
    assert evaluated.height == 44
    assert evaluated.equals(held(panel.enterprise, "2026").panel.items)


def test_a_second_round_asks_only_for_what_lies_apart_where_alpha_is_high(panel: World) -> None:
    # alike within each indicator, far apart between them, but for A.1.4, where E3 says 5 and the others 3
    def spread(expert: str) -> Callable[[Workbook], None]:
        def change(book: Workbook) -> None:
            for row in range(2, 46):
                book[SCORES][f"I{row}"] = row % 5
            book[SCORES]["I5"] = 5 if expert == "E3" else 3

        return change

    take_in(panel.enterprise, [returned(panel, one, change=spread(one)) for one in EXPERTS], TODAY)
    assert esg(panel, "export", "2026", "--round", "2") == 0
    form = json.loads((panel.folder / "panel/2026/round2.json").read_text(encoding="utf-8"))
    assert form["indicators"] == ["A.1.4"]


def test_no_second_round_is_sent_out_where_none_is_due(panel: World, capsys: Capture) -> None:
    hand_in(panel, 3, 3, 3)
    assert esg(panel, "export", "2026", "--round", "2") == 1
    assert "no round 2 is due: passed" in capsys.readouterr().err


def test_evidence_whose_file_has_changed_may_not_be_cited(panel: World) -> None:
    path = returned(panel, "E1", change=lambda book: book[SCORES].__setitem__("J2", "EV001"))
    assert refused(panel, path) == ["A.1.1 证据不可引用：EV001（见证据页）"]


# ── what is refused ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_workbook_with_a_fault_changes_nothing_and_the_others_are_taken_in(panel: World, capsys: Capture) -> None:
    bad = returned(panel, "E1", change=lambda book: book[SCORES].__setitem__("I9", 7))
    good = returned(panel, "E2")
    capsys.readouterr()
    assert esg(panel, "import", str(bad), str(good)) == 1
    said = capsys.readouterr().out
    assert "评分 Scores!I9: A.1.9 等级应为 0–5 的整数，现为“7”" in said
    assert not (panel.folder / "panel/2026/round1/E1.xlsx").exists()
    rows = panel.clean("expert_score").filter(pl.col("source") == "panel_form")
    assert set(rows["expert_id"]) == {"E2"}


def test_a_round_that_is_over_takes_nothing_in(panel: World) -> None:
    path = returned(panel, "E3")
    assert refused(panel, path, date(2027, 2, 16)) == ["第 1 轮已于 2027-02-15 截止"]
    hand_in(panel, 2, 3, 4)
    assert esg(panel, "export", "2026", "--round", "2") == 0
    assert refused(panel, path, replace=True) == ["第 1 轮已结束（下一轮已发出）"]
    assert refused(panel, returned(panel, "E3", number=2), date(2027, 2, 15)) == []


def test_a_closed_round_is_not_sent_out_again(panel: World, capsys: Capture) -> None:
    hand_in(panel, 2, 3, 4)
    assert esg(panel, "export", "2026", "--round", "2") == 0
    capsys.readouterr()
    assert esg(panel, "export", "2026", "--experts", "E4") == 1
    assert "round 1 is closed" in capsys.readouterr().err


def test_a_closed_period_takes_nothing_in_and_sends_nothing_out(
    panel: World, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    path = returned(panel, "E1")
    monkeypatch.setattr(Lake, "closed", {"2026": panel.folder})
    assert refused(panel, path) == ["2026 已结账"]
    capsys.readouterr()
    assert esg(panel, "export", "2026") == 1
    assert "2026 is closed" in capsys.readouterr().err


def test_what_is_no_workbook_is_refused_and_the_others_are_taken_in(panel: World, tmp_path: Path) -> None:
    broken = tmp_path / "E1.xlsx"
    broken.write_bytes(b"PK\x03\x04 not really")
    receipts, outcome = take_in(panel.enterprise, [broken, returned(panel, "E2")], TODAY)
    assert [bool(one.faults) for one in receipts] == [True, False]
    assert receipts[0].faults[0].zh == "工作簿损坏或不完整"
    assert outcome is not None


def test_a_workbook_counts_by_what_it_is_and_not_by_its_name(panel: World, tmp_path: Path) -> None:
    named = tmp_path / "E1.xls"
    named.write_bytes(returned(panel, "E1").read_bytes())
    assert refused(panel, named) == []


def test_the_last_day_is_still_open(panel: World) -> None:
    assert refused(panel, returned(panel, "E3"), date(2027, 2, 15)) == []


def test_an_expert_scores_once_unless_the_workbook_is_replaced(panel: World) -> None:
    first, other = returned(panel, "E1", 3), panel.folder.parent / "copy.xlsx"
    other.write_bytes(first.read_bytes())
    receipts, _ = take_in(panel.enterprise, [first, other], TODAY)
    assert [len(one.faults) for one in receipts] == [0, 1]
    assert receipts[1].faults[0].zh == "E1 重复：另有 E1_1.xlsx"
    again = returned(panel, "E1", 4)
    assert refused(panel, again) == ["E1 本轮已交过，更换请加 --replace"]
    assert refused(panel, again, replace=True) == []
    rows = panel.clean("expert_score").filter(pl.col("source") == "panel_form")
    assert (rows.height, set(rows["level"])) == (44, {4})


def test_the_same_workbook_twice_changes_nothing(panel: World) -> None:
    path = returned(panel, "E1")
    assert refused(panel, path) == []
    before = panel.hashes("data/clean/expert_score")
    assert refused(panel, path) == []
    assert panel.hashes("data/clean/expert_score") == before


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("profile_hash", "0" * 64, "profile_hash 应为"),
        ("tree", "draft-2025-b", "tree 应为 draft-2025-a，现为 draft-2025-b"),
        ("org_id", "other", "org_id 应为 group，现为 other"),
        ("period", "2025", "没有发出过 2025 第 1 轮"),
        ("period", "../../x", "没有发出过 ../../x 第 1 轮"),
        ("round", "2", "没有发出过 2026 第 2 轮"),
        ("expert_id", "E9", "E9 不在专家组名单"),
        ("expert_id", "../E1", "../E1 不在专家组名单"),
    ],
)
def test_a_workbook_of_something_else_is_refused(panel: World, name: str, value: str, says: str) -> None:
    def change(book: Workbook) -> None:
        for row in book["about"].iter_rows():
            if row[0].value == name:
                row[1].value = value

    (found,) = refused(panel, returned(panel, "E1", change=change))
    assert found.startswith(says)


def test_a_workbook_laid_into_its_folder_by_hand_is_judged_by_the_contract(panel: World) -> None:
    path = returned(panel, "E1", change=lambda book: [
        book[SCORES].__setitem__("I2", 7), book[SCORES].__setitem__("I3", "优"), book[SCORES].__setitem__("I4", None),
    ])  # fmt: skip
    panel.write("panel/2026/round1/E1.xlsx", path.read_bytes())
    panel.ingest(only={"panel_form"})
    reasons = dict(panel.refused("expert_score"))
    assert "level: out_of_range" in reasons[2]
    assert "level: not_a_number" in reasons[3]
    assert reasons[4] == ["no_level"]
    assert panel.clean("expert_score").filter(pl.col("source") == "panel_form").height == 41


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("export", "2026-01", "--experts", "E1"), "no evaluation period"),
        (("export", "2031", "--experts", "E1"), "no values of 2031"),
        (("export", "2026", "--experts", "张三"), "no code for an expert"),
        (("export", "2026", "--experts", "zhang@example.org"), "no code for an expert"),
        (("export", "2026", "--round", "2", "--experts", "E9"), "not on the panel of round 1"),
        (("export", "2026", "--round", "2"), "no round 2 is due: no workbook was taken in"),
        (("status", "2026-01"), "no evaluation period"),
    ],
)
def test_what_cannot_be_done_is_said(panel: World, arguments: tuple[str, ...], says: str, capsys: Capture) -> None:
    capsys.readouterr()
    assert esg(panel, *arguments) == 1
    assert says in capsys.readouterr().err


def test_a_round_that_has_begun_is_not_sent_out_changed_but_experts_may_join(panel: World, capsys: Capture) -> None:
    hand_in(panel, 3, 3, 3)
    assert esg(panel, "export", "2026", "--experts", "E4") == 0
    late = returned(panel, "E4")
    assert refused(panel, late, date(2027, 2, 16)) == [
        "第 1 轮已于 2027-02-15 截止"
    ]  # the day stays unless it is moved
    assert esg(panel, "export", "2026", "--experts", "E4", "--until", "2027-03-01") == 0
    assert refused(panel, late, date(2027, 2, 16)) == []
    panel.write("profiles/draft-neutral-v2.yaml", _other_profile())
    text = (panel.folder / "enterprise.yaml").read_text(encoding="utf-8")
    panel.write("enterprise.yaml", text + "profile: draft-neutral-v2\n")
    capsys.readouterr()
    assert esg(panel, "export", "2026", "--experts", "E5") == 1
    assert "has begun" in capsys.readouterr().err


def _other_profile() -> str:
    from indicators.scoring.profile import SHIPPED

    text = (SHIPPED / "draft-neutral-v1.yaml").read_text(encoding="utf-8")
    return text.replace("id: draft-neutral-v1", "id: draft-neutral-v2")


def test_levels_that_name_no_period_are_told(panel: World, capsys: Capture) -> None:
    hand_in(panel, 3, 3, 3)
    panel.write(
        "sources/levels.yaml",
        "contract: expert_score\nread: {as: csv, files: levels.csv}\n"
        "columns: {expert_id: expert, indicator_id: indicator, round: round, level: level, scored_at: at}\n",
    )
    panel.deliver("levels.csv", "expert,indicator,round,level,at", "X1,A.1.1,1,3,2026-12-20T10:00:00+08:00")
    capsys.readouterr()
    assert esg(panel, "status", "2026") == 0
    assert "name no period" not in capsys.readouterr().out
    panel.ingest(only={"levels"})
    assert esg(panel, "status", "2026") == 0
    assert "1 levels name no period and count here" in capsys.readouterr().out
    panel.deliver("levels.csv", "expert,indicator,round,level,at", "X1,A.1.1,1,3,2024-12-20T10:00:00+08:00")
    panel.ingest(only={"levels"})
    assert esg(panel, "status", "2026") == 0
    assert "1 levels name no period and do not count here" in capsys.readouterr().out


def test_experts_come_from_a_file_too(group: World, tmp_path: Path) -> None:
    names = tmp_path / "experts.txt"
    names.write_text("\ufeffE1\n\n E2 \n", encoding="utf-8")
    assert esg(group, "export", "2026", "--expert-file", str(names)) == 0
    assert sorted(path.name for path in (group.folder / "panel/2026/forms").iterdir()) == [
        "round1_E1.xlsx", "round1_E2.xlsx",
    ]  # fmt: skip
    assert esg(group, "export", "2026") == 0  # once they are known, they need not be named again


def test_nobody_asked_is_an_error(group: World, capsys: Capture) -> None:
    assert esg(group, "export", "2026") == 1
    assert "no expert is named" in capsys.readouterr().err


def test_usage_is_explained(group: World, capsys: Capture) -> None:
    for step in ("export", "import", "status"):
        capsys.readouterr()
        assert esg(group, step, "--help") == 0
        assert "example / 示例:\n  esg panel" in capsys.readouterr().out
    assert esg(group, "export", "2026", "--until", "soon") == 2
    assert esg(group, "export", "2026", "--round", "3") == 2
