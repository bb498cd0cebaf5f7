"""The report: what is absent is named, what is given appears as given, and nothing in it runs."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import polars as pl
import pytest

from indicators.declared import catalogue
from indicators.report.render import months_of, number, percent, render, score_text
from indicators.scoring.profile import load
from indicators.scoring.score import RESULT, score

PROFILE = load("draft-neutral-v1")
EXPERTS = pl.DataFrame(
    [
        {
            "expert_id": f"X{place}", "indicator_id": key, "round": 1, "level": 0 if key == "A.1.22" else 3,
            "is_conflicted": False,
        }
        for key, one in catalogue().items()
        if one.kind in ("mixed", "qualitative") and key != "A.3.6"
        for place in range(3)
    ]
)  # fmt: skip
ENTERPRISE = {"id": "demo", "name": {"zh": "演示物流", "en": "Demo Logistics"}}


def value(key: str, period: str, number_: float | None, **more: object) -> dict[str, object]:
    one = catalogue()[key]
    row = {
        "indicator_id": key, "period": period, "org_id": "demo", "org_kind": "enterprise", "policy": "default",
        "numerator": 12.0, "numerator_unit": one.numerator_unit(), "denominator": 48.0,
        "denominator_unit": one.denominator_unit(), "value": number_, "unit": one.unit, "state": "measured",
        "coverage": 1.0, "reason": None, "boundary": "2 sites", "run_id": "run-1", "is_chosen": True,
    }  # fmt: skip
    return row | more


def frame(*rows: dict[str, object]) -> pl.DataFrame:
    text = dict.fromkeys(("reason", "numerator_unit", "denominator_unit", "policy"), pl.String)
    figures = dict.fromkeys(("numerator", "denominator", "value", "coverage"), pl.Float64)
    return pl.DataFrame(list(rows), schema_overrides=text | figures)


VALUES = frame(
    value("A.2.7", "2026", 97.2),
    value("A.2.7", "2026", 95.125, policy="latest_promise", is_chosen=False),
    value("A.2.7", "2026-03", None, state="missing", reason="no_delivery", numerator=None, denominator=None),
    value("A.2.8", "2026", None, state="not_applicable", reason="no_goods", numerator=None, denominator=None),
    value("A.2.6", "2026", 0.0, numerator=0.0, denominator=1234567.0),
    value("A.2.7", "2026", 11.111, org_id="site-1"),
    value("M025", "2026", 12.3456),
)
YEAR = VALUES.filter((pl.col("org_id") == "demo") & (pl.col("period") == "2026"))
SCORES = score(YEAR, EXPERTS, PROFILE)


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.cells: list[str] = []

    def handle_data(self, data: str) -> None:
        self.cells.append(data)


def text(html: str) -> str:
    parser = _Text()
    parser.feed(html)
    return " ".join(" ".join(parser.cells).split())


def report(period: str = "2026", **changes: object) -> str:
    given = {"enterprise": ENTERPRISE, "values": VALUES, "scores": SCORES, "catalogue": catalogue(), "profile": PROFILE}
    return render(period, **(given | changes))


def row_of(html: str, title: str, last: bool = True) -> str:
    """The text of the table row that holds a title; the last such row unless told otherwise."""
    rows = [text(row) for row in re.findall(r"<tr[ >].*?</tr>", html, re.DOTALL) if title in row]
    return rows[-1 if last else 0]


def test_what_a_user_wrote_is_shown_and_never_run() -> None:
    html = report(enterprise={"id": "demo", "name": "<script>alert(1)</script>"})
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_the_page_needs_nothing_from_elsewhere() -> None:
    html = report()
    assert not re.search(r"<script|<link|<img|https?://|@import|url\(", html)


def test_a_withheld_grade_says_why() -> None:
    few = EXPERTS.filter(~pl.col("indicator_id").is_in(["A.3.1", "A.3.3", "A.3.4"]))  # G: 7 of 11 scored
    shown = text(report(scores=score(YEAR, few, PROFILE)))
    assert "暂不评级 withheld" in shown
    assert "至少一个维度的数据覆盖率低于门槛" in shown


def test_a_given_grade_is_shown() -> None:
    shown = text(report())
    assert f"等级 Grade {SCORES.row(by_predicate=pl.col('level') == 'total', named=True)['grade']}" in shown
    assert "暂不评级 withheld" not in shown


def test_the_scores_are_those_given_with_their_bounds() -> None:
    total = SCORES.row(by_predicate=pl.col("level") == "total", named=True)
    shown = text(report())
    assert f"{score_text(total['score'])} / 100" in shown
    assert f"{score_text(total['lower'])} – {score_text(total['upper'])}" in shown


def test_not_applicable_missing_and_zero_are_three_words() -> None:
    html = report()
    detail = html[html.index("指标明细") : html.index("运营指标")]
    assert "缺失（计 0）" in row_of(detail, "数据安全治理")
    assert "专家未评分" in row_of(detail, "数据安全治理")
    assert "不适用" in row_of(detail, "货物完好率")
    assert "0.00" in row_of(detail, ">A.1.22<")
    assert "缺失" not in row_of(detail, ">A.1.22<")


def test_a_figure_stands_with_numerator_denominator_unit_and_state() -> None:
    html = report()
    six = html[html.index("六项定量指标") : html.index("逐月数值")]
    assert "0 起 1,234,567 单 0 % 实测 measured 100 %" in row_of(six, "客户投诉率")
    assert "– – 不适用" in row_of(six, "货物完好率")


def test_another_reading_is_shown_and_not_scored() -> None:
    assert "95.125" in row_of(report(), "latest_promise")
    assert "不计分" in row_of(report(), "latest_promise")


def test_figures_of_other_organisations_do_not_enter() -> None:
    assert "11.111" not in report()


def test_a_month_without_a_value_is_named_in_the_table_of_months() -> None:
    html = report()
    months = html[html.index('class="months"') : html.index("指标明细")]
    assert "2026-01 2026-02 2026-03" in row_of(months, "2026-01")
    assert row_of(months, "准时交付率").count("缺失") == 12


def test_every_gap_is_listed_with_its_reason() -> None:
    html = report()
    notes = html[html.index("数据质量说明") :]
    assert "no anchors" in row_of(notes, "温室气体排放强度") or "no value" in row_of(notes, "温室气体排放强度")
    assert "无货物交付数据" in row_of(notes, "货物完好率")


def test_unverified_factors_are_named() -> None:
    facts = ENTERPRISE | {"unverified_factors": [{"factor_id": "grid_x", "source": "announcement 12"}]}
    assert "grid_x announcement 12" in text(report(enterprise=facts))
    assert "尚未核对原文的因子" not in report()


def test_purpose_appears_only_where_it_is_given() -> None:
    assert "1 评价范围" in text(report())
    assert "1 评价目的 Purpose 自我改进" in text(report(enterprise=ENTERPRISE | {"purpose": "自我改进"}))


def test_a_period_without_scores_shows_values_only() -> None:
    shown = text(report("2026-03", scores=pl.DataFrame(schema=RESULT)))
    assert "本期间未评分" in shown
    assert "指标明细" not in shown


def test_the_page_says_that_the_standard_is_a_draft_and_names_the_method() -> None:
    shown = text(report())
    assert "征求意见稿" in shown
    assert PROFILE.hash in shown


def test_english_comes_first_when_asked() -> None:
    html = report(language="en")
    assert '<html lang="en">' in html
    assert "Demo Logistics 演示物流" in text(html)
    assert "TMS, ERP, CRM" in text(html)


def test_the_page_is_the_same_whatever_the_order_of_the_rows() -> None:
    assert report() == report(values=VALUES.reverse(), scores=SCORES)


@pytest.mark.parametrize(
    ("amount", "unit", "shown"),
    [
        (None, None, "–"),
        (0.0, "%", "0"),
        (1234567.0, None, "1,234,567"),
        (0.25, "tCO2e/万元", "0.25"),
        (0.083333, "%", "0.08333"),
        (86.363636, "%", "86.364"),
        (99.9995, "%", "99.9995"),
        (100.0, "%", "100"),
        (0.0005, None, "0.0005"),
        (4567.85, "tCO2e", "4,567.9"),
        (-3.0, None, "-3"),
    ],
)
def test_figures_keep_four_digits_and_round_half_up(amount: float | None, unit: str | None, shown: str) -> None:
    assert number(amount, unit) == shown


def test_shares_and_scores_round_half_up() -> None:
    assert (percent(0.125, 0), percent(1 / 3, 2), percent(None)) == ("13 %", "33.33 %", "–")
    assert (score_text(59.995), score_text(None)) == ("60.00", "–")


def test_a_window_has_its_twelve_months() -> None:
    assert months_of("2025-07..2026-06")[5:7] == ["2025-12", "2026-01"]
    assert len(months_of("2025-07..2026-06")) == len(months_of("2026")) == 12
    assert months_of("2026-03") == ["2026-03"]
