"""Running an expert panel: workbooks go out to the experts, come back, and are taken in or refused cell by cell.

A round is kept in the enterprise folder: `panel/<period>/forms/` holds the empty workbooks, `panel/<period>/round<N>.json`
what was asked, `panel/<period>/round<N>/<expert>.xlsx` the workbooks that were accepted.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
from pydantic import ValidationError

from connectors.ingest import Outcome, ingest
from connectors.source import PANEL_FORM
from indicators import panel_workbook
from indicators.declared import catalogue
from indicators.evidence import REGISTER, admissible, examined
from indicators.panel_workbook import EXPERT, Fault, Form, Material
from indicators.scoring.panel import LAST_ROUND, Panel, lowered, metric_caps, of_period, results
from indicators.scoring.profile import Profile, load
from schemas.contract import contract
from schemas.enterprise import Enterprise, Name, complaints
from schemas.errors import HubError, SourceError, no_values
from schemas.lake import replaced, write_text
from warehouse.access import connect

_PERIOD = re.compile(r"\d{4}(-(0[1-9]|1[0-2])\.\.\d{4}-(0[1-9]|1[0-2]))?")


@dataclass(frozen=True)
class Held:
    """A panel as it stands.

    Attributes:
        panel: what it found; empty tables before the first workbook.
        register: the evidence register, examined.
        returned: round → the experts whose workbooks were accepted, and those who are still waited for.
        unnamed: how many levels name no period and count for this one by when they were given.
        elsewhere: how many name none either and were given at another time, so that they do not count here.
    """

    panel: Panel
    register: pl.DataFrame
    returned: dict[int, tuple[list[str], list[str]]]
    unnamed: int
    elsewhere: int


@dataclass
class Receipt:
    """What became of one workbook.

    Attributes:
        faults: why it was refused; empty where it was accepted.
        kept: where the accepted workbook lies.
    """

    path: Path
    expert: str = ""
    round: int = 0
    period: str = ""
    faults: list[Fault] = field(default_factory=list)
    kept: Path | None = None


# ── out ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def export(
    enterprise: Enterprise, period: str, experts: list[str], number: int = 1, until: date | None = None
) -> list[Path]:
    """Write the workbooks of a round.

    Args:
        enterprise: the folder; the values of the period are published.
        period: the evaluation period.
        experts: their codes; none: for the second round those of the first.
        number: the round. The second one asks for what the first one left far apart, or for all.
        until: the last day on which workbooks are taken in.

    Returns:
        The workbooks, `panel/<period>/forms/round<N>_<expert>.xlsx`.

    Raises:
        HubError: the period is none, nothing is published of it, a code is a name, or no second round is due.
    """
    _refuse_no_period(period)
    if period in enterprise.lake.closed:
        raise HubError(f"{period} is closed / 已结账", todo=f"esg reopen {period} opens it again")
    profile = load(enterprise.declaration.profile, enterprise.folder)
    with connect(enterprise.folder) as connection:
        figures = _figures(connection, enterprise, period)
        votes = _votes(connection, enterprise, period)
        register = _register(connection, enterprise, period, votes)
    known = _form(enterprise, period, number)
    until = until or (known.until if known else None)
    before = _form(enterprise, period, number - 1)
    if _form(enterprise, period, number + 1) is not None:
        raise HubError(
            f"round {number} is closed: the next one has been sent out / 第 {number} 轮已结束",
            todo="esg panel status PERIOD",
        )
    everyone = _experts(experts, known, before, number)
    caps = metric_caps(figures) if profile.panel.metric_caps else {}
    found = results(
        lowered(votes, caps, admissible(register, votes, profile.panel.evidence)),
        profile,
        (period, enterprise.id),
        caps,
    )
    asked = _asked(profile, found, number)
    form = Form(
        org_id=enterprise.id, period=period, round=number, profile_id=profile.id, profile_hash=profile.hash,
        tree=profile.tree, indicators=asked, experts=everyone, until=until,
        caps={key: (cap.level, cap.reason) for key, cap in caps.items() if key in asked},
    )  # fmt: skip
    _refuse_another_form(known, form, _folder(enterprise, period) / f"round{number}")
    material = Material(
        _name(enterprise), {row["indicator_id"]: row for row in figures.rows(named=True)}, register.rows(named=True),
        _said_before(votes, found, number),
    )  # fmt: skip
    written = []
    for expert in experts or everyone:
        path = _folder(enterprise, period) / "forms" / f"round{number}_{expert}.xlsx"
        panel_workbook.write(form, expert, material, path)
        written.append(path)
    write_text(_folder(enterprise, period) / f"round{number}.json", form.model_dump_json(indent=1))
    return written


def _refuse_no_period(period: str) -> None:
    if not _PERIOD.fullmatch(period):
        raise HubError(
            f"{period} is no evaluation period / 不是评价期",
            todo="a panel scores a year (2026) or twelve months (2025-07..2026-06)",
        )


def _figures(connection: duckdb.DuckDBPyConnection, enterprise: Enterprise, period: str) -> pl.DataFrame:
    found = connection.execute(
        "select * from indicator.value where period = ? and org_id = ? and is_chosen", [period, enterprise.id]
    ).pl()
    if not found.height:
        raise no_values(period, str(enterprise.published))
    return found


def _votes(connection: duckdb.DuckDBPyConnection, enterprise: Enterprise, period: str) -> pl.DataFrame:
    """What experts have said about a period so far."""
    return _about(connection, enterprise, period, _said(connection, enterprise))


def _about(
    connection: duckdb.DuckDBPyConnection, enterprise: Enterprise, period: str, said: pl.DataFrame
) -> pl.DataFrame:
    """The rows of `_said` that are about a period."""
    known = connection.execute("select distinct period from indicator.value").fetchall()
    return of_period(said, period, enterprise.timezone, [one for (one,) in known])


def _said(connection: duckdb.DuckDBPyConnection, enterprise: Enterprise) -> pl.DataFrame:
    """What experts have said about any period."""
    table = contract("expert_score")
    if not enterprise.lake.files("clean", table.name):
        return pl.DataFrame(schema={column.name: column.dtype for column in table.kept})
    connection.execute(table.ddl("vote"))  # rows taken in before a column was there have it empty
    return connection.execute(f"from vote union all by name from clean.{table.name}").pl()


def _register(
    connection: duckdb.DuckDBPyConnection, enterprise: Enterprise, period: str, votes: pl.DataFrame
) -> pl.DataFrame:
    if not enterprise.lake.files("clean", "evidence"):
        return pl.DataFrame(schema=REGISTER)
    return examined(connection.execute("select * from clean.evidence").pl(), enterprise.folder, period, votes)


def _experts(experts: list[str], known: Form | None, before: Form | None, number: int) -> list[str]:
    """Everyone who is asked in a round."""
    if number > 1 and before is None:
        raise HubError(
            f"round {number - 1} was never sent out / 第 {number - 1} 轮尚未发出", todo="esg panel export PERIOD first"
        )
    named = [*(known.experts if known else []), *(experts or (before.experts if before else []))]
    if not named:
        raise HubError(
            "no expert is named / 未指定专家", todo="--experts E1,E2,E3 or --expert-file FILE, one code per line"
        )
    if wrong := [one for one in named if not EXPERT.fullmatch(one)]:
        raise HubError(
            f"{', '.join(wrong)}: no code for an expert / 应使用专家编号，不得使用姓名",
            todo="letters, digits, - and _, such as E1; keep the list of codes and names outside the hub",
        )
    if number > 1 and before is not None and (new := sorted(set(named) - set(before.experts))):
        raise HubError(f"{', '.join(new)}: not on the panel of round {number - 1} / 不在上一轮专家组中",
                       todo="a second round is scored by those of the first")  # fmt: skip
    return list(dict.fromkeys(named))


def _asked(profile: Profile, found: Panel, number: int) -> list[str]:
    """The indicators of a round."""
    scored = [key for key, one in catalogue().items() if one.rubric and key in profile.scope]
    if number == 1:
        return scored
    gate = found.agreement.filter((pl.col("statistic") == "gate") & (pl.col("round") == number - 1))
    verdict = gate["verdict"][0] if gate.height else None
    if verdict not in ("second_round", "discuss_flagged"):
        raise HubError(
            f"no round {number} is due: {verdict or 'no workbook was taken in'} / 无需第 {number} 轮",
            todo="esg panel status PERIOD shows how the panel stands",
        )
    if verdict == "second_round":
        return scored
    flagged = set(found.items.filter(pl.col("is_flagged"))["indicator_id"])
    return [key for key in scored if key in flagged]


def _refuse_another_form(known: Form | None, form: Form, accepted: Path) -> None:
    """A round that has begun stays as it was sent out; experts may be added."""
    same = {"experts", "until"}
    if known and known.model_dump(exclude=same) != form.model_dump(exclude=same) and any(accepted.glob("*.xlsx")):
        raise HubError(
            f"round {form.round} has begun and would ask something else now / 本轮已开始，内容不得再变",
            str(accepted),
            "finish it as it was sent out; changed figures, profile or indicators need another assessment",
        )


def _said_before(votes: pl.DataFrame, found: Panel, number: int) -> dict[tuple[str, str], str]:
    if number == 1:
        return {}
    said = {}
    for row in votes.filter(pl.col("round") == number - 1).rows(named=True):
        said[row["indicator_id"], row["expert_id"]] = f"您 you: {'—' if row['level'] is None else row['level']}"
    for row in found.items.filter(pl.col("round") == number - 1).rows(named=True):
        if row["votes"]:
            said[row["indicator_id"], ""] = (
                f"全组 panel: {row['lowest']}–{row['highest']}\n中位 median {row['median']:g}，n = {row['votes']}"
            )
    return said


def _name(enterprise: Enterprise) -> str:
    name = enterprise.declaration.name
    return name.zh if isinstance(name, Name) else name


def _folder(enterprise: Enterprise, period: str) -> Path:
    return enterprise.folder / "panel" / period


def _form(enterprise: Enterprise, period: str, number: int) -> Form | None:
    path = _folder(enterprise, period) / f"round{number}.json"
    if not path.exists():
        return None
    try:
        return Form.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (ValidationError, json.JSONDecodeError) as error:
        text = complaints(error) if isinstance(error, ValidationError) else str(error)
        raise HubError(
            f"not readable / 无法解析: {text}", str(path), "restore it from backup, or export the round again"
        ) from error


# ── in ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def take_in(
    enterprise: Enterprise, files: Iterable[Path], today: date, *, replace: bool = False
) -> tuple[list[Receipt], Outcome | None]:
    """Take in workbooks that came back; each as a whole or not at all.

    Args:
        enterprise: the folder; the caller holds its lock.
        files: the workbooks.
        today: decides whether a round is still open.
        replace: a workbook takes the place of one its expert handed in before.

    Returns:
        What became of each, and what became of the rows, if any workbook was accepted.

    Raises:
        HubError: nothing is published.
        OSError: a file is not there.
    """
    receipts: list[Receipt] = []
    for path in files:
        receipts.append(_judged(enterprise, path, today, receipts, replace=replace))
    for receipt in receipts:
        if not receipt.faults:
            receipt.kept = _kept(enterprise, receipt)
    if not any(receipt.kept for receipt in receipts):
        return receipts, None
    return receipts, next(one for one in ingest(enterprise, [], {PANEL_FORM.stem}) if one.source == PANEL_FORM.stem)


def _judged(enterprise: Enterprise, path: Path, today: date, others: list[Receipt], *, replace: bool) -> Receipt:
    try:
        said = panel_workbook.about(path)
    except SourceError as error:
        zh, _, en = error.what.partition(" / ")
        return Receipt(path, faults=[Fault(path.name, "", zh, en or zh)])
    receipt = Receipt(path, faults=said.faults)
    if said.faults:
        return receipt
    expert, period, number = (said.about.get(name, "") for name in ("expert_id", "period", "round"))
    form = _form(enterprise, period, int(number)) if _PERIOD.fullmatch(period) and number in ("1", "2") else None
    if form is None:
        receipt.faults = [_fault(f"没有发出过 {period} 第 {number} 轮", f"no round {number} of {period} was sent out")]
        return receipt
    receipt.expert, receipt.period, receipt.round = expert, period, form.round
    receipt.faults = [*_strange(said.about, form, expert), *_late(enterprise, form, today)]
    receipt.faults += _twice(enterprise, receipt, others, replace=replace)
    if not receipt.faults:
        with connect(enterprise.folder) as connection:
            register = _register(connection, enterprise, period, _votes(connection, enterprise, period))
        receipt.faults = panel_workbook.read(path, form, expert, register.rows(named=True))
    return receipt


def _fault(zh: str, en: str) -> Fault:
    return Fault(panel_workbook.ABOUT, "", zh, en)


def _strange(about: dict[str, str], form: Form, expert: str) -> list[Fault]:
    """What a workbook says of itself that its round does not."""
    if expert not in form.experts:
        return [_fault(f"{expert} 不在专家组名单", f"{expert} is not on the panel: {', '.join(form.experts)}")]
    return [
        _fault(
            f"{name} 应为 {wanted}，现为 {about.get(name)}", f"{name} is {about.get(name)}, this round's is {wanted}"
        )
        for name, wanted in form.about(expert).items()
        if about.get(name) != wanted
    ]


def _late(enterprise: Enterprise, form: Form, today: date) -> list[Fault]:
    if form.period in enterprise.lake.closed:
        return [_fault(f"{form.period} 已结账", f"{form.period} is closed; esg reopen {form.period} opens it again")]
    if _form(enterprise, form.period, form.round + 1) is not None:
        return [
            _fault(
                f"第 {form.round} 轮已结束（下一轮已发出）",
                f"round {form.round} is closed: the next one has been sent out",
            )
        ]
    if form.until is not None and today > form.until:
        return [_fault(f"第 {form.round} 轮已于 {form.until} 截止", f"round {form.round} closed on {form.until}")]
    return []


def _twice(enterprise: Enterprise, receipt: Receipt, others: list[Receipt], *, replace: bool) -> list[Fault]:
    same = [
        other.path.name for other in others
        if (other.expert, other.period, other.round) == (receipt.expert, receipt.period, receipt.round)
    ]  # fmt: skip
    if same:
        return [_fault(f"{receipt.expert} 重复：另有 {same[0]}", f"{receipt.expert} stands twice: also in {same[0]}")]
    kept = _place(enterprise, receipt)
    if kept.exists() and not replace and kept.read_bytes() != receipt.path.read_bytes():
        return [_fault(f"{receipt.expert} 本轮已交过，更换请加 --replace",
                       f"{receipt.expert} has handed one in for this round; --replace takes this one instead")]  # fmt: skip
    return []


def _place(enterprise: Enterprise, receipt: Receipt) -> Path:
    return _folder(enterprise, receipt.period) / f"round{receipt.round}" / f"{receipt.expert}.xlsx"


def _kept(enterprise: Enterprise, receipt: Receipt) -> Path:
    place = _place(enterprise, receipt)
    if receipt.path.resolve() != place.resolve():
        with replaced(place) as temporary:
            shutil.copyfile(receipt.path, temporary)
    return place


# ── how it stands ────────────────────────────────────────────────────────────────────────────────────────────────


def held(enterprise: Enterprise, period: str) -> Held:
    """How the panel of a period stands.

    Raises:
        HubError: nothing is published of the period.
    """
    _refuse_no_period(period)
    profile = load(enterprise.declaration.profile, enterprise.folder)
    with connect(enterprise.folder) as connection:
        figures = _figures(connection, enterprise, period)
        caps = metric_caps(figures) if profile.panel.metric_caps else {}
        said = _said(connection, enterprise)
        votes = _about(connection, enterprise, period, said)
        register = _register(connection, enterprise, period, votes)
    panel = results(
        lowered(votes, caps, admissible(register, votes, profile.panel.evidence)),
        profile,
        (period, enterprise.id),
        caps,
    )
    returned = {}
    for number in range(1, LAST_ROUND + 1):
        form = _form(enterprise, period, number)
        if form is not None:
            there = {path.stem for path in (_folder(enterprise, period) / f"round{number}").glob("*.xlsx")}
            returned[number] = (
                [one for one in form.experts if one in there],
                [one for one in form.experts if one not in there],
            )
    unnamed = votes["period"].null_count()
    every = said.filter(~pl.col("is_superseded") & pl.col("period").is_null()).height
    return Held(panel, register, returned, unnamed, every - unnamed)
