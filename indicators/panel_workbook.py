"""The workbook of a panel's expert: what is written for one, and what is found wrong with one that comes back.

A workbook is read twice: here, cell by cell, so that the panel's secretary learns every fault by its address before
anything is taken in; and then by the hub like any other source (`connectors/panel_form.yaml`), whose contract judges it.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import openpyxl
import xlsxwriter
from openpyxl.cell.cell import Cell
from openpyxl.utils import get_column_letter
from openpyxl.workbook import Workbook as Received
from openpyxl.worksheet.worksheet import Worksheet as Page
from pydantic import BaseModel, ConfigDict
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from connectors.readers import excel
from connectors.templates import CODES_ARE_TEXTS
from indicators.declared import Asked, Condition, Indicator, catalogue
from schemas.contract import contract
from schemas.errors import SourceError
from schemas.lake import replaced

GUIDE, DECLARATION, SCORES, EVIDENCE, ABOUT = (
    "说明 Guide",
    "利益声明 Declaration",
    "评分 Scores",
    "证据 Evidence",
    "about",
)
SHEETS = (GUIDE, DECLARATION, SCORES, EVIDENCE, ABOUT)
ABSTAIN = "弃权"
EXPERT = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,11}")
"""What an expert is called in the hub: a code. The list of codes and names stays with the enterprise, outside the hub."""

_TIES: dict[str, str] = next(one.words for one in contract("expert_score").columns if one.name == "conflict")
_SURE: dict[str, str] = next(one.words for one in contract("expert_score").columns if one.name == "confidence")
_WHOLE = ("employed", "paid")
_QUESTIONS = {
    "employed": "现在或近三年受雇于被评价企业？\nEmployed by the enterprise now or in the last three years?",
    "paid": "近三年为其提供有偿咨询或其他服务？\nPaid by it for advice or services in the last three years?",
    "owner": "持有其股份或其他权益？\nDo you hold shares or other interests in it?",
    "family": "有近亲属在其任职或持股？\nDoes close family work for it or own part of it?",
    "trade": "与其有供应商或客户关系？\nAre you, or your employer, a supplier or customer?",
}
_ALL = ("全部", "all")
_LADDER = (
    ("0", "无 none", "没有任何做法，或已证实违规", "nothing, or a proven breach"),
    ("1", "起步 initial", "有非正式做法或意愿，无批准文件", "informal practice or intention, no approved document"),
    ("2", "制度化 defined", "有批准文件，覆盖本指标全部要素", "an approved document that covers all elements"),
    ("3", "已执行 implemented", "六成以上场所或人员有执行记录，一般不少于九个月", "records for 60 % of sites or people, usually nine months or more"),
    ("4", "可量化 measured", "有目标和数据，覆盖九成以上，管理层评审并闭环", "targets and figures, 90 % coverage, reviewed and closed"),
    ("5", "领先 leading", "四级之上有独立验证，连续两期改善，可供同行借鉴", "beyond 4: verified from outside, better for two periods, a model for peers"),
)  # fmt: skip
_STEPS = (
    ("先填“利益声明”页，再填“评分”页。只有浅黄色单元格可填。", "Fill in the declaration first, then the scores. Only pale yellow cells can be filled."),
    ("独立评分，不与其他专家商量。每个指标给整级 0–5；无法判断时选“弃权”。", "Score alone. Give each indicator a whole level 0–5; choose 弃权 (abstain) where you cannot judge."),
    ("须逐级满足：等级是条件全部满足的最高一级；缺少任一要素，最高 2 级。", "The level is the highest rung whose conditions are all met; where an element is missing, 2 at most."),
    ("2 级及以上须引用证据编号，多个用 | 分隔；没有可引用的证据，最高 1 级。", "A level of 2 or more cites evidence ids, separated by |; without evidence, 1 at most."),
    ("“封顶”有数字时，超过它须在“超封顶理由”写明理由，否则退回；“意见”不能代替。", "Where a cap is shown, a level above it needs your reason under Over the cap, else the workbook is returned; a comment is no such reason."),
    ("与某指标有利益关系时，在“利益冲突”选明关系，等级留空。受雇或受聘付费者全部指标回避。", "Where you have a tie, choose it under Conflict and leave the level empty; who is employed or paid leaves all empty."),
    ("不要增删或移动行列、改工作表名。不要填写姓名，只用专家编号。", "Do not add, delete or move rows, columns or sheets. Do not write your name: the code stands for you."),
)  # fmt: skip


class Form(BaseModel):
    """What a round of workbooks is about; kept beside them as `round<N>.json`.

    Attributes:
        indicators: those to be scored, in order.
        caps: indicator → the highest level without a written reason, and why.
        until: the last day on which workbooks are taken in.
    """

    model_config = ConfigDict(extra="forbid")

    org_id: str
    period: str
    round: int
    profile_id: str
    profile_hash: str
    tree: str
    indicators: list[str]
    experts: list[str]
    caps: dict[str, tuple[int, str]] = {}
    until: date | None = None

    def about(self, expert: str) -> dict[str, str]:
        """What a workbook says of itself."""
        return {
            "org_id": self.org_id, "period": self.period, "round": str(self.round), "profile_id": self.profile_id,
            "profile_hash": self.profile_hash, "tree": self.tree, "expert_id": expert,
        }  # fmt: skip


@dataclass(frozen=True)
class Material:
    """What experts are shown beside the rubric.

    Attributes:
        org_name: the enterprise.
        figures: rows of `indicator.value` of the period by indicator, metrics among them.
        register: the evidence register as `indicators.evidence.examined` gives it, one dict per row.
        before: (indicator, expert) and (indicator, "") → what was said in the round before, by the expert and by all.
    """

    org_name: str
    figures: Mapping[str, Mapping[str, Any]]
    register: list[dict[str, Any]]
    before: Mapping[tuple[str, str], str] = field(default_factory=dict)


@dataclass(frozen=True)
class Fault:
    """What is wrong with a workbook, and where."""

    sheet: str
    cell: str
    zh: str
    en: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.sheet}{'!' if self.cell else ''}{self.cell}: {self.zh} / {self.en}"


# ── columns of the scoring sheet ─────────────────────────────────────────────────────────────────────────────────

_COLUMNS = {
    "指标 Indicator": 11, "名称 Title": 22, "要素 Elements": 30, "评分标准": 56, "枢纽数据 Metrics": 34, "封顶 Cap": 7,
    "可引用证据 Evidence on file": 28, "上轮 Last round": 18, "等级 Level": 9, "引用证据 Evidence cited": 16,
    "把握 Confidence": 10, "意见 Comment": 36, "利益冲突 Conflict": 13, "超封顶理由 Over the cap": 30, "Rubric": 84, "专家 Expert": 9, "评价期 Period": 10,
    "轮次 Round": 8,
}  # fmt: skip
HEADER = tuple(_COLUMNS)
_AT = {name: place for place, name in enumerate(HEADER)}
_INPUTS = HEADER[8:14]
_LEVEL, _CITED, _CONFIDENCE, _COMMENT, _CONFLICT, _OVER_CAP = _INPUTS
_LINE, _TALLEST = 14, 409
_TINTS = {"E": "#E2EFDA", "S": "#DDEBF7", "G": "#EADCF4"}


def write(form: Form, expert: str, material: Material, path: Path) -> None:
    """Write the workbook of one expert; the same facts give the same bytes.

    Args:
        form: the round.
        expert: the expert's code.
        material: what is shown.
        path: where to write; a file that is there is replaced.
    """
    memory = BytesIO()
    with xlsxwriter.Workbook(memory, {"in_memory": True}) as book:
        title = f"{material.org_name} ESG {form.period}"
        book.set_properties({"title": title, "created": datetime(2026, 1, 1, tzinfo=UTC)})
        pen = _Pen(book)
        _write_guide(pen, form, expert, material.org_name)
        _write_declaration(pen, form)
        _write_scores(pen, form, expert, material)
        _write_evidence(pen, material.register)
        _write_about(pen, form.about(expert))
        book.get_worksheet_by_name(DECLARATION).activate()
    with replaced(path) as temporary:
        temporary.write_bytes(memory.getvalue())


class _Pen:
    """A workbook being written, with its formats."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        self.book = book
        self._formats: dict[tuple[tuple[str, object], ...], Format] = {}

    def format(self, **more: object) -> Format:
        look = {"font_name": "Microsoft YaHei", "font_size": 9, "valign": "top", "text_wrap": True, **more}
        key = tuple(sorted(look.items()))
        if key not in self._formats:
            self._formats[key] = self.book.add_format(look)
        return self._formats[key]

    @property
    def head(self) -> Format:
        return self.format(bold=True, bg_color="#1F3864", font_color="#FFFFFF", valign="vcenter", border=1)

    @property
    def cell(self) -> Format:
        return self.format(border=1, border_color="#BFBFBF")

    def input(self, **more: object) -> Format:
        look = {"bg_color": "#FFF9DB", "border": 1, "border_color": "#7F7F7F", "locked": False}
        return self.format(**look, **more)

    def sheet(self, name: str, widths: Iterable[float]) -> Worksheet:
        sheet = self.book.add_worksheet(name)
        for place, width in enumerate(widths):
            sheet.set_column(place, place, width)
        sheet.protect("", {"format_columns": True, "format_rows": True})
        sheet.set_paper(8)  # A3
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(0.4, 0.4, 0.5, 0.6)
        sheet.set_footer("&L&8&A&C&8&F&R&8&P / &N")
        sheet.hide_gridlines(2)
        return sheet


