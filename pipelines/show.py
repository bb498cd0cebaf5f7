"""What the terminal shows: results, status and traces as tables that fit it."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.cells import cell_len, set_cell_size
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

    from pipelines.close import Done
    from pipelines.panel import Held, Receipt
    from pipelines.run import Result
    from pipelines.trace import Trace
    from schemas.enterprise import Enterprise

SIX = ("A.1.6", "A.1.10", "A.2.2", "A.2.6", "A.2.7", "A.2.8")
"""The indicators with formulas, as the overview shows them."""

_LINES = 60  # emission lines of a trace
_MOST = 40  # rows of a table before it is cut
_NARROW = 14  # a text is broken into lines of no fewer characters
_COUNTS = ("rows", "accepted", "refused", "duplicates")
_COUNT_HEADS = ("read 读取", "accepted 接受", "refused 拒绝", "twice 重复")
_COUNTED = (1, 2, 3, 4)


def grid(title: str, *columns: str, right: tuple[int, ...] = (), whole: tuple[int, ...] = (0,)) -> Table:
    """An empty table.

    Args:
        title: the line above it.
        columns: the heads; Chinese after English goes to a second line.
        right: columns of numbers; they are never broken.
        whole: columns of names, which are not broken either.
    """
    table = Table(title=title or None, title_justify="left", title_style="bold", caption_justify="left",
                  box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)  # fmt: skip
    for number, column in enumerate(columns):
        table.add_column(
            re.sub(r" (?=[^\x00-\x7f]+$)", "\n", column),
            justify="right" if number in right else "left",
            overflow="fold",
            no_wrap=number in right or number in whole,
        )
    return table


def few(items: list[str]) -> str:
    """A list that stays short."""
    return ", ".join(items) if len(items) <= 2 else f"{items[0]} … {items[-1]} ({len(items)})"


def rows(console: Console, title: str, names: Sequence[str], found: Sequence[Sequence[Any]]) -> None:
    """Rows of any table; where they are too wide for the terminal, each as a block of its own."""
    texts = [[_plain(value) for value in row] for row in found]
    numbers = tuple(n for n in range(len(names)) if any(_is_number(row[n]) for row in found))
    everything = tuple(range(len(names)))
    broken = [name.replace("_", "_\n") for name in names]
    longest = [
        max((line for text in column for line in text.split("\n")), key=cell_len) for column in zip(*texts, strict=True)
    ]
    for heads, whole in ((names, everything), (broken, everything), (broken, ())):
        # as wide as all rows is the row of the longest texts, and it is measured at once
        sample = grid(title, *heads, right=numbers, whole=whole)
        if longest:
            sample.add_row(*longest)
        width = Measurement.get(console, console.options.update_width(1_000_000), sample).maximum
        if width <= console.width or (texts and not whole and _folds(texts, numbers, console.width)):
            table = grid(title, *heads, right=numbers, whole=whole)
            for row in texts:
                table.add_row(*row)
            console.print(table)
            return
    if title:
        console.print(title, style="bold")
    if not texts:
        console.print(f"{', '.join(names)}: no rows / 无结果")
    _blocks(console, names, texts)


def _blocks(console: Console, names: Sequence[str], texts: list[list[str]]) -> None:
    """Each row as a block of its own; written plainly, for a grid per row takes milliseconds each."""
    margin = max(map(cell_len, names)) + 1
    room = max(console.width - margin, _NARROW)
    for number, row in enumerate(texts, start=1):
        block = Text(f"─ {number} ".ljust(min(console.width, 40), "─"))
        for name, text in zip(names, row, strict=True):
            block.append("\n" + set_cell_size(name, margin), "dim")
            block.append(("\n" + " " * margin).join(_broken(console, text, room)))
        console.print(block, soft_wrap=True)


def _broken(console: Console, text: str, width: int) -> list[str]:
    """A text in lines of at most so many cells."""
    return [
        part.rstrip()
        for line in text.split("\n")
        for part in ([one.plain for one in Text(line).wrap(console, width)] if cell_len(line) > width else [line])
    ]


def _folds(texts: list[list[str]], numbers: tuple[int, ...], width: int) -> bool:
    """Whether texts that are broken into lines leave room for all columns."""
    columns = [max(map(len, column)) for column in zip(*texts, strict=True)]
    needed = (size if number in numbers else min(size, _NARROW) for number, size in enumerate(columns))
    return sum(needed) + 2 * len(columns) <= width


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _plain(value: object) -> str:
    return "" if value is None else str(value)


def refusals(console: Console, enterprise: Enterprise, found: pl.DataFrame) -> None:
    """Refused rows by reason, as `connectors.quarantine.by_reason` counts them."""
    if not found.height:
        console.print("nothing is refused / 无拒绝行")
        return
    table = grid("refused, and why / 拒绝及原因", "source 来源", "rows 行", "reason 原因", "for example 例", right=(1,))
    for row in found.head(_MOST).iter_rows(named=True):
        value = "" if row["value"] is None or row["value"].startswith("{") else row["value"]  # not a whole row
        example = f"{row['file']} #{row['row_number']}" + (f"\n{value[:60]}" if value else "")
        why = Text.assemble(row["zh"], "\n", (row["en"], "dim"))
        table.add_row(row["source"], f"{row['rows']:,}", why, example)
    console.print(table)
    if found.height > _MOST:
        more = f"… {found.height - _MOST} more reasons; --source … or --export shows them / 其余原因请按来源查看或导出"
        console.print(f"{more}:\n  {called()} quarantine --enterprise {enterprise.folder}", soft_wrap=True)


def result(console: Console, enterprise: Enterprise, done: Result, months: list[str], refused: pl.DataFrame) -> None:
    """What a run did and where to look now."""
    table = grid("sources / 来源", "source 来源", *_COUNT_HEADS, "", right=_COUNTED)
    for one in done.outcomes:
        table.add_row(one.source, *(f"{one.total(count):,}" for count in _COUNTS), _note(one))
    console.print(table)
    beyond = sorted({month for one in done.outcomes for month in one.months} - set(months))
    if beyond:
        console.print(f"rows of other months came with them and are computed too / 另含其他月份: {few(beyond)}\n")
    refusals(console, enterprise, refused)
    console.print(_six(enterprise, done.values, months))
    console.print("~ partial 部分 · e estimated 估算 · n/a not applicable 不适用 · — missing 缺失\n", style="dim")
    if done.changes.height:
        console.print(
            f"{done.changes.height} figures changed since the publish before / 与上次发布相比有变化: esg diff"
        )
    closed(console, enterprise)
    folder = f"--enterprise {enterprise.folder}"
    for query, count in noteworthy(enterprise, months):
        console.print(
            f'{count:,} {"row" if count == 1 else "rows"} to look at / 需查看: {called()} sql "{query}" {folder}',
            soft_wrap=True,
        )
    for period, error in done.unscored.items():
        console.print(f"{period} is not scored / 未评分: {error}", style="yellow", soft_wrap=True)
    for period in done.stale:
        console.print(f"the evaluation of {period} is older than its figures / 评价早于数据: esg evaluate {period}")
    console.print(f"published / 已发布: {enterprise.published}", soft_wrap=True)
    for line in (
        f'sql "select * from indicator.value" {folder}',
        f"trace A.1.6 {months[-1]} {folder}",
        f"report {months[-1][:4]} {folder}",
    ):
        console.print(f"  {called()} {line}", soft_wrap=True)
    console.print(f"  make ui ESG_ENTERPRISE={enterprise.folder}", soft_wrap=True)


def noteworthy(enterprise: Enterprise, months: list[str]) -> Iterator[tuple[str, int]]:
    """The query and count of published rows, of some months or of none, that somebody ought to look at, as the marts declare."""
    import duckdb

    from warehouse.marts import marts

    with duckdb.connect(str(enterprise.published), read_only=True) as connection:
        for mart in marts():
            if mart.warns:
                query = f"select * from mart.{mart.name}" + (f" where {mart.warns}" if mart.warns != "true" else "")
                [(count,)] = connection.execute(
                    f"select count(*) from ({query}) where month is null or list_contains(?, month)", [months]
                ).fetchall()
                if count:
                    yield query, count


def called() -> str:
    """How the `esg` that prints this can be called again: a newcomer's lies in `.venv/bin`."""
    return "esg" if shutil.which("esg") or Path(sys.argv[0]).stem != "esg" else os.path.relpath(sys.argv[0])


