"""The golden case of metric arithmetic as an enterprise folder: from the systems' files to the printed digits.

Not here: goods per day of a leap February, which no metric of the hub is divided by; revenue gross of VAT, which its contract
does not know.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest

from indicators.panel_workbook import SCORES, Form, Material, write
from pipelines.run import locked, run
from pipelines.trace import trace
from schemas.enterprise import Enterprise

CASE = Path(__file__).parent / "golden_c20"
JANUARY, YEAR = "2026-01", "2026"
DAYS = [f"{JANUARY}-{day:02d}" for day in range(1, 26)]


def deliver(folder: Path) -> None:
    """Two months of extracts, and hours of a third.

    5 000 people, all but 110 of an agency, work 25 days of 10 h, 3 000 of them at W1: 750 000 + 500 000 = 1 250 000 h, overtime
    included. Three of them have standard hours: 34 h of overtime with one day of 3.5, 36.0 h in days of 3.0, and 36.5 h.
    In February the injury log has no line, in March it does not come.
    """
    extracts = folder / "extracts"
    overtime = {0: [3.5, *[3.0] * 10, 0.5], 1: [3.0] * 12, 2: [*[3.0] * 12, 0.5]}
    worked = ["who,date,site,system,hours,overtime"]
    for one in range(5000):
        who, site = f"{'E' if one < 110 else 'A'}{one}", "W1" if one < 3000 else "W2"
        system, extra = ("standard", overtime[one]) if one in overtime else ("comprehensive", [2.0] * 25)
        extra += [0.0] * (25 - len(extra))
        worked += [f"{who},{day},{site},{system},10,{more}" for day, more in zip(DAYS, extra, strict=True)]
    few = [f"E{one},{{month}}-02,W1,comprehensive,10,2" for one in range(12)]
    gravest = ["损失工时", "损失工时", "死亡", "其他可记录", "其他可记录", "急救"]
    injuries = [f"WI-{one},W1,{JANUARY}-31,{what},否" for one, what in enumerate(gravest)] + [
        f"WI-9,W1,{JANUARY}-31,损失工时,是"
    ]
    asked = [("总体满意度", score) for score in (5, 4, 4, 3, 2)] + [
        ("推荐意愿", score) for score in (10, 9, 8, 7, 6, 3)
    ]
    answers = [f"C{one},{question},{JANUARY}-20,{score}" for one, (question, score) in enumerate(asked)]
    texts = {
        "attendance/2026-01": worked,
        **{f"attendance/{month}": [worked[0], *(line.format(month=month) for line in few)] for month in ("2026-02", "2026-03")},
        "injuries/2026-01": ["编号,场所,日期,后果,上下班途中", *injuries],
        "injuries/2026-02": ["编号,场所,日期,后果,上下班途中"],
        "customers/2026-01": ["编号,题目,日期,得分", *answers],
        "survey": ["no,date,score", *[f"S{one},{JANUARY}-20,5" for one in range(20)]],
        "bills": ["no,first,last,kwh", f"B1,{JANUARY}-01,{JANUARY}-31,1000000"],
        "revenue": ["no,date,cny", f"R1,{JANUARY}-15,1000000"],  # 1 090 000 less 9 % VAT
    } | orders() | staff()  # fmt: skip
    for name, lines in texts.items():
        path = extracts / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def orders() -> dict[str, list[str]]:
    """90 of 100 on time in January, 5 of 10 in February."""
    found = {}
    for month, on_time, due in ((JANUARY, 90, 100), ("2026-02", 5, 10)):
        lines = [
            f"{month}-{one},{month}-05 09:00,{month}-10 20:00,{month}-{'10' if one < on_time else '11'} 18:00"
            for one in range(due)
        ]
        found[f"orders/{month}"] = ["no,accepted,promised,delivered", *lines]
    return found


def staff() -> dict[str, list[str]]:
    """100 employees in December; 9 come and 5 leave in January (104), 1 comes and 7 leave in February (98)."""
    hired = dict.fromkeys(range(100), "2020-01-01") | dict.fromkeys(range(100, 109), "2026-01-10") | {109: "2026-02-02"}
    left = dict.fromkeys(range(5), "2026-01-20") | dict.fromkeys(range(5, 12), "2026-02-15")
    found = {}
    for month, first, last in ((JANUARY, 0, 109), ("2026-02", 5, 110)):
        lines = []
        for one in range(first, last):
            gone = left[one] if left.get(one, "").startswith(month) else ""
            lines.append(f"E{one},{month},{'否' if gone else '是'},{hired[one]},{gone}")
        found[f"staff/{month}"] = ["who,month,there,hired,left", *lines]
    return found


@pytest.fixture(scope="module")
def enterprise(tmp_path_factory: pytest.TempPathFactory) -> Enterprise:
    """The case, computed."""
    folder = tmp_path_factory.mktemp("golden") / "enterprise"
    shutil.copytree(CASE, folder)
    deliver(folder)
    found = Enterprise(folder)
    with pytest.MonkeyPatch.context() as patch, locked(found):
        patch.setenv("ESG_PSEUDONYM_KEY", "key of the tests")
        result = run(found, [JANUARY, "2026-02", "2026-03"])
    assert [str(outcome.error) for outcome in result.failed] == []
    assert sum(outcome.total("refused") for outcome in result.outcomes) == 0
    return found


def figures(enterprise: Enterprise, period: str, org: str = "golden-c20") -> dict[tuple[str, str], dict[str, Any]]:
    """(indicator, policy) → its row."""
    with duckdb.connect(str(enterprise.published), read_only=True) as connection:
        rows = connection.execute("select * from indicator.value where period = ? and org_id = ?", [period, org]).pl()
    return {(row["indicator_id"], row["policy"]): row for row in rows.iter_rows(named=True)}


def printed(amount: float) -> str:
    """As `esg trace` prints it."""
    return f"{amount:.10g}"


def test_injury_rates_stand_on_their_base_and_give_the_other(enterprise: Enterprise) -> None:
    # 3 / 1 250 000 h = 2.4 per 1e6 h = .48 per 200 000 h; 5 recordables: .8 per 200 000 h = 4.0 per 1e6 h
    found = figures(enterprise, JANUARY)
    lost, recordable = found["M074", "default"], found["M075", "default"]
    for row, cases, unit in ((lost, 3, "case/1000000 h"), (recordable, 5, "case/200000 h")):
        assert (row["numerator"], row["denominator"], row["denominator_unit"]) == (cases, 1_250_000, "h")
        assert (row["unit"], row["state"], row["reason"], row["coverage"]) == (unit, "measured", None, 1)
    assert [printed(row["value"]) for row in (lost, recordable)] == ["2.4", "0.8"]
    other = [
        lost["numerator"] / lost["denominator"] * 200_000,
        recordable["numerator"] / recordable["denominator"] * 1e6,
    ]
    assert [printed(amount) for amount in other] == ["0.48", "4"]


def test_nothing_in_the_log_is_no_injury_and_no_log_is_not_known(enterprise: Enterprise) -> None:
    assert [figures(enterprise, JANUARY, site)["M074", "default"]["value"] for site in ("W1", "W2")] == [4, 0]
    quiet, late = (figures(enterprise, month, "W1")["M074", "default"] for month in ("2026-02", "2026-03"))
    assert (quiet["value"], quiet["denominator"], quiet["state"]) == (0, 120, "measured")
    assert (late["value"], late["state"], late["reason"]) == (None, "missing", "no_injury_log")


def test_customers_are_told_apart_from_employees_and_each_answer_by_its_scale(enterprise: Enterprise) -> None:
    # (5,4,4,3,2): 3 of 5 = 60 %; mean 3.6, (3.6 - 1)/4 = 65. (10,9,8,7,6,3): (2 - 2)/6 = 0. Employees: 20 of 20
    found = figures(enterprise, JANUARY)
    told = {key: printed(found[key]["value"]) for key in found if key[0] in ("M096", "M097", "A.2.2")}
    assert told == {
        ("M096", "top_two_box"): "60", ("M096", "mean_scaled"): "65", ("M097", "default"): "0",
        ("A.2.2", "top_two_box"): "100", ("A.2.2", "top_box"): "100",
    }  # fmt: skip
    assert found["M096", "top_two_box"]["is_chosen"]
    assert (found["M097", "default"]["unit"], found["M097", "default"]["denominator"]) == ("point", 6)


def test_the_other_figures_of_the_case(enterprise: Enterprise) -> None:
    month, year = figures(enterprise, JANUARY), figures(enterprise, YEAR)
    assert round(year["A.2.7", "first_promise"]["value"], 4) == 86.3636  # 95 / 110
    assert round(year["M086", "default"]["value"], 4) == 11.8227  # 12 / 101.5
    # the day of 3.5 h and the 36.5 h are breaches, 36.0 h in days of 3.0 are none
    assert [month["M065", "default"][side] for side in ("numerator", "denominator")] == [1, 3]
    assert printed(month["A.1.6", "default"]["value"]) == "0.25"  # 25 t / 100 万元, net of VAT
    tce = {policy: printed(month["A.1.10", policy]["numerator"]) for policy in ("equal_calorific", "equivalent")}
    assert tce == {"equal_calorific": "122.9", "equivalent": "300"}


def test_a_rate_leads_down_to_the_lines_of_the_log(enterprise: Enterprise) -> None:
    found = trace(enterprise, "M074", JANUARY)
    rows = found.marts["site_month_safety"]
    assert [(row["site_id"], row["lost_time_cases"], row["worked_h"]) for row in rows] == [
        ("W1", 3, 750_000), ("W2", 0, 500_000),
    ]  # fmt: skip
    assert found.total["injury"] == 7
    assert found.total["attendance_day"] == 125_000
    assert (
        found.rows["injury"][0]["original"]
        == f"编号=WI-0 | 场所=W1 | 日期={JANUARY}-31 | 后果=损失工时 | 上下班途中=否"
    )
    for metric in ("M075", "M096", "M097"):
        assert trace(enterprise, metric, JANUARY).extracts


def test_experts_see_the_metrics_beside_their_indicators(enterprise: Enterprise, tmp_path: Path) -> None:
    chosen = {key: row for (key, _), row in figures(enterprise, JANUARY).items() if row["is_chosen"]}
    form = Form(
        org_id="golden-c20", period=JANUARY, round=1, profile_id="p", profile_hash="f" * 64, tree="draft-2025-a",
        indicators=["A.2.3", "A.2.9"], experts=["E1"],
    )  # fmt: skip
    write(form, "E1", Material("算例物流", chosen, []), tmp_path / "E1.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "E1.xlsx")[SCORES]
    safety, customers = sheet["E2"].value, sheet["E3"].value
    assert "(LTIFR): 2.4 case/1000000 h (实测 measured)；4 级须 / level 4 needs 有 / present" in safety
    assert "(TRIR): 0.8 case/200000 h (实测 measured)" in safety
    assert "M096 客户满意度 Customer satisfaction: 60 % (实测 measured)" in customers
    assert "(NPS): 0 point (实测 measured)" in customers
    assert "asked for: M074" not in safety
    assert "asked for: M096" not in customers