def _write_guide(pen: _Pen, form: Form, expert: str, org_name: str) -> None:
    sheet = pen.sheet(GUIDE, (16, 24, 58, 76))
    sheet.write_string(
        0, 0, "专家评分表 / Expert scoring workbook", pen.format(bold=True, font_size=16, text_wrap=False)
    )
    facts = (
        ("企业 Enterprise", org_name), ("评价期 Period", form.period), ("轮次 Round", str(form.round)), ("专家 Expert", expert),
        ("截止 Return by", form.until.isoformat() if form.until else "见通知 as announced"),
        ("方法 Profile", f"{form.profile_id}  {form.profile_hash[:12]}"), ("指标体系 Tree", form.tree),
    )  # fmt: skip
    for row, (name, value) in enumerate(facts, start=2):
        sheet.write_string(row, 0, name, pen.format(bold=True))
        sheet.write_string(row, 1, value, pen.format(text_wrap=False))
    row = 3 + len(facts)
    sheet.write_string(row, 0, "怎么填 How to fill it in", pen.format(bold=True, font_size=11, text_wrap=False))
    for number, (zh, en) in enumerate(_STEPS, start=1):
        sheet.write_number(row + number, 0, number, pen.format(align="center", border=1))
        sheet.merge_range(row + number, 1, row + number, 2, zh, pen.cell)
        sheet.write_string(row + number, 3, en, pen.cell)
        sheet.set_row(row + number, _height({"zh": (zh, 82), "en": (en, 76)}))
    row += len(_STEPS) + 2
    sheet.write_string(row, 0, "等级 Levels", pen.format(bold=True, font_size=11, text_wrap=False))
    for number, (level, name, zh, en) in enumerate(_LADDER, start=1):
        sheet.write_string(row + number, 0, level, pen.format(align="center", border=1, bold=True))
        for place, text in enumerate((name, zh, en), start=1):
            sheet.write_string(row + number, place, text, pen.cell)
    row += len(_LADDER) + 2
    note = (
        "《物流企业环境、社会和公司治理（ESG）评价指南》为征求意见稿；等级、评分标准与封顶规则为本项目约定，不是标准条文。\n"
        "The guide is a draft for comment; levels, rubric and caps are choices of this project, not text of the standard."
    )
    sheet.merge_range(row, 0, row, 3, note, pen.format(font_color="#7F7F7F", italic=True))
    sheet.set_row(row, 2 * _LINE + 2)
    sheet.set_paper(9)


