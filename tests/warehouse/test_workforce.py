"""Rolls that do not list everybody, and hours that come from one system after the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.warehouse.bare import bare
from tests.world import make
from warehouse.marts import Warehouse

Row = dict[str, Any]
SITES = [{"site_id": site, "legal_entity_id": entity} for site, entity in (("S", "LE1"), ("T", "LE2"))]
JAN, FEB, MAR, APR = (f"2026-{month:02d}" for month in range(1, 5))


def on_roll(who: str, month: str, site: str = "S", source: str = "hr", **more: Any) -> Row:
    """Somebody on the roll at the month's end, there since 2020 unless said otherwise."""
    fixed = {"employee_key": who, "month": month, "site_id": site, "source": source, "worker_type": "own"}
    return fixed | {"gender": "female", "is_employed_at_end": "true", "hired_on": "2020-01-01"} | more


def gone(who: str, month: str, left_on: str, site: str = "S", source: str = "hr", **more: Any) -> Row:
    """Somebody on the roll of the month they left in."""
    return on_roll(who, month, site, source, **{"is_employed_at_end": "false", "left_on": left_on} | more)


def day(who: str, work_date: str, worked_h: float = 8, site: str = "S", **more: Any) -> Row:
    fixed = {"employee_key": who, "work_date": work_date, "site_id": site, "worked_h": worked_h, "day_kind": "workday"}
    return fixed | {"overtime_h": "0", "source": "clock"} | more


def workforce(roll: list[Row], delivered: dict[str, list[str]], days: list[Row] | None = None) -> dict[Any, Row]:
    """(site, month) → its row, where these rolls and no others were delivered."""
    arrived = [("employee_month", source, month) for source, months in delivered.items() for month in months]
    arrived += [("attendance_day", "clock", month) for month in sorted({one["work_date"][:7] for one in days or []})]
    given = {
        "clean.site": SITES, "clean.employee_month": roll, "clean.attendance_day": days or [],
        "meta.arrival": [dict(zip(("contract", "source", "month"), one, strict=True)) for one in arrived],
    }  # fmt: skip
    found = bare(given, "site_month_workforce").execute("from mart.site_month_workforce").pl()
    return {(row["site_id"], row["month"]): row for row in found.iter_rows(named=True)}


def counted(row: Row) -> tuple[Any, ...]:
    """Average, leavers, at the end, and why not."""
    return tuple(row[name] for name in ("employees_average", "leavers", "employees_end", "roll_reason"))


LATE = (None, None, None, "roll_late")


def unknown(at_the_end: int) -> tuple[Any, ...]:
    """Counted where somebody is lost: those listed at the end, and no more than that."""
    return None, None, at_the_end, "roll_incomplete"


def test_somebody_who_is_no_longer_listed_leaves_the_month_without_a_figure() -> None:
    """10 people in January; one left in February, whose roll lists only the 9 present: not 9 on average and 0 leavers."""
    roll = [on_roll(f"p{n}", month) for month, last in ((JAN, 10), (FEB, 9), (MAR, 9)) for n in range(last)]
    found = workforce(roll, {"hr": [JAN, FEB, MAR]}, [day("p9", f"{FEB}-02"), day("p0", f"{FEB}-02")])
    assert counted(found["S", JAN]) == (10, 0, 10, None)  # nothing can be said against a first month
    assert counted(found["S", FEB]) == unknown(9)
    assert (found["S", FEB]["women_end"], found["S", FEB]["end_reason"]) == (9, None)
    assert found["S", FEB]["employees_worked_h"] is None  # of 16 h, 8 are not known to be an employee's
    assert found["S", FEB]["worked_h"] == 16
    assert counted(found["S", MAR]) == (9, 0, 9, None)


