"""A document as DOCX, for editing: real headings, tables and links, charts as pictures, page numbers.

The same document, font and pictures make the same bytes: no clock is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import docx
from docx.enum.section import WD_ORIENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_BREAK
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor

from indicators.report.document import Block, Cell, Chart, Document, Heading, Points, Signatures, Table, Text, Tiles

if TYPE_CHECKING:
    from docx.document import Document as File
    from docx.text.paragraph import Paragraph

LATIN, CHINESE = "Arial", "Microsoft YaHei"
"""Fonts by name: what a reader's machine has not, its office program replaces."""

_WRITTEN = datetime(2000, 1, 1)  # noqa: DTZ001 - the format has no zone; a fixed moment, so that bytes repeat
_ZIPPED = (2000, 1, 1, 0, 0, 0)
_LINK = "0B5394"
_COLOURS = {"lack": "B3261E", "none": "5F6B7A", "warn": "8A5A00"}
_TEXT_WIDTH = 178  # mm, of A4 with margins of 16 mm
_TWIPS = Mm(_TEXT_WIDTH).twips
_NAMESPACE = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_LINES = "<w:tblBorders>{}</w:tblBorders>".format(
    "".join(
        f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="C3CAD3"/>' for side in ("top", "bottom", "insideH")
    )
)
_ROOM = "<w:tblCellMar>{}</w:tblCellMar>".format(
    "".join(
        f'<w:{side} w:w="{twips}" w:type="dxa"/>'
        for side, twips in (("top", 40), ("left", 60), ("bottom", 40), ("right", 60))
    )
)
_WIDE_FROM = 9  # columns; such tables are set smaller
_SHORT = 16  # rows of a table that stays on one page


def docx_of(document: Document, pictures: list[bytes] | None) -> bytes:
    """The document as the bytes of a DOCX file.

    Args:
        document: what it says.
        pictures: its charts as PNG (`document.drawings`); without them a note stands in the place of each.
    """
    return _Writer(document, pictures).bytes()


