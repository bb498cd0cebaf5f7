"""The documents that are handed out, in every form, written from what is published."""

from __future__ import annotations

from pathlib import Path

from indicators import declared
from indicators.report import document, evaluation
from indicators.report.evaluation_layout import document as evaluation_document
from indicators.report.inventory import gather
from indicators.report.inventory_layout import document as inventory_document
from indicators.report.word import docx_of
from indicators.report.words import LANGUAGES, Language
from indicators.scoring.profile import load
from schemas.enterprise import Enterprise
from schemas.lake import months_of, replaced, write_text
from warehouse.access import connect


def write_report(enterprise: Enterprise, period: str) -> list[Path]:
    """Write the evaluation report of a period from what is published, in Chinese and in English.

    Returns:
        The data object as JSON, HTML and DOCX, and PDF where the system has a font with Chinese; the Chinese page first.

    Raises:
        HubError: nothing is published, or it holds no value of the period.
    """
    profile = load(enterprise.declaration.profile, enterprise.folder)
    with connect(enterprise.folder) as connection:
        found = evaluation.gather(connection, enterprise.declaration, profile, declared.catalogue(), period)
    folder = enterprise.data / "reports" / period
    written = []
    for language in LANGUAGES:
        written += _forms(evaluation_document(found, language), folder / f"report.{language}.html")
    write_text(folder / "report.json", found.json())
    return [*written, folder / "report.json"]


def _forms(made: document.Document, page: Path) -> list[Path]:
    """A document as page, as DOCX, and as PDF where the system has a font with Chinese; a stale PDF does not stay."""
    font = document.chinese_font()
    forms = {
        ".html": document.html(made).encode(),
        ".docx": docx_of(made, None if font is None else document.drawings(made, font)),
    }
    if font is not None:
        forms[".pdf"] = document.pdf(made, font)
    else:
        page.with_suffix(".pdf").unlink(missing_ok=True)
    for suffix, content in forms.items():
        with replaced(page.with_suffix(suffix)) as temporary:
            temporary.write_bytes(content)
    return [page.with_suffix(suffix) for suffix in forms]


def write_inventory(enterprise: Enterprise, period: str, language: Language = "zh") -> list[Path]:
    """Write the greenhouse-gas inventory report of a period from what is published.

    Returns:
        The HTML page, and the PDF where the system has a font with Chinese.

    Raises:
        HubError: nothing is published, or it holds no emissions of the period.
    """
    with connect(enterprise.folder) as connection:
        made = inventory_document(gather(connection, enterprise.declaration, period, months_of(period)), language)
    page = enterprise.data / "reports" / period / f"inventory.{language}.html"
    write_text(page, document.html(made))
    font = document.chinese_font()
    if font is None:
        return [page]
    with replaced(page.with_suffix(".pdf")) as temporary:
        temporary.write_bytes(document.pdf(made, font))
    return [page, page.with_suffix(".pdf")]