def test_with_a_row_and_the_date_the_month_has_its_figure() -> None:
    """(10 + 9) / 2 = 9.5 people and 1 leaver."""
    roll = [on_roll(f"p{n}", month) for month, last in ((JAN, 10), (FEB, 9)) for n in range(last)]
    found = workforce([*roll, gone("p9", FEB, f"{FEB}-10")], {"hr": [JAN, FEB]}, [day("p9", f"{FEB}-02")])
    assert counted(found["S", FEB]) == (9.5, 1, 9, None)
    assert found["S", FEB]["employees_worked_h"] == 8


@pytest.mark.parametrize(
    "teller",
    [
        pytest.param({"left_on": f"{FEB}-10"}, id="announced in January"),
        pytest.param({"month": MAR, "is_employed_at_end": "false", "left_on": f"{FEB}-10"}, id="told of in March"),
    ],
)
def test_a_leave_date_that_another_month_states_counts_in_its_own(teller: Row) -> None:
    """2 people in January, 1 of them without a row in February: (2 + 1) / 2 = 1.5, 1 leaver, 8 + 4 hours of employees."""
    roll = [on_roll("a", month) for month in (JAN, FEB, MAR)] + [on_roll("b", JAN) | teller]
    if teller.get("month"):
        roll.append(on_roll("b", JAN))
    found = workforce(roll, {"hr": [JAN, FEB, MAR]}, [day("a", f"{FEB}-02"), day("b", f"{FEB}-02", 4)])
    assert counted(found["S", JAN]) == (2, 0, 2, None)
    assert counted(found["S", FEB]) == (1.5, 1, 1, None)
    assert found["S", FEB]["employees_worked_h"] == 12
    assert counted(found["S", MAR]) == (1, 0, 1, None)


def test_a_leave_date_told_of_too_late_counts_in_the_month_of_leaving() -> None:
    """January's roll was drawn before b left on the 30th; February's names the date. January: (2 + 1) / 2 = 1.5, 1 leaver."""
    roll = [on_roll("a", JAN), on_roll("b", JAN), on_roll("a", FEB), gone("b", FEB, f"{JAN}-30")]
    found = workforce(roll, {"hr": [JAN, FEB]})
    assert counted(found["S", JAN]) == (1.5, 1, 1, None)
    assert counted(found["S", FEB]) == (1, 0, 1, None)


def test_somebody_who_came_and_left_in_a_month_is_counted_where_the_next_roll_tells_of_it() -> None:
    """C was hired on the 3rd, left on the 20th and stands in March's roll alone: February has 1 leaver, 1 person on average."""
    roll = [on_roll("a", month) for month in (JAN, FEB, MAR)]
    roll.append(gone("c", MAR, f"{FEB}-20", hired_on=f"{FEB}-03"))
    found = workforce(roll, {"hr": [JAN, FEB, MAR]})
    assert counted(found["S", FEB]) == (1, 1, 1, None)
    assert counted(found["S", MAR]) == (1, 0, 1, None)


def test_an_announced_date_does_not_stand_against_a_later_roll() -> None:
    """B was to leave in February, has no row in it, and works on in March: nobody knows what February was."""
    roll = [on_roll("a", month) for month in (JAN, FEB, MAR)]
    roll += [on_roll("b", JAN, left_on=f"{FEB}-10"), on_roll("b", MAR)]
    found = workforce(roll, {"hr": [JAN, FEB, MAR]})
    assert counted(found["S", FEB]) == unknown(1)
    assert counted(found["S", MAR]) == (2, 0, 2, None)


def test_a_rehire_confirms_the_announced_date() -> None:
    """B left on 10 February as announced and was hired again on 5 April: 1 leaver in February, none in March."""
    roll = [on_roll("a", month) for month in (JAN, FEB, MAR, APR)]
    roll += [on_roll("b", JAN, left_on=f"{FEB}-10"), on_roll("b", APR, hired_on=f"{APR}-05")]
    found = workforce(roll, {"hr": [JAN, FEB, MAR, APR]})
    assert [counted(found["S", month]) for month in (FEB, MAR, APR)] == [
        (1.5, 1, 1, None), (1, 0, 1, None), (1.5, 0, 2, None),
    ]  # fmt: skip