def _note(one: Any) -> Text:  # noqa: ANN401 - an Outcome
    if one.error:
        return Text("failed / 失败", "red")
    if one.waiting:
        return Text(f"not arrived / 未到: {few(one.waiting)}", "yellow")
    return Text(f"{one.unchanged} unchanged / 未变" if one.unchanged else "")


def _six(enterprise: Enterprise, values: pl.DataFrame, months: list[str]) -> Table:
    chosen = {
        (row["indicator_id"], row["period"]): row
        for row in values.iter_rows(named=True)
        if row["is_chosen"] and row["org_id"] == enterprise.id and row["indicator_id"] in SIX
    }
    units = {key: row["unit"] for (key, _), row in chosen.items()}
    table = grid(
        f"{enterprise.id}: the six indicators / 六项指标",
        "",
        *(f"{key}\n{units.get(key, '')}" for key in SIX),
        right=(1, 2, 3, 4, 5, 6),
    )
    for period in [*months[-24:], *sorted({month[:4] for month in months})]:
        table.add_row(period, *(_cell(chosen.get((key, period))) for key in SIX))
    return table


def _cell(row: dict[str, Any] | None) -> str:
    if row is None or row["value"] is None:
        return "n/a" if row is not None and row["state"] == "not_applicable" else "—"
    mark = {"partial": " ~", "estimated": " e"}.get(row["state"], "")
    return f"{row['value']:.4f}{mark}" if abs(row["value"]) < 10 else f"{row['value']:.2f}{mark}"


