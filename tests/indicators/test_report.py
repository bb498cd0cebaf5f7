"""The evaluation report: one data object, three forms with the same cells, and a word for whatever is not there."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from decimal import Decimal
from html.parser import HTMLParser

import docx
import pytest

from indicators.declared import catalogue
from indicators.report.document import (
    Chart,
    Document,
    Heading,
    Points,
    Table,
    Text,
    Tiles,
    chinese_font,
    drawings,
    html,
    pdf,
)
from indicators.report.evaluation_cells import Cells
from indicators.report.evaluation_layout import document
from indicators.report.word import docx_of
from indicators.report.words import LANGUAGES, number, percent, score_text, signed, vocabulary, year_before
from indicators.scoring.profile import Events
from schemas.enterprise import Declaration
from schemas.errors import HubError
from schemas.lake import months_of
from tests.indicators.evaluated import ENTERPRISE, OF_EXPERTS, OF_STANDARD, PROFILE, SCORE, SITE, World, results
from warehouse.marts import REFERENCE

ONLY_RESULT = ("result",)


class _Cells(HTMLParser):
    """The cells of a page, and all its text."""

    def __init__(self) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.texts: list[str] = []
        self.is_cell = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in ("td", "th"):
            self.is_cell = True
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        self.is_cell = self.is_cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if self.is_cell:
            self.cells[-1] += data


def parsed(page: str) -> _Cells:
    found = _Cells()
    found.feed(re.sub(r"<(style|svg)\b.*?</\1>", "", page, flags=re.DOTALL))
    return found


def cells_of(made: Document) -> list[str]:
    found = []
    for table in made.blocks(Table):
        found += list(table.head) if any(table.head) else []
        found += [cell.text for row in table.rows for cell in row]
    return found


def rows_with(made: Document, text: str) -> list[list[str]]:
    return [
        [cell.text for cell in row]
        for table in made.blocks(Table)
        for row in table.rows
        if any(text in cell.text for cell in row)
    ]


def said(made: Document) -> str:
    """Everything outside of tables and charts."""
    found = [*made.notice, made.foot, *(value for pair in made.facts for value in pair)]
    found += [block.text for kind in (Text, Heading) for block in made.blocks(kind)]
    return "\n".join([*found, *(item for block in made.blocks(Points) for item in block.items)])


@pytest.fixture(scope="module")
def made() -> Document:
    return document(World().read())


# --- the forms


@pytest.mark.parametrize("language", LANGUAGES)
def test_page_and_word_file_hold_the_very_cells_of_the_document(language: str) -> None:
    made = document(World().read(), language)  # type: ignore[arg-type]
    assert parsed(html(made)).cells == cells_of(made)
    file = docx.Document(io.BytesIO(docx_of(made, None)))
    found = [[cell.text for row in table.rows for cell in row.cells] for table in file.tables]
    expected = [
        [*(table.head if any(table.head) else []), *(cell.text for row in table.rows for cell in row)]
        for table in made.blocks(Table)
    ]
    assert [table for table in found if table in expected] == expected
    assert len(found) == len(expected) + 3  # facts, tiles, signatures


def test_a_word_file_has_headings_links_fields_and_declares_a_chinese_font(made: Document) -> None:
    file = docx.Document(io.BytesIO(docx_of(made, None)))
    headings = [paragraph.text for paragraph in file.paragraphs if paragraph.style.name == "Heading 1"]
    assert len(headings) == len(made.sections)
    assert headings[2].startswith("1 评价目的")
    body, footer = file.element.body.xml, file.sections[0].footer._element.xml
    assert 'TOC \\o "1-1"' in body
    assert "PAGE" in footer
    assert "NUMPAGES" in footer
    links, marks = (
        set(re.findall(r'w:hyperlink w:anchor="(\w+)"', body)),
        re.findall(r'w:bookmarkStart [^>]*w:name="(\w+)"', body),
    )
    assert links <= set(marks)
    assert len(links) > 50
    assert 'w:eastAsia="Microsoft YaHei"' in file.styles["Normal"].element.xml


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_input_makes_the_same_bytes(language: str) -> None:
    first, second = (document(World().read(), language) for _ in range(2))  # type: ignore[arg-type]
    assert html(first) == html(second)
    assert docx_of(first, None) == docx_of(second, None)


def test_the_pdf_and_the_pictures_are_made_and_made_alike(made: Document) -> None:
    font = chinese_font()
    if font is None:
        font = "Libertinus Serif"  # comes with typst; Chinese is then blank, the layout is the same
    first = pdf(made, font)
    assert first.startswith(b"%PDF")
    assert first == pdf(made, font)
    pictures = drawings(made, font)
    assert len(pictures) == len(made.blocks(Chart))
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)
    file = docx.Document(io.BytesIO(docx_of(made, pictures)))
    assert len(file.inline_shapes) == len(pictures)


def test_without_pictures_the_word_file_says_where_they_are(made: Document) -> None:
    file = docx.Document(io.BytesIO(docx_of(made, None)))
    texts = [paragraph.text for paragraph in file.paragraphs]
    assert any("图未嵌入" in text and "fonts-noto-cjk" in text for text in texts)


def test_every_form_prints_the_hash_and_the_file_for_machines_has_it() -> None:
    evaluation = World().read()
    given = json.loads(evaluation.json())
    # whoever reads the file can reckon the hash again
    content = json.dumps(given["report"], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(content.encode()).hexdigest() == given["hash"] == evaluation.hash
    for language in LANGUAGES:
        made = document(evaluation, language)
        assert evaluation.hash in html(made)
        assert evaluation.hash in made.foot


def test_the_hash_follows_the_figures_and_not_the_run() -> None:
    world = World()
    before = world.read().hash
    world.connection.execute("update indicator.value set run_id = 'run-2'")
    assert world.read().hash == before
    world.connection.execute(
        "update indicator.value set value = 97.3 where indicator_id = 'A.2.7' and period = '2026' and is_chosen and org_id = 'demo'"
    )
    assert world.read().hash != before


def test_the_page_needs_nothing_from_elsewhere(made: Document) -> None:
    page = html(made)
    assert not re.search(r"<script|<link|<img|@import", page)
    assert set(re.findall(r"url\(([^)]*)\)", page)) <= {"#stripes", "#dots"}
    assert set(re.findall(r"https?://[^\s\"']+", page)) == {"http://www.w3.org/2000/svg"}


def test_what_a_user_wrote_is_shown_and_never_run() -> None:
    evaluation = World().read(
        enterprise=Declaration.model_validate({"id": "demo", "name": "<script>alert(1)</script>"})
    )
    made = document(evaluation)
    page = html(made)
    assert "<script" not in page
    assert "<b>=" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert any(SITE in cell for cell in parsed(page).cells)
    file = docx.Document(io.BytesIO(docx_of(made, None)))
    assert any(SITE in cell.text for table in file.tables for row in table.rows for cell in row.cells)
    assert "fldSimple" not in file.element.body.xml


# --- what it says


@pytest.mark.parametrize("tables", [tuple(SCORE), ONLY_RESULT])
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_number_stands_without_its_unit(language: str, tables: tuple[str, ...]) -> None:
    made = document(World(tables).read(), language)  # type: ignore[arg-type]
    bare = [
        (table.head[place], cell.text)
        for table in made.blocks(Table)
        for row in table.rows
        for place, cell in enumerate(row)
        if re.fullmatch(r"[+-]?[\d.,]+( → \d)*", cell.text) and cell.kind == "n"
        and not any(other.kind == "unit" for other in row) and not re.search(r"（.+）|\(.+\)", table.head[place])
    ]  # fmt: skip
    assert bare == []


@pytest.mark.parametrize("tables", [tuple(SCORE), ONLY_RESULT])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_link_leads_somewhere_and_every_anchor_is_one(language: str, tables: tuple[str, ...]) -> None:
    page = html(document(World(tables).read(), language))  # type: ignore[arg-type]
    anchors = re.findall(r' id="([^"]+)"', re.sub(r"<svg\b.*?</svg>", "", page, flags=re.DOTALL))
    assert len(set(anchors)) == len(anchors)
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(anchors)


def test_every_value_and_score_leads_to_its_card(made: Document) -> None:
    shown = [
        cell
        for row in rows_of(made, "5")
        for cell in row
        if cell.text in ("97.2", "0.00", "缺失（计 0）", "不适用") and cell.kind != "text"
    ]
    assert {cell.link for cell in shown} >= {"A.2.7", "A.1.22", "A.3.6", "A.2.8"}
    card = card_of(made, "A.2.7")
    assert card["分子"] == "12 单  ← mart.site_month_delivery.on_time_orders"
    assert card["分母"] == "48 单"
    assert card["数值"] == "97.2 %"
    assert card["文件"].startswith("客户订单 tms × 1 (")
    assert card["追溯命令"] == "esg trace A.2.7 2026 --all"


def rows_of(made: Document, mark: str) -> list[list[object]]:
    section = next(section for section in made.sections if section.mark == mark)
    return [row for block in section.blocks if isinstance(block, Table) for row in block.rows]  # type: ignore[misc]


def card_of(made: Document, key: str) -> dict[str, str]:
    section = next(section for section in made.sections if section.mark == "附录 A")
    place = next(
        place for place, block in enumerate(section.blocks) if isinstance(block, Heading) and block.anchor == key
    )
    card = section.blocks[place + 1]
    assert isinstance(card, Table)
    return {row[0].text: row[1].text for row in card.rows}


@pytest.mark.parametrize("tables", [tuple(SCORE), ONLY_RESULT])
def test_no_chart_stands_without_a_table_after_it(tables: tuple[str, ...]) -> None:
    for section in document(World(tables).read()).sections:
        kinds = [type(block) for block in section.blocks]
        for place, kind in enumerate(kinds):
            assert kind is not Chart or Table in kinds[place:], section.title


def test_missing_not_applicable_and_zero_are_three(made: Document) -> None:
    detail = {row[0]: row for row in rows_with(made, "A.") if len(row) == 9 and row[2] in ("公式", "专家")}
    assert detail["A.3.6"][3] == "缺失（计 0）"
    assert detail["A.3.6"][5] == "缺失 · 专家未评分"
    assert detail["A.2.8"][3] == "不适用"
    assert detail["A.2.8"][5] == "无货物交付数据"
    assert detail["A.1.22"][3] == "0.00"
    complaints = next(row for row in rows_with(made, "A.2.6") if len(row) == 11)
    assert complaints[2:7] == ["0", "%", "0 起", "1,234,567 单", "实测"]


def test_a_site_without_records_has_none_and_a_sum_with_a_gap_is_missing(made: Document) -> None:
    site = next(row for row in rows_with(made, SITE) if len(row) == 8)
    assert site[4:7] == ["1,000,000 (100.0 %)", "缺失", "无记录"]
    assert rows_with(made, "场所合计")[0][4:7] == ["1,000,000", "缺失", "无记录"]


def test_last_year_and_target_stand_beside_every_indicator(made: Document) -> None:
    six = {row[0]: row for row in rows_with(made, "A.") if len(row) == 11}
    assert six["A.1.6"][8:10] == ["0.28", "未设定"]
    assert six["A.2.7"][8:10] == ["无", "98.5"]
    fifty = [
        row for row in rows_with(made, "A.") if len(row) == 9 and row[0] in OF_STANDARD and row[2] in ("公式", "专家")
    ]
    assert [row[0] for row in fifty] == OF_STANDARD
    assert {row[6] for row in fifty} == {"60.00", "缺失（计 0）", "不适用"}


def test_what_moved_adds_up_to_the_change_of_the_total(made: Document) -> None:
    # 2025: 48 indicators at 60, one missing: 48 · 60 / 49 = 58.7755; 2026: (46 · 70 + 50 + 0) / 49 = 66.7347
    section = next(section for section in made.sections if section.mark == "5")
    table = next(block for block in section.blocks if isinstance(block, Table) and "对综合的影响（分）" in block.head)
    assert [cell.text for cell in table.rows[0]] == ["A.1.22", "生物多样性", "60.00", "0.00", "-1.22"]  # -60 / 49
    assert [cell.text for cell in table.rows[-1]][2:] == ["58.78", "66.73", "+7.96"]
    parts = [float(row[-1].text) for row in table.rows[:-1]]
    assert sum(parts) == pytest.approx(7.96, abs=0.005 * len(parts))


def test_nothing_is_compared_with_a_year_of_another_method() -> None:
    world = World()
    world.connection.execute("update score.result set profile_hash = 'other' where period = '2025'")
    assert "没有按同一方法评分的结果" in said(document(world.read()))


def test_a_recommendation_names_measure_owner_due_gain_and_what_to_follow(made: Document) -> None:
    rows = {row[0]: row for row in rows_with(made, "→") if len(row) == 9}
    # weight 1/49; missing is taken to reach 60: 60 / 49 = 1.2245; agreed by the enterprise
    assert rows["A.3.6"][2:8] == ["缺失 → 60.00", "建立数据分级制度", "信息部门", "2027-06-30", "低", "+1.22"]
    # from 0 to level 1, 20 points: 20 / 49 = 0.4082; nothing agreed
    assert rows["A.1.22"][2] == "0.00 → 20.00"
    assert rows["A.1.22"][3].startswith("达到第 1 级：")
    assert rows["A.1.22"][5:8] == ["待定", "待定", "+0.41"]
    assert all(row[3] and row[4] and row[8] for row in rows.values())


def test_a_grade_that_is_not_sure_is_printed_with_the_next(made: Document) -> None:
    assert rows_with(made, "BBB（可能为 A）")[0][0] == "综合"
    world = World()
    world.connection.execute(
        "update score.grade_probability set probability = case grade when 'BBB' then 0.8 else 0.2 end"
    )
    assert not rows_with(document(world.read()), "可能为")


@pytest.mark.parametrize(
    ("reason", "shown", "why"),
    [("coverage_below_gate", "暂不评级", "至少一个维度的数据覆盖率低于门槛"), ("veto", "不予评级", "存在否决事件")],
)
def test_a_withheld_grade_says_why(reason: str, shown: str, why: str) -> None:
    world = World(ONLY_RESULT)
    world.connection.execute("update score.result set grade = null, reason = $1 where level = 'total'", [reason])
    page = " ".join(parsed(html(document(world.read()))).texts)
    assert shown in page
    assert why in page


def test_events_deduct_and_allegations_do_not(made: Document) -> None:
    assert rows_with(made, "EE1")[0][2:7] == ["C 类（轻微）", "A.2.3", "2026-05-06", "100 %", "2.00"]
    assert rows_with(made, "EE2")[0][5] == "未决，不扣分"
    assert "一起未决诉讼" in said(made)


def test_a_limited_scope_is_marked_beside_the_pillar_and_the_total() -> None:
    world = World()
    world.connection.execute("update score.result set reason = 'limited_scope' where id = 'E' and level = 'pillar'")
    made = document(world.read())
    marked = [row for row in rows_with(made, "范围受限") if len(row) > 2]
    assert [row[3] for row in marked[:2]] == ["BBB，范围受限", "BBB（可能为 A），范围受限（E）"]
    (tiles,) = made.blocks(Tiles)
    assert [name for name, _, under in tiles.items if "范围受限" in under] == ["等级", "E 环境（分）"]
    assert [row for row in rows_with(document(World().read()), "范围受限") if len(row) > 2] == []


def test_an_event_says_how_much_of_it_counts_and_what_it_leaves() -> None:
    world = World()
    world.add(
        "event",
        [
            ("EE3", "B", "E", "A.1.1", "2025-05-06", 0.5, 5.0, None, "x", False, "去年罚款"),
            ("EE4", "A", "E", "A.1.22", "2026-05-06", 1.0, 0.0, 59.99, "x", False, "较大事故"),
            ("EE5", "C", "E", "A.1.2", "2027-01-06", 0.0, 0.0, None, "x", False, "期后决定"),
            ("EE6", "C", "E", "A.1.2", "2026-05-06", 0.0, 0.0, None, "x", False, "同一事故"),
        ],
    )
    made = document(world.read())
    assert [rows_with(made, name)[0][5:8] for name in ("EE3", "EE4", "EE5", "EE6")] == [
        ["50 %", "5.00", "指标 40.00"], ["100 %", "0.00", "指标 0.00、维度 59.99"],
        ["评价期后决定，本期不计", "–", "–"], ["同一事故只计最重的一项", "–", "–"],
    ]  # fmt: skip


def test_no_recommendation_aims_above_what_an_event_allows() -> None:
    world = World()
    # A.1.1 50, next level 60, of which an event of last year leaves 60 - (60 - 40)/2 = 50: nothing to gain
    # A.1.22 0, next level 20, nothing left of it; A.1.2 70, next level 80, 80 - (80 - 40)/2 = 60: less than it has
    world.add(
        "event",
        [(f"EE{key}", "B", "E", key, "2025-05-06", 0.5, 5.0, None, "x", False, "y") for key in ("A.1.1", "A.1.2")],
    )
    world.add("event", [("EE9", "A", "E", "A.1.22", "2026-05-06", 1.0, 0.0, 59.99, "x", False, "y")])
    steps = {step.key: step for step in Cells(world.read(), "zh").steps()}
    assert not {"A.1.1", "A.1.2", "A.1.22"} & set(steps)
    # 58 before events, 49 after: 60 leaves 50
    world.connection.execute(
        "update score.result set score = 49, before_events = 58 where id = 'A.1.1' and period = '2026'"
    )
    step = next(step for step in Cells(world.read(), "zh").steps() if step.key == "A.1.1")
    assert (step.aim, step.target, round(step.gain, 4)) == (60, 50, round(1 / 49, 4))


def test_it_speaks_of_a_draft_of_independence_and_of_limits(made: Document) -> None:
    text = said(made)
    for words in (
        "征求意见稿，不是现行有效标准",
        "某评价机构组织实施。部分或全部专家评分未附利益声明",  # the levels are from a file
        "使用限制",
        "均为本次评价的选择",
        "分歧未消除的指标：A.1.3",
    ):
        assert words in text
    alone = document(World().read(enterprise=Declaration.model_validate({"id": "demo", "name": "x"})))
    assert "不得称为独立评价" in said(alone)


def test_who_is_out_of_the_assessment_is_not_counted_on_the_panel() -> None:
    world = World()
    world.connection.execute(
        "alter table clean.expert_score add conflict varchar; alter table clean.expert_score add source varchar default 'panel_form'"
    )
    world.connection.execute("update clean.expert_score set conflict = 'paid', is_conflicted = true where expert_id = 'X10' and indicator_id = 'A.1.1'")  # fmt: skip
    evaluation = world.read()
    made = document(evaluation)
    assert dict(made.facts)["专家组"] == "2 名专家（另有 1 名全部回避）"
    row = next(row for row in rows_with(made, "A.1.2") if len(row) == 5 and row[0] == "A.1.2" and "回避" in row)
    assert row[2:] == ["3", "3", "回避"]
    assert f"{len(OF_EXPERTS) - 1} 条" in said(made)
    assert "评价机构与专家声明：最近三年内" in said(made)  # all of them by workbook
    assert '"paid"' not in evaluation.json()


def test_every_indicator_left_out_stands_in_the_annex_the_largest_effect_first(made: Document) -> None:
    (table,) = (one for one in made.blocks(Table) if "剔除的指标" in one.head)
    rows = [[cell.text for cell in row] for row in table.rows]
    assert [(row[0], *row[2:]) for row in rows] == [
        ("A.3.6", "71.90", "A", "+5.40"), ("A.1.1", "66.10", "BBB", "-0.40"), ("A.2.7", "–", "不评级", "–"),
    ]  # fmt: skip
    assert "影响最大的是剔除 A.3.6 数据安全治理：综合 +5.40 分。" in said(made)
    assert "剔除后等级改变的指标" in said(made)


def test_data_that_contradict_themselves_are_named_where_there_is_no_grade() -> None:
    world = World()
    world.connection.execute(
        "update score.result set grade = null, reason = 'data_integrity' where id = 'total' and period = '2026'"
    )
    world.add(
        "integrity",
        [
            (
                "implied_factor",
                "2026-03",
                None,
                "diesel",
                "2026-03 diesel：3.2，应为 3.1",
                "2026-03 diesel: 3.2, not 3.1",
            )
        ],
    )
    made = document(world.read())
    assert "因数据自相矛盾不评级：2026-03 diesel：3.2，应为 3.1。" in said(made)
    assert "下列核对失败（行数守恒、明细与场所月合计、场所与企业合计、隐含排放因子）" in said(made)


def test_every_parameter_of_the_method_is_printed(made: Document) -> None:
    rows = {row[0]: row[1] for row in rows_with(made, "") if len(row) == 2}
    assert float(rows["覆盖率门槛"]) == 0.8
    assert rows["等级下限"].startswith("A 70；AA 80；AAA 90；")
    assert "x0 80；x60 92；x80 96；x100 99" in rows["锚点 · A.2.7 准时交付率"]
    assert PROFILE.hash in said(made)


def test_experts_stand_under_pseudonyms_in_every_form() -> None:
    evaluation = World().read()
    assert not re.search(
        r"\bX(1|2|10)\b", evaluation.json() + html(document(evaluation)) + html(document(evaluation, "en"))
    )
    sheets = {(row["expert_id"], row["indicator_id"], row["round"]): row["level"] for row in evaluation.sheets or []}
    assert sheets["P3", OF_EXPERTS[1], 1] == 4  # X1, X2, X10 in their natural order
    assert (
        next(row for row in rows_with(document(evaluation), "A.1.1") if len(row) == 5 and "→" in row[2])[2] == "3 → 4"
    )


def test_levels_of_another_year_are_not_of_this_one() -> None:
    world = World()
    world.connection.execute(
        "insert into clean.expert_score values ('X9', 'A.1.1', 1, 0, null, null, false, '2025-12-31T15:59:59Z', false, null)"
    )  # 23:59 in Shanghai
    world.connection.execute(
        "insert into clean.expert_score values ('X8', 'A.1.1', 1, 0, null, null, false, '2025-12-31T16:00:00Z', false, null)"
    )  # the year's first second
    assert sum(row["level"] == 0 for row in world.read().sheets or []) == 1


def test_levels_that_name_their_period_count_for_it_and_an_absent_expert_has_none() -> None:
    world = World()
    add = "insert into clean.expert_score values ('X9', ?, 1, ?, null, null, false, '2027-02-01T00:00:00Z', false, ?)"
    world.connection.execute(add, ["A.1.1", None, "2026"])
    world.connection.execute(add, ["A.1.2", 0, "2027"])
    evaluation = world.read()
    found = [
        (row["expert_id"], row["indicator_id"], row["level"]) for row in evaluation.sheets or [] if not row["level"]
    ]
    assert found == [("P3", "A.1.1", None)]  # X1, X2, X9, X10
    sheet = next(row for row in rows_with(document(evaluation), "A.1.1") if len(row) == 6 and "→" in row[2])
    assert sheet[4] == "弃权"


def test_figures_of_other_organisations_do_not_enter() -> None:
    assert "11.111" not in World().read().json()


def test_a_month_without_a_value_says_so(made: Document) -> None:
    months = next(row for row in rows_with(made, "A.2.7") if len(row) == 14)
    assert months[2:] == ["91", "92", "93", "94", "95", "96", "97", "98", "99", "100", "101", "缺失"]


# --- the method it was scored by


def test_indicators_stand_in_the_groups_of_the_methods_tree() -> None:
    evaluation = World().read(profile=PROFILE.changed(tree="draft-2025-b"))
    assert evaluation.indicators["A.1.14"]["group"]["zh"] == "绿色物流"
    (table,) = [table for table in document(evaluation).blocks(Table) if table.strong and any(row[0].text == "A.1.14" for row in table.rows) and len(table.head) == 9]  # fmt: skip
    names = [row[0].text or row[1].text for row in table.rows]
    assert names[names.index("绿色物流") + 1] == "A.1.14"


@pytest.mark.parametrize(
    ("rule", "is_kept", "words"),
    [
        ("where_kept", True, "无可采信证据者不高于 1 级"), ("where_kept", False, "本次评价未登记也未引用任何证据"),
        ("always", False, "无可采信证据者不高于 1 级"), ("never", True, "无证据者不封顶"),
    ],
)  # fmt: skip
def test_it_says_what_levels_without_evidence_count(rule: str, is_kept: bool, words: str) -> None:
    world = World()
    if not is_kept:
        world.connection.execute("delete from reference.evidence; update clean.expert_score set evidence_ids = null")
    panel = PROFILE.panel.model_copy(update={"evidence": rule})
    text = said(document(world.read(profile=PROFILE.changed(panel=panel))))
    assert words in text
    assert (rule == "always" or (is_kept and rule != "never")) == ("不高于 1 级" in text)


def test_the_method_is_told_as_the_profile_declares_it() -> None:
    set_up = PROFILE.monte_carlo.model_copy(update={"certain_from": Decimal("0.9")})
    profile = PROFILE.changed(
        panel=PROFILE.panel.model_copy(update={"aggregate": "median"}), monte_carlo=set_up, events=Events(),
        weights=PROFILE.weights.model_copy(update={"method": "ahp"}), normalisation={"A.2.7": "minmax"},
    )  # fmt: skip
    world = World()
    world.connection.execute("update score.weight set raw = 0.25 where node = 'pillar'")
    text = said(document(world.read(profile=profile)))
    for words in ("维度权重 E 25.00 %；维度内：层次分析法", "；取中位数。", "等级概率低于 90 % 时", "所用方法不因负面事件扣减或封顶",
                  "以同业数值代替锚点的指标：A.2.7 准时交付率 (极差标准化)"):  # fmt: skip
        assert words in text
    for words in ("维度权重之比", "去掉一个最高", "一票否决", "低于 80 % 时并列"):
        assert words not in text
    unscored = said(document(World(ONLY_RESULT).read(profile=profile)))
    assert "维度权重按层次分析法" in unscored
    plain = said(document(World().read()))
    assert "取平均，5 名及以上先各去掉一个最高与最低" in plain
    assert "存在 V 类（一票否决）事件" in plain


def test_the_register_says_what_was_found_about_each_file(made: Document) -> None:
    (row,) = (row for row in rows_with(made, "制度.pdf") if row[0] == "EV001")
    assert row[-1] == "文件已变更、期内、不可采信"
    (row,) = (row for row in rows_with(document(World(ONLY_RESULT).read(), "en"), "制度.pdf") if row[0] == "EV001")
    assert row[-1] == "not examined"


# --- what the panel did not agree on


def gated(verdict: str | None, reason: str | None = None, *, flagged: bool = True) -> World:
    """A panel after one round: A.1.3 apart or not, nothing contested yet."""
    world = World()
    world.connection.execute(
        "update score.panel_item set is_contested = false, is_flagged = indicator_id = 'A.1.3' and $1", [flagged]
    )
    world.connection.execute("update score.agreement set verdict = $1, reason = $2 where statistic = 'gate'", [verdict, reason])  # fmt: skip
    return world


@pytest.mark.parametrize("verdict", ["second_round", "discuss_flagged"])
def test_items_that_lie_apart_are_named_while_a_second_round_is_due(verdict: str) -> None:
    made = document(gated(verdict).read(), "en")
    name = catalogue()["A.1.3"].title.en
    assert f"Far apart, second round due: A.1.3 {name}." in said(made)
    assert "No item is contested" not in said(made)
    assert [row[-1] for row in rows_with(made, "A.1.3") if "second round due" in row[-1]] == ["second round due"]
    # the open gate stands beside the grade, in the summary
    (summary,) = [one for one in made.sections if one.title == "Executive summary"]
    texts = [block.text for block in summary.blocks if isinstance(block, Text)]
    assert any(text.startswith("The panel has not closed") for text in texts)


def test_nothing_is_contested_only_where_the_gate_is_passed() -> None:
    assert "没有分歧未消除的指标" in said(document(gated("passed", flagged=False).read()))
    text = said(document(gated(None, "no_pairs", flagged=False).read()))
    assert "没有分歧未消除的指标" not in text
    assert "专家分歧尚未判定：没有两名专家评同一项。" in text


@pytest.mark.parametrize(
    ("reason", "lifted", "zh", "en"),
    [
        ("no_evidence", None, "不高于 3 级；未引证据", "level 3 at most; no evidence cited"),
        (
            "M065: missing (>= 95)",
            2,
            "缺失 (>= 95)；2 名专家书面说明理由后放行",
            "missing (>= 95); lifted in writing by 2",
        ),
        ("M065: partial, 85 % (>= 95)", 0, "部分, 85 % (>= 95)", "partial, 85 % (>= 95)"),
        ("M067: 90.5 h (有 / present); M065: 12 % (>= 95)", 0, "90.5 小时 (有)、M065", "90.5 h (present), M065"),
    ],
)
def test_a_cap_says_why_in_the_readers_language(reason: str, lifted: int | None, zh: str, en: str) -> None:
    world = World()
    world.connection.execute("update score.panel_item set cap = 3, cap_reason = $1, lifted = $2 where indicator_id = 'A.1.2'", [reason, lifted])  # fmt: skip
    evaluation = world.read()
    for language, words in zip(LANGUAGES, (zh, en), strict=True):
        assert any(row[0] == "A.1.2" for row in rows_with(document(evaluation, language), words))


# --- what has not been evaluated


def test_with_scores_alone_the_report_is_written_and_says_what_is_not_evaluated() -> None:
    text = said(document(World(ONLY_RESULT).read()))
    for table in (
        "agreement",
        "monte_carlo",
        "alternative",
        "swing",
        "left_out",
        "definition",
        "panel_item",
        "event",
        "weight",
    ):
        assert f"score.{table}" in text, table
    assert "esg evaluate 2026" in text


def test_an_empty_table_says_that_there_was_nothing() -> None:
    world = World()
    world.connection.execute("delete from score.event")
    text = said(document(world.read()))
    assert "期内没有登记的负面事件" in text
    assert "score.event" not in text


def test_what_is_missing_is_not_among_what_contributes_most() -> None:
    world = World()
    world.connection.execute("update score.result set state = 'missing', score = 0 where level = 'indicator' and state <> 'not_applicable'")  # fmt: skip
    text = said(document(world.read(), "en"))
    assert text.count("No indicator contributes anything.") == 2
    assert "contributes 0.00" not in text


def test_a_year_that_was_scored_but_not_evaluated_is_not_said_to_have_had_no_events() -> None:
    world = World()
    for table in SCORE:
        if table != "result":
            world.connection.execute(f"delete from score.{table}")
    text = said(document(world.read()))
    assert "score.event" in text
    assert "期内没有登记的负面事件" not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_period_without_scores_shows_values_and_nothing_made_up(language: str) -> None:
    made = document(World().read("2026-03"), language)  # type: ignore[arg-type]
    assert not rows_with(made, "2.04 %")
    assert any("93" in row for row in rows_with(made, "A.2.7"))
    assert parsed(html(made)).cells == cells_of(made)


def test_a_period_without_values_has_no_report() -> None:
    with pytest.raises(HubError, match=r"no values of 2031"):
        World().read("2031")


def test_half_a_year_is_not_told_to_run_its_months_only() -> None:
    with pytest.raises(HubError) as refused:
        World().read("2026-07..2026-12")
    assert "months, years and twelve months in a row" in refused.value.todo


def test_scores_of_another_method_are_shown_as_such() -> None:
    world = World(ONLY_RESULT)
    world.connection.execute("update score.result set profile_hash = 'other'")
    evaluation = world.read()
    assert (evaluation.profile_hash, evaluation.is_declared_profile) == ("other", False)
    assert "与企业目录现声明的方法不同" in said(document(evaluation))
    world.connection.execute(
        "insert into score.result by name select * replace ('third' as profile_hash) from score.result"
    )
    with pytest.raises(HubError, match="2 other profiles"):
        world.read()


def test_a_record_of_the_close_is_printed_as_it_is() -> None:
    world = World()
    world.connection.execute(
        "create table meta.restatement as select '2026-03' as period, 'A.2.7' as indicator_id, 97.0 as old_value, null::varchar as cause"
    )
    world.connection.execute("comment on column meta.restatement.old_value is '原值 | Old value'")
    made = document(world.read())
    table = next(table for table in made.blocks(Table) if "原值" in table.head and "cause" in table.head)
    assert [cell.text for cell in table.rows[0]] == ["2026-03", "A.2.7", "97.0", ""]
    assert "没有关账记录" in said(made)


# --- languages


def test_the_english_report_is_english() -> None:
    originals = (
        "演示",
        "某评价机构",
        "海外仓",
        "无运营控制",
        "一起未决诉讼",
        "建立数据分级",
        "信息部门",
        "制度.pdf",
        "安环部",
        "一般罚款",
        "群体投诉",
        "安监罚",
    )
    made = document(World().read(), "en")
    texts = [*said(made).split("\n"), *cells_of(made)]
    assert [
        text for text in texts if re.search(r"[\u4e00-\u9fff]", text) and not any(word in text for word in originals)
    ] == []


def test_the_chinese_report_is_chinese(made: Document) -> None:
    words = {word for text in (*said(made).split("\n"), *(cell.text for table in made.blocks(Table) for row in table.rows for cell in row if cell.kind != "code"))
             if not re.search(r"[0-9a-f]{16}|mart\.|esg |sha256|report\.json|enterprise\.yaml|quarantine\.row", text) for word in re.findall(r"[a-z]{4,}", text)}  # fmt: skip
    names = {
        "draft",
        "neutral",
        "hanghai",
        "saaty",
        "rippendorff",
        "demo",
    }  # of the method, a zone, people, the enterprise
    units, policies, tables = (
        {"kgce"},
        {"first", "promise", "market", "based", "latest", "default"},
        {"orders", "evaluation", "measures"},
    )
    assert words <= names | units | policies | tables


# --- words and figures


@pytest.mark.parametrize(
    ("amount", "unit", "shown"),
    [
        (None, None, "–"), (0.0, "%", "0"), (1234567.0, None, "1,234,567"), (0.25, "tCO2e/万元", "0.25"), (0.083333, "%", "0.08333"), (86.363636, "%", "86.364"),
        (99.9995, "%", "99.9995"), (100.0, "%", "100"), (0.0005, None, "0.0005"), (4567.85, "tCO2e", "4,567.9"), (-3.0, None, "-3"),
    ],
)  # fmt: skip
def test_figures_keep_four_digits_and_round_half_up(amount: float | None, unit: str | None, shown: str) -> None:
    assert number(amount, unit) == shown


def test_shares_scores_and_differences_round_half_up() -> None:
    assert (percent(0.125, 0), percent(1 / 3, 2), percent(None)) == ("13 %", "33.33 %", "–")
    assert (score_text(59.995), score_text(None)) == ("60.00", "–")
    assert (signed(0.125), signed(-1.5), signed(0.001), signed(-0.001)) == ("+0.13", "-1.50", "0.00", "0.00")


def test_a_window_has_its_twelve_months_and_a_year_before() -> None:
    assert months_of("2025-07..2026-06")[5:7] == ["2025-12", "2026-01"]
    assert len(months_of("2025-07..2026-06")) == len(months_of("2026")) == 12
    assert months_of("2026-03") == ["2026-03"]
    assert [year_before(period) for period in ("2026", "2026-03", "2025-07..2026-06")] == [
        "2025",
        "2025-03",
        "2024-07..2025-06",
    ]


def test_the_fixture_adds_up() -> None:
    total = next(row for row in results("2026") if row[0] == "total")
    assert total[2] == pytest.approx((46 * 70 + 50) / 49)
    assert ENTERPRISE.id == "demo"


def test_every_policy_and_boundary_a_figure_can_have_has_its_words() -> None:
    words = vocabulary()
    kinds = ("emission", "energy", "satisfaction", "customer_satisfaction", "complaint", "on_time")
    policies = {
        row["policy"]
        for kind in kinds
        for row in csv.DictReader((REFERENCE / f"{kind}_policy.csv").open(encoding="utf-8"))
    }
    assert policies - set(words["policy"]) == set()
    said = [
        one.boundary if isinstance(one.boundary, dict) else {"": one.boundary}
        for one in catalogue().values()
        if one.boundary
    ]
    phrases = {phrase for one in said for text in one.values() for phrase in text.split("; ")}
    assert phrases - set(words["boundary"]) == set()


def test_a_boundary_of_one_site_has_its_words() -> None:
    cells = Cells(World().read(), "zh")
    assert [cells.boundary(said) for said in ("1 site", "12 sites")] == ["1 个场所", "12 个场所"]