def test_a_rehire_does_not_say_when_somebody_left() -> None:
    roll = [on_roll("a", month) for month in (JAN, FEB, MAR)]
    roll += [on_roll("b", JAN), on_roll("b", MAR, hired_on=f"{MAR}-05")]
    found = workforce(roll, {"hr": [JAN, FEB, MAR]})
    assert counted(found["S", FEB]) == unknown(1)
    assert counted(found["S", MAR]) == (1.5, 0, 2, None)


def test_nothing_is_said_against_a_month_whose_earlier_month_was_never_delivered() -> None:
    """B may have left in February: that is February's to tell, which never came."""
    roll = [on_roll("a", JAN), on_roll("b", JAN), on_roll("a", MAR)]
    found = workforce(roll, {"hr": [JAN, MAR]})
    assert ("S", FEB) not in found
    assert counted(found["S", MAR]) == (1, 0, 1, None)


def test_a_month_that_comes_late_is_held_against_the_next() -> None:
    roll = [on_roll("a", JAN), on_roll("b", FEB), on_roll("a", FEB), on_roll("a", MAR)]
    assert counted(workforce(roll, {"hr": [JAN, FEB, MAR]})["S", MAR]) == unknown(1)
    before = [row for row in roll if row["month"] != FEB]
    assert counted(workforce(before, {"hr": [JAN, MAR]})["S", MAR]) == (1, 0, 1, None)


def test_who_moves_to_another_site_or_legal_entity_has_not_left() -> None:
    """B moves within a source, c from the source of one legal entity to that of another: T has (2 + 2) / 2."""
    roll = [on_roll("a", JAN), on_roll("a", FEB), on_roll("b", JAN), on_roll("b", FEB, "T")]
    roll += [
        on_roll("c", JAN),
        on_roll("c", FEB, "T", "hr2"),
        on_roll("d", JAN, "T", "hr2"),
        on_roll("d", FEB, "T", "hr2"),
    ]
    found = workforce(roll, {"hr": [JAN, FEB], "hr2": [JAN, FEB]})
    assert counted(found["S", FEB]) == (1, 0, 1, None)
    assert counted(found["T", FEB]) == (3, 0, 3, None)


def test_only_the_site_that_lost_somebody_is_without_a_figure() -> None:
    roll = [
        on_roll("a", JAN),
        on_roll("a", FEB),
        on_roll("b", JAN, "T"),
        on_roll("c", JAN, "T"),
        on_roll("c", FEB, "T"),
    ]
    found = workforce(roll, {"hr": [JAN, FEB]}, [day("b", f"{FEB}-02"), day("a", f"{FEB}-02")])
    assert counted(found["T", FEB]) == unknown(1)
    # b, of T, worked at S: S has its people and not the hours of its employees
    assert counted(found["S", FEB]) == (1, 0, 1, None)
    assert (found["S", FEB]["employees_worked_h"], found["S", FEB]["hours_reason"]) == (None, "roll_incomplete")


def test_a_site_of_which_nobody_is_left_on_the_roll_has_a_row_that_says_so() -> None:
    found = workforce([on_roll("a", JAN), on_roll("a", FEB), on_roll("b", JAN, "T")], {"hr": [JAN, FEB]})
    assert counted(found["T", FEB]) == unknown(0)


def test_agency_staff_who_are_no_longer_listed_change_nothing_about_employees() -> None:
    roll = [on_roll("a", JAN), on_roll("a", FEB), on_roll("x", JAN, worker_type="dispatched")]
    found = workforce(roll, {"hr": [JAN, FEB]}, [day("a", f"{FEB}-02"), day("x", f"{FEB}-02")])
    assert counted(found["S", FEB]) == (1, 0, 1, None)
    assert found["S", FEB]["employees_worked_h"] == 8