class _Writer:
    def __init__(self, document: Document, pictures: list[bytes] | None) -> None:
        self.document = document
        self.pictures: Iterator[bytes] | None = None if pictures is None else iter(pictures)
        self.file: File = docx.Document()
        self.bookmarks = 0
        self.writers: dict[type, Callable[[Any], None]] = {
            Text: self._text, Points: self._points, Heading: self._heading, Tiles: self._tiles, Chart: self._chart,
            Signatures: self._signatures, Table: self._table,
        }  # fmt: skip

    def bytes(self) -> bytes:
        self._set_up()
        self._cover()
        for section in self.document.sections:
            heading = self._paragraph(f"{section.mark} {section.title}".strip(), "Heading1")
            self._soft(heading, f"  {section.second}", 9)
            self._blocks(section.blocks)
        self._soft(self.file.add_paragraph(), self.document.foot, 7)
        raw = BytesIO()
        self.file.save(raw)
        return _repeatable(raw)

    def _blocks(self, blocks: list[Block]) -> None:
        waiting: Chart | None = None
        for block in blocks:
            is_half = isinstance(block, Chart) and block.half
            if waiting is not None and isinstance(block, Chart) and is_half:
                self._pair((waiting, block))
                waiting = None
                continue
            if waiting is not None:
                self._chart(waiting)
                waiting = None
            if isinstance(block, Chart) and is_half:
                waiting = block
            else:
                self.writers[type(block)](block)
        if waiting is not None:
            self._chart(waiting)

    def _set_up(self) -> None:
        core = self.file.core_properties
        core.title, core.author, core.comments = f"{self.document.name} · {self.document.title}", "", ""
        core.created = core.modified = _WRITTEN
        page = self.file.sections[0]
        page.orientation, page.page_width, page.page_height = WD_ORIENT.PORTRAIT, Mm(210), Mm(297)
        page.left_margin = page.right_margin = Mm(16)
        page.top_margin = page.bottom_margin = Mm(18)
        for name, size in (("Normal", 9.5), ("Heading 1", 15), ("Heading 2", 11.5), ("Title", 22), ("List Bullet", 9.5)):  # fmt: skip
            style: Any = self.file.styles[name]
            style.font.name, style.font.size = LATIN, Pt(size)
            style.font.color.rgb = RGBColor.from_string("1D2733")
            fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
            for script in ("w:asciiTheme", "w:hAnsiTheme", "w:eastAsiaTheme", "w:cstheme"):
                fonts.attrib.pop(qn(script), None)
            fonts.set(qn("w:ascii"), LATIN)
            fonts.set(qn("w:hAnsi"), LATIN)
            fonts.set(qn("w:eastAsia"), CHINESE)
        header = page.header.paragraphs[0]
        self._soft(header, f"{self.document.name} · {self.document.title} · {self.document.facts[0][1]}", 8)
        foot = page.footer.paragraphs[0]
        foot.alignment = WD_ALIGN_PARAGRAPH.CENTER
        _field(foot, "PAGE", "1")
        foot.add_run(" / ")
        _field(foot, "NUMPAGES", "1")

    def _cover(self) -> None:
        document = self.document
        self._paragraph(document.name, "Title")
        title = self.file.add_paragraph()
        title.add_run(document.title).bold = True
        self._soft(title, f"  {document.second}", 9)
        self._grid([[(name, False), (value, True)] for name, value in document.facts], (1, 3))
        for item in document.notice:
            self._paragraph(item, "ListBullet")
        if document.has_contents:
            _contents(self.file.add_paragraph(), [f"{one.mark} {one.title}".strip() for one in document.sections])
            self.file.add_paragraph().add_run().add_break(WD_BREAK.PAGE)

    def _paragraph(self, text: str, style: str) -> Paragraph:
        """A paragraph of a style, by its id: looking a style up by its name takes as long as all the rest."""
        paragraph = self.file.add_paragraph(text)
        paragraph._p.style = style
        return paragraph

    # ── blocks ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _text(self, block: Text) -> None:
        paragraph = self.file.add_paragraph()
        if block.small:
            self._soft(paragraph, block.text, 8)
        else:
            paragraph.add_run(block.text)

    def _points(self, block: Points) -> None:
        for item in block.items:
            self._paragraph(item, "ListBullet")

    def _heading(self, block: Heading) -> None:
        paragraph = self._paragraph(block.text, "Heading2")
        self._mark(paragraph, block.anchor)

    def _tiles(self, block: Tiles) -> None:
        table = self._new(len(block.items), [1.0] * len(block.items), rows=1)
        for place, (name, value, note) in enumerate(block.items):
            cell = table.rows[0].cells[place]
            self._soft(cell.paragraphs[0], name, 8)
            run = cell.add_paragraph().add_run(value)
            run.bold, run.font.size = True, Pt(15)
            self._soft(cell.add_paragraph(), note, 7.5)
        self.file.add_paragraph()

    def _chart(self, block: Chart) -> None:
        caption = self.file.add_paragraph()
        self._picture(caption, block, _TEXT_WIDTH if block.wide else _TEXT_WIDTH * 0.62)

    def _pair(self, blocks: tuple[Chart, Chart]) -> None:
        """Two charts side by side."""
        table = self._new(2, (1, 1), rows=1)
        table.rows[0]._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))
        for cell, block in zip(table.rows[0].cells, blocks, strict=True):
            self._picture(cell.paragraphs[0], block, _TEXT_WIDTH / 2 - 5)

    def _picture(self, caption: Paragraph, block: Chart, wide_mm: float) -> None:
        run = caption.add_run(block.caption)
        run.bold = True
        if self.pictures is None:
            self._soft(caption, "\n" + _NO_PICTURE[self.document.language], 8)
            return
        run.add_break()
        picture = caption.add_run().add_picture(BytesIO(next(self.pictures)))
        picture.height, picture.width = round(picture.height * Mm(wide_mm) / picture.width), Mm(wide_mm)
        picture._inline.docPr.set("descr", block.caption)

    def _signatures(self, block: Signatures) -> None:
        pairs = [[(item, False) for item in block.items[place : place + 2]] for place in range(0, len(block.items), 2)]
        self._grid([pair + [("", False)] * (2 - len(pair)) for pair in pairs], (1, 1), height=14)

    def _table(self, block: Table) -> None:
        """Written as XML in one go: cell by cell python-docx takes ten times as long."""
        named = any(block.head)
        rows = ([[Cell(name) for name in block.head]] if named else []) + block.rows
        size = 7 if len(block.head) >= _WIDE_FROM else 8
        numeric = block.numeric
        lines = []
        for place, cells in enumerate(rows):
            is_head = named and place == 0
            strong = is_head or place - named in block.strong
            together = named and len(rows) <= _SHORT and place + 1 < len(rows)
            head = "<w:cantSplit/>" + ("<w:tblHeader/>" if is_head else "")
            written = [self._cell(cell, strong, together, size, right) for cell, right in zip(cells, numeric, strict=True)]  # fmt: skip
            lines.append(f"<w:tr><w:trPr>{head}</w:trPr>{''.join(written)}</w:tr>")
        shares = [share or 0.6 for share in block.widths] or [1.0] * len(block.head)
        grid = "".join(f'<w:gridCol w:w="{round(_TWIPS * share / sum(shares))}"/>' for share in shares)
        properties = f'<w:tblPr><w:tblW w:w="{_TWIPS}" w:type="dxa"/>{_LINES}<w:tblLayout w:type="fixed"/>{_ROOM}</w:tblPr>'  # fmt: skip
        behind = self.file.add_paragraph()
        behind.paragraph_format.space_after = Pt(2)
        behind._p.addprevious(parse_xml(f"<w:tbl {_NAMESPACE}>{properties}<w:tblGrid>{grid}</w:tblGrid>{''.join(lines)}</w:tbl>"))  # fmt: skip

    def _cell(self, cell: Cell, strong: bool, together: bool, size: int, right: bool) -> str:
        colour = _LINK if cell.link and cell.kind not in _COLOURS else _COLOURS.get(cell.kind)
        bold, ink = "<w:b/>" if strong else "", f'<w:color w:val="{colour}"/>' if colour else ""
        halves = 2 * size - 2 * (cell.kind == "code")
        run = f'<w:r><w:rPr>{bold}{ink}<w:sz w:val="{halves}"/></w:rPr><w:t xml:space="preserve">{_safe(cell.text)}</w:t></w:r>'
        if cell.link:
            run = f'<w:hyperlink w:anchor="{_bookmark(cell.link)}">{run}</w:hyperlink>'
        if cell.anchor:
            self.bookmarks += 1
            run = f'<w:bookmarkStart w:id="{self.bookmarks}" w:name="{_bookmark(cell.anchor)}"/>{run}<w:bookmarkEnd w:id="{self.bookmarks}"/>'
        keep, side = "<w:keepNext/>" if together else "", '<w:jc w:val="right"/>' if right else ""
        shade = '<w:tcPr><w:shd w:val="clear" w:color="auto" w:fill="F3F5F8"/></w:tcPr>' if strong else ""
        return f'<w:tc>{shade}<w:p><w:pPr>{keep}<w:spacing w:after="0" w:line="240" w:lineRule="auto"/>{side}</w:pPr>{run}</w:p></w:tc>'

    def _new(self, columns: int, shares: Sequence[float], rows: int = 0) -> Any:  # noqa: ANN401 - python-docx has no type for it
        """A table over the width of the page, its columns as wide as their shares."""
        table = self.file.add_table(rows=rows, cols=columns)
        table.autofit = False
        for column, share in zip(table.columns, shares, strict=True):
            column.width = Mm(_TEXT_WIDTH * share / sum(shares))
        return table

    # ── pieces ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _grid(self, rows: list[list[tuple[str, bool]]], shares: Sequence[float], height: float | None = None) -> None:
        table = self._new(len(shares), shares)
        for cells in rows:
            row = table.add_row()
            if height is not None:
                row.height = Mm(height)
            for target, (text, strong) in zip(row.cells, cells, strict=True):
                target.paragraphs[0].paragraph_format.space_after = Pt(2)
                target.paragraphs[0].add_run(text).bold = strong
        self.file.add_paragraph()

    def _soft(self, paragraph: Paragraph, text: str, size: float) -> None:
        run = paragraph.add_run(text)
        run.font.size, run.font.color.rgb = Pt(size), RGBColor.from_string("5F6B7A")

    def _mark(self, paragraph: Paragraph, anchor: str) -> None:
        if not anchor:
            return
        self.bookmarks += 1
        for tag in ("w:bookmarkStart", "w:bookmarkEnd"):
            mark = OxmlElement(tag)
            mark.set(qn("w:id"), str(self.bookmarks))
            if tag == "w:bookmarkStart":
                mark.set(qn("w:name"), _bookmark(anchor))
            paragraph._p.append(mark)