def extracts(console: Console, entries: list[dict[str, Any]]) -> None:
    """What was read of each file."""
    table = grid("", "file 文件", *_COUNT_HEADS, right=_COUNTED, whole=())
    for entry in entries:
        table.add_row(entry["name"], *(f"{entry[count]:,}" for count in _COUNTS))
    console.print(table)


def sample(console: Console, found: pl.DataFrame) -> None:
    """A few rows, column by column."""
    title = "first rows as accepted / 接受的前几行"
    table = grid(title, "column 列", *(str(number) for number in range(1, found.height + 1)))
    for name in found.columns:
        table.add_row(name, *("—" if value is None else str(value) for value in found[name].to_list()))
    console.print(table)


def changes(
    console: Console, found: Sequence[Sequence[Any]],
    what: str = "figures changed since the publish before / 与上次发布相比变化的数字",
) -> None:  # fmt: skip
    """Figures that changed (indicator, period, org, policy, before, now, extracts), one cause after the other."""
    causes: dict[str, list[Sequence[Any]]] = {}
    for *figure, cause in found:
        causes.setdefault(
            cause or "a declaration or reference, or a closed period reopened / 声明或参照，或重开已结账期间", []
        ).append(figure)
    console.print(f"{len(found)} {what}")
    names = ("indicator 指标", "period 期间", "org 组织", "policy 口径", "before 前", "now 现")
    for cause, figures in causes.items():
        table = grid("", *names, right=(4, 5), whole=(0, 1))
        for *key, old, new in figures:
            table.add_row(*key, *("—" if value is None else f"{value:.6g}" for value in (old, new)))
        console.print(f"caused by / 原因: {cause}", style="bold")
        console.print(table)


def settled(console: Console, enterprise: Enterprise, done: Done) -> None:
    """What closing, reopening or restating a period did."""
    for warning in done.warnings:
        console.print(f"warning / 警告: {warning}", style="yellow", soft_wrap=True)
    is_closed = done.period in enterprise.lake.closed
    console.print(f"{done.period}: {'closed / 已结账' if is_closed else 'open / 未结账'}", style="bold")
    if done.restated.height:
        rows = done.restated.select(
            "indicator_id", "period", "org_id", "policy", "old_value", "new_value", "cause_extracts"
        )
        changes(console, rows.rows(), "figures differ from those closed before / 与此前结账的数字不同")