_DATE, _ALONE = len(_QUESTIONS) + 2, len(_QUESTIONS) + 3  # rows of the declaration, from 1
_ANSWER, _AFFECTED = 2, 3  # its columns, from 1


def _write_declaration(pen: _Pen, form: Form) -> None:
    sheet = pen.sheet(DECLARATION, (64, 12, 34, 48))
    heads = ("问题 Question", "回答 Answer", "受影响指标 Indicators affected", "说明 Explanation")
    for place, name in enumerate(heads):
        sheet.write_string(0, place, name, pen.head)
    for row, (kind, question) in enumerate(_QUESTIONS.items(), start=1):
        sheet.write_string(row, 0, f"{_TIES[kind]}：{question}", pen.cell)
        sheet.write_blank(row, 1, None, pen.input(align="center"))
        if kind in _WHOLE:
            sheet.write_string(row, 2, "全部 all", pen.cell)
        else:
            sheet.write_blank(row, 2, None, pen.input(num_format="@"))
        sheet.write_blank(row, 3, None, pen.input(num_format="@"))
        sheet.set_row(row, 2 * _LINE + 4)
    sheet.write_string(_DATE - 1, 0, "声明日期（如 2027-01-15） Date of this declaration", pen.cell)
    sheet.write_blank(_DATE - 1, 1, None, pen.input(num_format="yyyy-mm-dd", align="center"))
    sheet.write_string(
        _ALONE - 1, 0, "我独立评分，未受任何一方影响\nI score alone and under nobody's influence", pen.cell
    )
    sheet.write_blank(_ALONE - 1, 1, None, pen.input(align="center"))
    sheet.set_row(_ALONE - 1, 2 * _LINE + 4)
    yes_no = {
        "validate": "list",
        "source": ["是", "否"],
        "error_title": "是 / 否",
        "error_message": "请选择是或否 / choose yes or no",
    }
    sheet.data_validation(1, 1, len(_QUESTIONS), 1, yes_no)
    sheet.data_validation(_ALONE - 1, 1, _ALONE - 1, 1, yes_no)
    hint = (
        "回答“是”时填受影响指标编号，用 | 分隔，如 A.2.12|A.3.8；全部受影响填“全部”。这些指标在评分页选明利益冲突，等级留空。\n"
        "Where you answer yes (是), name the indicators affected, separated by |, or 全部 (all); on the scores sheet choose the conflict for them and leave the level empty."
    )
    sheet.merge_range(_ALONE + 1, 0, _ALONE + 1, 3, hint, pen.format(font_color="#7F7F7F", italic=True))
    sheet.set_row(_ALONE + 1, 3 * _LINE)
    sheet.freeze_panes(1, 0)
    sheet.set_paper(9)