_NO_PICTURE = {
    "zh": "图未嵌入：本机无中文字体（可安装 fonts-noto-cjk 后重新生成）；数据见相邻表格，图见同名 HTML。",
    "en": "Chart not embedded: this machine has no font with Chinese (fonts-noto-cjk); its figures stand in the table beside it, the chart in the HTML of the same name.",
}


def _bookmark(anchor: str) -> str:
    """A name a bookmark may have: letters, digits and _."""
    return "_" + "".join(sign if sign.isalnum() else "_" for sign in anchor)


def _safe(text: str) -> str:
    """A text as XML may hold it; signs XML has no place for are left out."""
    return escape("".join(sign for sign in text if sign in "\t\n" or sign >= " "))


def _field(paragraph: Paragraph, instruction: str, shown: str) -> None:
    """A field the office program fills in; `shown` until it does."""
    for kind in ("begin", None, "separate", "", "end"):
        run = paragraph.add_run(shown if kind == "" else "")
        if kind is None:
            text = OxmlElement("w:instrText")
            text.set(qn("xml:space"), "preserve")
            text.text = instruction
            run._r.append(text)
        elif kind:
            mark = OxmlElement("w:fldChar")
            mark.set(qn("w:fldCharType"), kind)
            run._r.append(mark)


def _contents(paragraph: Paragraph, titles: list[str]) -> None:
    """A table of contents; the titles alone until the office program counts the pages."""
    _field(paragraph, 'TOC \\o "1-1" \\h', "\n".join(titles))


def _repeatable(raw: BytesIO) -> bytes:
    """The same file with every part dated alike."""
    made = BytesIO()
    with ZipFile(raw) as old, ZipFile(made, "w", ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(ZipInfo(name, _ZIPPED), old.read(name), ZIP_DEFLATED)
    return made.getvalue()