def closed(console: Console, enterprise: Enterprise) -> None:
    """The closed periods, and the rows that wait until one is reopened or restated."""
    from warehouse.closing import drift, waiting

    if not (periods := list(enterprise.lake.closed)):
        return
    console.print(f"closed / 已结账: {few(periods)}", style="bold")
    names = ("source 来源", "file 文件", "months 月份", "added 新增", "withdrawn 撤回", "since 到达")
    table = grid("waiting: rows of closed months that came since / 结账后到达、等待处理的行", *names, right=(3, 4))
    waits = waiting(enterprise)
    for (source, file, _), rows in waits.group_by("source", "file", "extract_id", maintain_order=True):
        added, withdrawn = rows["rows_added"].sum(), rows["rows_withdrawn"].sum()
        since = rows["received_at"].drop_nulls().max()
        table.add_row(
            str(source), str(file), few(rows["month"].to_list()), f"{added:,}", f"{withdrawn:,}", str(since or "—")
        )
    if waits.height:
        console.print(table)
    moved = drift(enterprise.lake)["month"].unique().sort().to_list()
    if moved:
        console.print(f"marts of closed months come out otherwise now, see meta.drift / 现在计算结果不同: {few(moved)}")
    if waits.height or moved:
        console.print("see what they would change / 查看其影响: esg restate PERIOD --dry-run")


def trace(console: Console, found: Trace) -> None:
    """A value walked down, top to bottom."""
    head = found.values[0]
    console.print(f"{head['indicator_id']}  {head['period']}  {head['org_id']}", style="bold")
    console.print(f"{head['boundary'] or ''}")
    if found.closed:
        console.print(
            f"closed / 已结账: {found.closed['at']} {found.closed['by']}: {found.closed['reason']}", style="bold"
        )
    if found.waits:
        console.print(f"rows that came since wait / 结账后到达、等待处理: {', '.join(found.waits)}", style="yellow")
    table = grid("", "policy 口径", "numerator 分子", "denominator 分母", "value 值", "state 状态", right=(1, 2, 3))
    for row in found.values:
        why = f" {row['reason']}" if row["reason"] else ""
        above, below = _amount(row, "numerator"), _amount(row, "denominator")
        value = "—" if row["value"] is None else f"{row['value']:.10g}\n{row['unit']}"
        table.add_row(row["policy"] + (" *" if row["is_chosen"] else ""), above, below, value, row["state"] + why)
    console.print(table)
    console.print("* the reading that was chosen / 所选口径\n", style="dim")
    for mart, behind in found.marts.items():
        _mart(console, f"mart.{mart}", behind)
    _lines(console, found)
    _extracts(console, found)
    for contract, originals in found.rows.items():
        more = "" if len(originals) == found.total[contract] else " (--all shows all / 加 --all 显示全部)"
        console.print(f"original lines / 原始行: {contract}  {len(originals):,} of {found.total[contract]:,}{more}", style="bold")  # fmt: skip
        for row in originals:
            sheet = f" [{row['sheet']}]" if row["sheet"] else ""
            console.print(f"  {row['file']}{sheet} #{row['row_number']}: {row['original']}", soft_wrap=True)


def _extracts(console: Console, found: Trace) -> None:
    """The extracts whose rows count in the value."""
    if not found.extracts:
        console.print("extracts / 提取: none has a row that counts here / 没有计入此值的行", style="bold")
        return
    table = grid(
        "extracts / 提取", "contract 合同", "source, file 来源与文件", "sha256", "rows used 所用行", right=(3,)
    )
    for row in found.extracts[:_MOST]:
        table.add_row(
            row["contract"], f"{row['source']}: {row['file']}", row["extract_id"][:12], f"{row['rows_used']:,}"
        )
    table.caption = f"… {len(found.extracts) - _MOST} more" if len(found.extracts) > _MOST else None
    console.print(table)