def _write_scores(pen: _Pen, form: Form, expert: str, material: Material) -> None:
    sheet = pen.sheet(SCORES, _COLUMNS.values())
    for place, name in enumerate(HEADER):
        sheet.write_string(0, place, name, pen.head)
    sheet.set_row(0, 30)
    indicators = catalogue()
    for row, key in enumerate(form.indicators, start=1):
        texts = _row(indicators[key], form, expert, material)
        for name, text in texts.items():
            sheet.write_string(row, _AT[name], text, _look(pen, name, indicators[key]))
        if key in form.caps:
            sheet.write_number(row, _AT["封顶 Cap"], form.caps[key][0], pen.format(
                border=1, border_color="#BFBFBF", align="center", bold=True, font_color="#C00000"))  # fmt: skip
        sheet.write_number(
            row, _AT["轮次 Round"], form.round, pen.format(border=1, align="center", font_color="#7F7F7F")
        )
        for name in _INPUTS:
            centred = name in (_LEVEL, _CONFIDENCE)
            look = pen.input(align="center", font_size=12) if centred else pen.input(num_format="@")
            sheet.write_blank(row, _AT[name], None, look)
        sheet.set_row(row, _height({name: (text, _COLUMNS[name]) for name, text in texts.items()}))
    _guard_inputs(pen, sheet, len(form.indicators))
    sheet.ignore_errors(CODES_ARE_TEXTS)
    sheet.freeze_panes(1, 2)
    sheet.repeat_rows(0)
    sheet.print_area(0, 0, len(form.indicators), _AT[_OVER_CAP])
    sheet.set_zoom(90)


def _look(pen: _Pen, name: str, one: Indicator) -> Format:
    if name in ("指标 Indicator", "名称 Title"):
        return pen.format(border=1, border_color="#BFBFBF", bold=True, bg_color=_TINTS[one.pillar])
    if name in ("专家 Expert", "评价期 Period"):
        return pen.format(border=1, align="center", font_color="#7F7F7F")
    return pen.cell