def test_the_women_of_a_site_are_not_known_while_a_source_of_it_is_late() -> None:
    roll = [on_roll("a", JAN), *(on_roll("c", month, source="hr2") for month in (JAN, FEB))]
    found = workforce(roll, {"hr": [JAN], "hr2": [JAN, FEB]})["S", FEB]
    assert (found["women_end"], found["employees_end"], found["end_reason"]) == (None, None, "roll_late")


def test_a_source_that_is_late_is_no_source_without_people() -> None:
    """Two systems have people at S, 2 and 1; of February only the second has come, not the first: 1 is not all."""
    roll = [on_roll("a", JAN), on_roll("b", JAN), *(on_roll("c", month, source="hr2") for month in (JAN, FEB, MAR))]
    found = workforce(roll, {"hr": [JAN], "hr2": [JAN, FEB, MAR]})
    assert counted(found["S", JAN]) == (3, 0, 3, None)
    assert [counted(found["S", month]) for month in (FEB, MAR)] == [LATE, LATE]
    late = [*(on_roll(who, month) for who in "ab" for month in (FEB, MAR))]
    found = workforce(roll + late, {"hr": [JAN, FEB, MAR], "hr2": [JAN, FEB, MAR]})
    assert [counted(found["S", month]) for month in (FEB, MAR)] == [(3, 0, 3, None)] * 2


def test_a_source_that_another_has_taken_over_from_is_not_late() -> None:
    """All of hr's people stand in hr2's roll from February on, under the same keys; one of them leaves in March."""
    roll = [on_roll("a", JAN), on_roll("b", JAN)] + [on_roll(who, FEB, source="hr2") for who in "ab"]
    roll += [on_roll("a", MAR, source="hr2"), gone("b", MAR, f"{MAR}-10", source="hr2")]
    found = workforce(roll, {"hr": [JAN], "hr2": [FEB, MAR]})
    assert [counted(found["S", month]) for month in (FEB, MAR)] == [(2, 0, 2, None), (1.5, 1, 1, None)]


def test_new_keys_of_the_same_people_leave_one_month_without_a_figure() -> None:
    roll = [on_roll(who, month) for month, keys in ((JAN, "ab"), (FEB, "cd"), (MAR, "cd")) for who in keys]
    found = workforce(roll, {"hr": [JAN, FEB, MAR]})
    assert [counted(found["S", month]) for month in (FEB, MAR)] == [unknown(2), (2, 0, 2, None)]


def test_a_source_of_movements_only_gives_no_figure_in_the_month_after_somebody_came() -> None:
    """Only who comes and who goes stands in it: nobody is said to have stayed."""
    roll = [
        on_roll("a", JAN, hired_on=f"{JAN}-05"),
        on_roll("b", FEB, hired_on=f"{FEB}-05"),
        gone("a", MAR, f"{MAR}-10"),
    ]
    found = workforce(roll, {"hr": [JAN, FEB, MAR]})
    assert [counted(found["S", month]) for month in (FEB, MAR)] == [unknown(1), unknown(0)]


def test_who_had_another_working_time_is_not_tested_by_the_standard_once_off_the_roll() -> None:
    """A has standard hours, b comprehensive ones by January's roll; of February nobody says which b has."""
    roll = [on_roll("a", JAN), on_roll("a", FEB), on_roll("b", JAN, hours_system="comprehensive")]
    days = [day("a", f"{FEB}-02"), day("b", f"{FEB}-02", 12, overtime_h="4")]
    found = workforce(roll, {"hr": [JAN, FEB]}, days)["S", FEB]
    assert (found["tested_employee_months"], found["compliant_employee_months"]) == (None, None)
    assert found["overtime_reason"] == "roll_incomplete"
    # where the hours themselves say which system they are of, nothing is in doubt
    days[1]["hours_system"] = "comprehensive"
    found = workforce(roll, {"hr": [JAN, FEB]}, days)["S", FEB]
    assert (found["tested_employee_months"], found["compliant_employee_months"]) == (1, 1)
    assert found["overtime_reason"] is None