def _lines(console: Console, found: Trace) -> None:
    """Activity times factor, line by line, and the factors with their sources."""
    lines = _alike([line for line in found.lines if line["line"] == "emission_line"])
    if lines:
        console.print("emission lines / 排放明细", style="bold")
        for line in lines[:_LINES]:
            console.print(_reckoned(line), soft_wrap=True)
        if len(lines) > _LINES:
            console.print(f'… {len(lines) - _LINES} more; esg sql "select * from mart.emission_line"', style="dim")
        console.print()
    if found.recomputed is not None:
        published = found.values[0]["numerator"]
        digits = f"{published:.10g}"
        again = f"{float(found.recomputed):.10g}"
        same = "the same digits / 一致" if again == digits else f"published / 发布值 {digits}"
        console.print(f"computed again, line by line / 逐行重算: {again} tCO2e: {same}\n", style="bold")
    if found.factors:
        table = grid("factors / 因子", "factor 因子", "value 值", "source 出处", right=(1,), whole=())
        for row in found.factors:
            doubt = "" if row["verified"] else f" (unverified 未核实: {row['confidence']})"
            said = Text.assemble(row["source"] or "", (doubt, "yellow"))
            table.add_row(row["factor_id"], f"{row['value']:.10g}\n{row['unit']}", said)
        console.print(table)


def _reckoned(line: dict[str, Any]) -> Text:
    """Activity x factor x GWP = emissions, and below it which factor, how it was chosen, what to know of it."""
    what = f"{line['site_id']}  {line['scope']} {line['basis']}  {line['subject']} {line['gas'] or ''} {line['lifecycle_scope']}"
    activity = "—" if line["activity"] is None else f"{line['activity']:,.9g} {line['activity_unit']}"
    factor = "" if line["factor_value"] is None else f" x {line['factor_value']:.10g} {line['factor_unit']}"
    gwp = "" if line["gwp"] in (None, 1.0) else f" x GWP {line['gwp']:g} ({line['gwp_set']})"
    emission = line["reason"] if line["emission_tco2e"] is None else f"{line['emission_tco2e']:,.9g} tCO2e"
    records = f"  ({line['records']} records / 笔)" if line["records"] > 1 else ""
    chosen = f"\n    {line['factor_id']}: {line['rule_path']}" if line["factor_id"] else ""
    flag = f"  {line['flag']}" if line["flag"] else ""
    return Text.assemble(
        (what, "bold"), f"  {activity}{factor}{gwp} = {emission}{records}", (chosen, "dim"), (flag, "yellow")
    )