def _row(one: Indicator, form: Form, expert: str, material: Material) -> dict[str, str]:
    """The fixed texts of an indicator's row."""
    rubric = one.rubric
    assert rubric is not None  # noqa: S101 - what experts score has one
    before = [material.before[key] for key in ((one.id, expert), (one.id, "")) if key in material.before]
    return {
        "指标 Indicator": one.id,
        "名称 Title": f"{one.title.zh}\n{one.title.en}",
        "要素 Elements": "\n".join(f"· {element.zh} {element.en}" for element in rubric.elements),
        "评分标准": "\n".join(f"{level} {words.zh}" for level, words in sorted(rubric.levels.items())),
        "Rubric": "\n".join(f"{level} {words.en}" for level, words in sorted(rubric.levels.items())),
        "枢纽数据 Metrics": "\n".join(_metrics(one, form, material)) or "—",
        "封顶 Cap": "—",
        "可引用证据 Evidence on file": "\n".join(_evidence(one.id, material.register)) or "无 none",
        "上轮 Last round": "\n".join(before) or "—",
        "专家 Expert": expert,
        "评价期 Period": form.period,
    }


def _metrics(one: Indicator, form: Form, material: Material) -> Iterator[str]:
    """The hub's figures that serve an indicator, with what they must show for level 4; then those only asked for."""
    assert one.rubric is not None  # noqa: S101 - what experts score has one
    needed: dict[str, Condition] = {cap.metric: cap for cap in one.rubric.caps}
    serving = [key for key, metric in catalogue().items() if one.id in metric.serves]
    for key in dict.fromkeys([*needed, *serving]):
        metric = catalogue()[key]
        condition = f"；4 级须 / level 4 needs {needed[key].words}" if key in needed else ""
        yield f"{key} {metric.title.zh} {metric.title.en}: {_figure(material.figures.get(key))}{condition}"
    if one.id in form.caps:
        yield f"→ 封顶 capped at {form.caps[one.id][0]}"
    for asked in one.rubric.asked_for:
        yield _asked(asked)


def _asked(asked: Asked) -> str:
    bounded = asked.at_least is not None or asked.at_most is not None
    unit = f"{asked.words} {asked.unit}" if bounded else asked.unit
    return f"请企业提供 asked for: {asked.metric} {asked.title.zh} {asked.title.en} ({unit})"


_WHOLE_FROM = 1000  # larger figures are shown without decimals
_STATES = {"measured": "实测 ", "calculated": "核算 ", "estimated": "估算 ", "partial": "不完整 "}


def _figure(row: Mapping[str, Any] | None) -> str:
    if row is None or row["state"] == "missing":
        return "缺失 missing"
    if row["state"] == "not_applicable" or row["value"] is None:
        return "不适用 not applicable"
    number = f"{row['value']:,.0f}" if abs(row["value"]) >= _WHOLE_FROM else f"{row['value']:.4g}"
    return f"{number} {row['unit']} ({_STATES.get(row['state'], '')}{row['state']})"


def _evidence(key: str, register: list[dict[str, Any]]) -> Iterator[str]:
    for row in register:
        if key in (row["indicator_ids"] or "").split("|") and row["is_admissible"]:
            yield f"{row['evidence_id']} {Path(row['file']).name.removeprefix(row['evidence_id']).lstrip('_- ')}"


def _guard_inputs(pen: _Pen, sheet: Worksheet, rows: int) -> None:
    """Lists to choose from, and colours where something is missing."""
    lists: dict[str, list[str]] = {
        _LEVEL: [*"012345", ABSTAIN], _CONFIDENCE: list(_SURE.values()), _CONFLICT: list(_TIES.values())
    }  # fmt: skip
    for name, words in lists.items():
        sheet.data_validation(1, _AT[name], rows, _AT[name], {
            "validate": "list", "source": words, "error_title": name[:32],
            "error_message": f"请从列表中选择 / choose from the list: {', '.join(words)}",
        })  # fmt: skip
    for name in (_COMMENT, _OVER_CAP):
        sheet.data_validation(1, _AT[name], rows, _AT[name], {
            "validate": "length", "criteria": "<=", "value": 1000, "error_title": name,
            "error_message": "不超过 1000 字 / at most 1000 characters",
        })  # fmt: skip
    level, cap, over_cap, cited = (
        f"${get_column_letter(_AT[name] + 1)}2" for name in (_LEVEL, "封顶 Cap", _OVER_CAP, _CITED)
    )
    warning = pen.book.add_format({"bg_color": "#F8CBAD"})
    for name, formula in (
        (_OVER_CAP, f'=AND(ISNUMBER({level}),ISNUMBER({cap}),{level}>{cap},{over_cap}="")'),
        (_CITED, f'=AND(ISNUMBER({level}),{level}>=2,{cited}="")'),
    ):
        sheet.conditional_format(
            1, _AT[name], rows, _AT[name], {"type": "formula", "criteria": formula, "format": warning}
        )