CLOCK = """\
contract: attendance_day
read: {{as: csv, files: "{name}/{{month}}.csv"}}
columns: {{employee_key: who, work_date: date, site_id: {{value: SH-W01}}, worked_h: {{from: hours, unit: h}}, overtime_h: {{from: overtime, unit: h}}}}
"""


def clocked(who: str, days: range, overtime: float) -> list[str]:
    return [f"{who},{MAR}-{number:02d},{8 + overtime},{overtime}" for number in days]


def test_the_month_of_a_change_of_hours_systems_is_tested_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old system has days 1 to 15, the new one 16 to 31; the limits are 3 h a day and 36 h a month.

    a: 10 x 2.0 + 9 x 2.0 = 38 h, within 36 h in either half and over in the month. b: 10 x 2.0 + 8 x 2.0 = 36 h: within.
    c: 3.5 h on the 20th: over. d: both systems have the 15th, with 3.5 h in the old and 1.0 h in the new, which came last: within.
    4 employee-months, 2 within. Hours: 10 + 9 days of 10 h (a), 10 + 8 (b), 11.5 (c), 9 (d): 190 + 180 + 11.5 + 9 = 390.5.
    """
    monkeypatch.setenv("ESG_PSEUDONYM_KEY", "key of the tests")
    world = make(tmp_path / "group", [(name, CLOCK.format(name=name)) for name in ("old", "new")])
    head, first, second = "who,date,hours,overtime", range(1, 11), range(16, 25)
    world.deliver(
        f"old/{MAR}.csv", head, *clocked("a", first, 2), *clocked("b", first, 2), *clocked("d", range(15, 16), 3.5)
    )
    world.ingest(MAR)
    world.deliver(
        f"new/{MAR}.csv", head, *clocked("a", second, 2), *clocked("b", second[:-1], 2), *clocked("c", range(20, 21), 3.5),
        *clocked("d", range(15, 16), 1),
    )  # fmt: skip
    world.ingest(MAR)
    with Warehouse(world.enterprise) as warehouse:
        warehouse.mart("site_month_workforce")
        [found] = warehouse.frame("mart.site_month_workforce").iter_rows(named=True)
    assert (found["compliant_employee_months"], found["tested_employee_months"]) == (2, 4)
    assert (found["worked_h"], found["attending_workers"], found["overtime_reason"]) == (390.5, 4, None)


def test_hours_without_overtime_from_one_of_two_systems_leave_the_site_untested() -> None:
    """The new system tells no overtime. Of a 20 h are known, not the month's; 3.5 h of b on the 2nd are over whatever follows."""
    days = [day("a", f"{MAR}-{n:02d}", 10, overtime_h="2") for n in range(1, 11)] + [
        day("a", f"{MAR}-16", overtime_h="")
    ]
    breach = [day("b", f"{MAR}-02", 11.5, overtime_h="3.5"), day("b", f"{MAR}-16", overtime_h="")]
    whole = [day("c", f"{MAR}-02")]
    found = workforce([], {}, days + breach + whole)["S", MAR]
    assert (found["tested_employee_months"], found["compliant_employee_months"]) == (None, None)
    assert found["overtime_reason"] == "overtime_unknown"
    found = workforce([], {}, breach + whole)["S", MAR]
    assert (found["tested_employee_months"], found["compliant_employee_months"], found["overtime_reason"]) == (
        2,
        1,
        None,
    )
    # of another working-hours system no overtime is asked
    other = [one | {"hours_system": "comprehensive"} for one in days]
    found = workforce([], {}, other + breach + whole)["S", MAR]
    assert (found["tested_employee_months"], found["compliant_employee_months"], found["overtime_reason"]) == (
        2,
        1,
        None,
    )