def _alike(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lines that differ in nothing but the record, put together: their activity and emissions add up."""
    same: dict[tuple[Any, ...], dict[str, Any]] = {}
    names = (
        "site_id",
        "scope",
        "basis",
        "lifecycle_scope",
        "subject",
        "gas",
        "factor_id",
        "rule_path",
        "flag",
        "reason",
    )
    for line in lines:
        one = same.setdefault(
            tuple(line[name] for name in names), {**line, "activity": None, "emission_tco2e": None, "records": 0}
        )
        one["records"] += 1
        for name in ("activity", "emission_tco2e"):
            if line[name] is not None:
                one[name] = line[name] if one[name] is None else one[name] + line[name]
    return list(same.values())


def _mart(console: Console, title: str, found: list[dict[str, Any]]) -> None:
    names = [name for name in (found[0] if found else {}) if any(row[name] is not None for row in found)]
    shown = [[f"{row[name]:,.9g}" if isinstance(row[name], float) else row[name] for name in names] for row in found]
    rows(console, title, names, shown[:_MOST])
    if len(found) > _MOST:
        console.print(f"… {len(found) - _MOST} more; esg sql shows them", style="dim")


def _amount(row: dict[str, Any], side: str) -> str:
    return "—" if row[side] is None else f"{row[side]:,.10g}\n{row[f'{side}_unit'] or ''}".rstrip()


def status(console: Console, enterprise: Enterprise, found: list[dict[str, Any]]) -> None:
    """Sources by month: what has arrived and what has not."""
    # owner and late months stand on a second line: beside the others they would leave no column its width
    names = ("source, owner 来源、负责人", "arrived, late 已到、逾期未到", "accepted 接受", "refused 拒绝")
    table = grid(f"{enterprise.id}: arrivals / 到达情况", *names, right=(2, 3), whole=(1,))
    for row in found:
        source, months = Text(row["source"]), Text(few(row["arrived"]) or "—")
        if row["error"]:
            months = Text("failed / 失败", "red")
        if row["owner"]:
            source.append(f"\n  {row['owner']}", "dim")
        if row["late"]:
            months.append(f"\nlate {few(row['late'])}", "red")
        table.add_row(source, months, f"{row['accepted']:,}", f"{row['refused']:,}")
    console.print(table)


def receipt(console: Console, one: Receipt) -> None:
    """What became of one workbook of the panel: every fault by its cell."""
    if not one.faults:
        console.print(f"accepted / 已接受: {one.path.name} → {one.kept}", soft_wrap=True)
        return
    console.print(f"refused / 退回: {one.path}  ({len(one.faults)})", style="bold", soft_wrap=True)
    for fault in one.faults:
        console.print(f"  {fault}", soft_wrap=True)


def panel(console: Console, held: Held) -> None:
    """How the panel stands, and what its secretary has to do."""
    for number, (there, waited) in held.returned.items():
        late = f"; waited for / 未交: {', '.join(waited)}" if waited else ""
        console.print(f"round / 第 {number} 轮: {len(there)} of / 共 {len(there) + len(waited)}{late}")
    if held.panel.agreement.height:
        table = grid("agreement / 一致性", "round 轮次", "statistic 统计量", "value 值", "95 %", "items 指标", "experts 专家",
                     "verdict 判定", right=(0, 2, 4, 5))  # fmt: skip
        for row in held.panel.agreement.iter_rows(named=True):
            interval = "" if row["lower"] is None else f"{row['lower']:.3f} – {row['upper']:.3f}"
            value = row["reason"] or "" if row["value"] is None else f"{row['value']:.3f}"
            table.add_row(str(row["round"]), _STATISTIC[row["statistic"]], value, interval, str(row["items"]), str(row["experts"]),
                          _GATE.get(row["verdict"], row["verdict"]) if row["verdict"] else "")  # fmt: skip
        console.print(table)
    for title, names, found in _to_do(held):
        if found.height:
            rows(console, title, names, found.select(names).rows())
    for warning in _warnings(held):
        console.print(warning, soft_wrap=True)


def _warnings(held: Held) -> Iterator[str]:
    if held.unnamed:
        yield (f"{held.unnamed} levels name no period and count here by when they were given; fill in the column period to be sure"
               f" / {held.unnamed} 个评分未写评价期，按评分时间计入本期；为稳妥请填写 period 列")  # fmt: skip
    if held.elsewhere:
        yield (f"{held.elsewhere} levels name no period and do not count here, by when they were given; if they are about this one, fill in the column period"
               f" / {held.elsewhere} 个评分未写评价期，按评分时间不计入本期；如属本期，请填写 period 列")  # fmt: skip
    for note, words in _NOTES.items():
        pieces = held.register.filter(held.register["note"].str.contains(note).fill_null(value=False))["evidence_id"]
        if len(pieces):
            yield f"{words}: {few(pieces.to_list())}"


_NOTES = {
    "cited_twice": "evidence cited for more than one indicator / 一份证据用于多个指标",
    "serves_others": "evidence cited for what it is not registered for / 引用于登记之外的指标",
}
_STATISTIC = {
    "krippendorff_alpha_ordinal": "alpha, ordinal", "krippendorff_alpha_interval": "alpha, interval",
    "kendall_w": "Kendall's W", "icc_2k": "ICC(2,k)", "gate": "flagged 标记占比",
}  # fmt: skip
_GATE = {
    "passed": "passed 通过", "discuss_flagged": "discuss flagged, round 2 讨论标记项并复评", "second_round": "all again, round 2 全部复评",
    "contested": "contested 仍有争议",
}  # fmt: skip


def _to_do(held: Held) -> list[tuple[str, list[str], pl.DataFrame]]:
    last = held.panel.items.group_by("indicator_id", maintain_order=True).last()
    register = held.register
    odd = register.filter((register["file_state"] != "same") | (register["period_state"] != "inside"))
    return [
        ("levels two or more apart / 相差两级及以上", ["indicator_id", "round", "lowest", "highest", "votes", "is_contested"],
         last.filter(last["is_flagged"])),
        ("capped / 封顶", ["indicator_id", "cap", "cap_reason", "lifted"], last.filter(last["cap"].is_not_null())),
        ("far from the others / 偏严或偏宽", ["round", "expert_id", "items", "mean_deviation"],
         held.panel.experts.filter(held.panel.experts["is_severe"])),
        ("evidence to look at / 待核证据", ["evidence_id", "file", "file_state", "period_state", "is_admissible"], odd),
    ]  # fmt: skip