def _write_evidence(pen: _Pen, register: list[dict[str, Any]]) -> None:
    names = {"evidence_id": ("证据编号 Evidence", 13), "file": ("文件 File", 48), "period": ("所属期间 Period", 18),
             "custodian": ("保管部门 Custodian", 18), "indicator_ids": ("适用指标 Indicators", 26), "finding": ("核对 Check", 40),
             "sha256": ("sha256", 70)}  # fmt: skip
    sheet = pen.sheet(EVIDENCE, (width for _, width in names.values()))
    for place, (name, _) in enumerate(names.values()):
        sheet.write_string(0, place, name, pen.head)
    for row, one in enumerate(register, start=1):
        shown = one | {"finding": _finding(one)}
        for place, name in enumerate(names):
            sheet.write_string(row, place, str(shown[name] or ""), pen.cell)
    sheet.freeze_panes(1, 1)
    sheet.repeat_rows(0)


_FINDINGS = {
    "same": "文件一致 file as registered", "changed": "文件与登记不符 file differs", "absent": "文件不在此处 file not here",
    "unsigned": "未登记 sha256 no sha256", "outside_folder": "文件在企业文件夹之外 outside the folder", "inside": "",
    "outside": "期间不符 of another period", "unknown": "期间不明 period unclear",
}  # fmt: skip


def _finding(row: Mapping[str, Any]) -> str:
    words = [_FINDINGS[row["file_state"]], _FINDINGS[row["period_state"]]]
    if not row["is_admissible"]:
        words.insert(0, "不可引用 may not be cited")
    return "; ".join(word for word in words if word)


def _write_about(pen: _Pen, about: Mapping[str, str]) -> None:
    sheet = pen.sheet(ABOUT, (16, 72))
    for row, (name, text) in enumerate(about.items()):
        sheet.write_string(row, 0, name)
        sheet.write_string(row, 1, text)
    sheet.very_hidden()


def _height(texts: Mapping[str, tuple[str, float]]) -> float:
    """How high a row must be for its texts at these widths; a Chinese character takes two places."""
    return min(max(_lines(text, width) for text, width in texts.values()) * _LINE + 4, _TALLEST)


def _lines(text: str, width: float) -> int:
    return sum(max(1, math.ceil(_places(line) / width)) for line in text.split("\n"))


def _places(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


# ── reading one back ─────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Returned:
    """A workbook that came back: what it says of itself, and what is wrong with it."""

    about: dict[str, str]
    faults: list[Fault]


def about(path: Path) -> Returned:
    """What a workbook says of itself; a fault where it cannot say.

    Raises:
        SourceError: it is no workbook, damaged, protected by a password, or a zip bomb.
    """
    there = excel.sheets(path, path.name)  # refuses what must not be opened
    missing = [name for name in SHEETS if name not in there]
    if missing:
        return Returned({}, [Fault(name, "", "缺少工作表", "the sheet is missing") for name in missing])
    book = _opened(path)
    return Returned({str(row[0].value): str(row[1].value) for row in book[ABOUT].iter_rows(max_col=2)}, [])


def _opened(path: Path) -> Received:
    """The workbook, whatever its file is called.

    Raises:
        SourceError: it is of another format (xls, xlsb, ods), or not as Excel writes it.
    """
    try:
        return openpyxl.load_workbook(BytesIO(path.read_bytes()))
    except (BadZipFile, KeyError, ValueError, TypeError, OSError) as error:
        raise SourceError(
            "不是 xlsx 工作簿，请另存为 xlsx / no xlsx workbook: save it as xlsx", path.name, str(error)
        ) from error


def read(path: Path, form: Form, expert: str, register: Iterable[Mapping[str, Any]]) -> list[Fault]:
    """Everything that is wrong with a workbook, cell by cell; nothing where it may be taken in.

    Args:
        path: the workbook, of which `about` has said whose it is.
        form: its round.
        expert: the code it must bear.
        register: the evidence register, examined.
    """
    book = _opened(path)
    moved = list(_moved(book, form, expert))
    if moved:
        return moved  # the rest would be read from the wrong cells
    declared, faults = _declared(book, form)
    may = {row["evidence_id"]: row["is_admissible"] for row in register}
    for number, key in enumerate(form.indicators, start=2):
        faults += _Row(book, number, key, form, declared, may).faults()
    return faults


def _moved(book: Received, form: Form, expert: str) -> Iterator[Fault]:
    """Cells that are not what was written there; where a column is, no cell below it need be told."""
    sheet = book[SCORES]
    if [_text(sheet.cell(1, place)) for place in range(1, len(HEADER) + 1)] != list(HEADER):
        yield from _other_columns(sheet)
        return
    for number, key in enumerate(form.indicators, start=2):
        fixed = {
            "指标 Indicator": key,
            "专家 Expert": expert,
            "评价期 Period": form.period,
            "轮次 Round": str(form.round),
        }
        for name, text in fixed.items():
            yield from _differs(sheet.cell(number, _AT[name] + 1), SCORES, text)
    for row in sheet.iter_rows(min_row=len(form.indicators) + 2):
        for cell in row:
            if cell.value is not None:
                yield _fault(cell, SCORES, "表格之外多出内容", "there is something below the table")
    questions = book[DECLARATION]
    for row_number, kind in enumerate(_QUESTIONS, start=2):
        yield from _differs(questions.cell(row_number, 1), DECLARATION, f"{_TIES[kind]}：{_QUESTIONS[kind]}")


def _other_columns(sheet: Page) -> Iterator[Fault]:
    """Which columns are missing, as they are in a workbook of an earlier layout; where none is, which stand elsewhere."""
    found = {_text(cell): cell.coordinate for cell in sheet[1]}
    missing = [name for name in HEADER if name not in found]
    for place, name in enumerate(HEADER, start=1):
        cell = sheet.cell(1, place)
        if name in missing:
            zh, en = (
                "缺少此列（旧版式，或已删除），请用 esg panel export 重新导出，填入新表",
                "the column is missing (an earlier layout, or deleted): export the workbook anew with esg panel export and fill that one in",
            )
        elif not missing and _text(cell) != name:
            zh, en = f"此列现在 {found[name]}，请移回", f"the column stands in {found[name]}: move it back"
        else:
            continue  # what a missing column has shifted
        said = _text(cell).partition("\n")[0]
        yield _fault(cell, SCORES, f"应为“{name}”，现为“{said}”：{zh}", f"{name!r} stood here, not {said!r}: {en}")


def _differs(cell: Cell, sheet: str, wanted: str) -> Iterator[Fault]:
    found = _text(cell)
    if found != wanted:
        shown, said = (text.partition("\n")[0] for text in (wanted, found))
        yield _fault(
            cell,
            sheet,
            f"应为“{shown}”，现为“{said}”：行列被移动或改动",
            f"{shown!r} stood here, not {said!r}: moved or changed",
        )


def _fault(cell: Cell, sheet: str, zh: str, en: str) -> Fault:
    return Fault(sheet, cell.coordinate, zh, en)


def _text(cell: Cell) -> str:
    value = cell.value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value).strip()


def _declared(book: Received, form: Form) -> tuple[dict[str, set[str]], list[Fault]]:
    """Tie → the indicators of the round it affects, and what is wrong with the declaration."""
    standard = {key for key, one in catalogue().items() if one.kind != "metric"}
    sheet, ties, faults = book[DECLARATION], {}, []
    for number, kind in enumerate(_QUESTIONS, start=2):
        answer, affected = sheet.cell(number, _ANSWER), sheet.cell(number, _AFFECTED)
        if _text(answer) not in ("是", "否"):
            faults.append(_fault(answer, DECLARATION, "请回答是或否", "answer yes (是) or no (否)"))
        if _text(answer) != "是":
            continue
        named = {one.strip() for one in _text(affected).split("|") if one.strip()}
        if kind in _WHOLE or named & set(_ALL):
            named = standard
        ties[kind] = named & set(form.indicators)  # a tie may concern what is not asked again
        if unknown := sorted(named - standard) or ([""] if not named else []):
            faults.append(_fault(affected, DECLARATION, f"没有该指标：{'、'.join(unknown) or '未填'}；多个编号用 | 分隔",
                                 f"no such indicator: {', '.join(unknown) or 'nothing is named'}; separate ids by |"))  # fmt: skip
    faults += _signature(sheet.cell(_DATE, _ANSWER), sheet.cell(_ALONE, _ANSWER))
    return ties, faults


def _signature(day: Cell, alone: Cell) -> Iterator[Fault]:
    is_day = isinstance(day.value, (date, datetime)) or re.fullmatch(r"\d{4}-\d{2}-\d{2}", _text(day))
    if not is_day:
        yield _fault(day, DECLARATION, "请填声明日期，如 2027-01-15", "write the date, such as 2027-01-15")
    if _text(alone) != "是":
        yield _fault(alone, DECLARATION, "须确认独立评分", "independence must be confirmed with 是")


class _Row:
    """One indicator's row as an expert filled it in."""

    def __init__(self, book: Received, number: int, key: str, form: Form, declared: dict[str, set[str]],
                 may: Mapping[str, bool]) -> None:  # fmt: skip
        sheet = book[SCORES]
        self.key, self.may, self.cap = key, may, form.caps.get(key)
        self.cells = {name: sheet.cell(number, _AT[name] + 1) for name in _INPUTS}
        self.ties = [kind for kind, affected in declared.items() if key in affected]

    def faults(self) -> Iterator[Fault]:
        formulas = [name for name, cell in self.cells.items() if cell.data_type in ("f", "e")]
        for name in formulas:
            yield self._fault(name, "此处不得为公式或错误值", "no formula and no error may stand here")
        if formulas:
            return
        level, conflict = _text(self.cells[_LEVEL]), _text(self.cells[_CONFLICT])
        yield from self._conflict(level, conflict)
        if conflict or self.ties:
            return
        if not level:
            yield self._fault(
                _LEVEL,
                f"未评级；无法判断请选“{ABSTAIN}”",
                f"no level; choose {ABSTAIN} (abstain) where you cannot judge",
            )
        elif re.fullmatch("[0-5]", level):
            yield from self._level(int(level))
        elif level != ABSTAIN:
            yield self._fault(
                _LEVEL,
                f"等级应为 0–5 的整数，现为“{level}”",
                f"a whole level from 0 to 5 is expected, not {level!r}",
            )

    def _fault(self, name: str, zh: str, en: str) -> Fault:
        return Fault(SCORES, self.cells[name].coordinate, f"{self.key} {zh}", f"{self.key} {en}")

    def _conflict(self, level: str, conflict: str) -> Iterator[Fault]:
        words = {_TIES[kind] for kind in self.ties}
        if conflict and conflict not in _TIES.values():
            yield self._fault(_CONFLICT, f"不是所列利益关系：“{conflict}”", f"not a tie from the list: {conflict!r}")
        elif conflict and conflict not in words:
            yield self._fault(_CONFLICT, "利益声明页未声明此关系", "the declaration does not say so")
        elif words and not conflict:
            yield self._fault(
                _CONFLICT,
                f"已声明利益关系，请选“{'/'.join(sorted(words))}”",
                "a tie is declared for it: choose it here",
            )
        if (conflict or words) and level:
            yield self._fault(
                _LEVEL, "存在利益冲突，不得评级，请清空", "an expert in conflict gives no level: clear it"
            )

    def _level(self, level: int) -> Iterator[Fault]:
        cited = [one.strip() for one in _text(self.cells[_CITED]).split("|") if one.strip()]
        for one in cited:
            if one not in self.may:
                yield self._fault(
                    _CITED,
                    f"证据未登记：“{one}”；多个编号用 | 分隔",
                    f"not in the register: {one!r}; separate ids by |",
                )
            elif not self.may[one]:
                yield self._fault(
                    _CITED, f"证据不可引用：{one}（见证据页）", f"may not be cited: {one} (see the evidence sheet)"
                )
        if level > 1 and not cited:
            yield self._fault(
                _CITED, f"{level} 级须引用证据，否则最高 1 级", f"level {level} cites evidence; without it, 1 at most"
            )
        if self.cap and level > self.cap[0] and not _text(self.cells[_OVER_CAP]):
            yield self._fault(_OVER_CAP, f"{level} 级高于封顶 {self.cap[0]}，须写明理由：{self.cap[1]}",
                              f"level {level} lies above the cap of {self.cap[0]}: say why ({self.cap[1]})")  # fmt: skip
        if _text(self.cells[_CONFIDENCE]) not in (*_SURE, *_SURE.values()):
            yield self._fault(_CONFIDENCE, "把握程度应为低、中或高", "confidence is low (低), medium (中) or high (高)")
