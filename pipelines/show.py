"""What the terminal shows: results, status and traces as tables that fit it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

    from pipelines.run import Result
    from pipelines.trace import Trace
    from schemas.enterprise import Enterprise

SIX = ("A.1.6", "A.1.10", "A.2.2", "A.2.6", "A.2.7", "A.2.8")
"""The indicators with formulas, as the overview shows them."""

_MOST = 40  # rows of a table before it is cut


def grid(title: str, *columns: str, right: tuple[int, ...] = ()) -> Table:
    """An empty table; `right` are the columns of numbers."""
    table = Table(title=title or None, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number in right else "left", overflow="fold")
    return table


def few(items: list[str]) -> str:
    """A list that stays short."""
    return ", ".join(items) if len(items) <= 4 else f"{items[0]} … {items[-1]} ({len(items)})"


def refusals(console: Console, rows: pl.DataFrame) -> None:
    """Refused rows by reason, as `connectors.quarantine.by_reason` counts them."""
    if not rows.height:
        console.print("nothing is refused / 无拒绝行")
        return
    table = grid("refused, and why / 拒绝及原因", "source 来源", "rows 行", "reason 原因", "for example 例", right=(1,))
    for row in rows.iter_rows(named=True):
        value = "" if row["value"] is None else str(row["value"])
        example = f"{row['file']} #{row['row_number']}: {value if len(value) < 48 else value[:45] + '…'}"
        table.add_row(row["source"], f"{row['rows']:,}", f"{row['zh']}\n[dim]{row['en']}[/]", example)
    console.print(table)


def result(console: Console, enterprise: Enterprise, done: Result, months: list[str], refused: pl.DataFrame) -> None:
    """What a run did and where to look now."""
    table = grid(
        "sources / 来源",
        "source 来源",
        "read 读取",
        "accepted 接受",
        "refused 拒绝",
        "twice 重复",
        "",
        right=(1, 2, 3, 4),
    )
    for one in done.outcomes:
        table.add_row(
            one.source,
            *(f"{one.total(count):,}" for count in ("rows", "accepted", "refused", "duplicates")),
            _note(one),
        )
    console.print(table)
    beyond = sorted({month for one in done.outcomes for month in one.months} - set(months))
    if beyond:
        console.print(f"rows of other months came with them and are computed too / 另含其他月份: {few(beyond)}\n")
    refusals(console, refused)
    console.print(_six(enterprise, done.values, months))
    console.print("[dim]~ partial 部分 · e estimated 估算 · n/a not applicable 不适用 · — missing 缺失[/]\n")
    if done.changes.height:
        console.print(
            f"{done.changes.height} figures changed since the publish before / 与上次发布相比有变化: [bold]esg diff[/]"
        )
    folder = f"--enterprise {enterprise.folder}"
    console.print(f"published / 已发布: [bold]{enterprise.published}[/]", soft_wrap=True)
    for line in (
        f'sql "select * from indicator.value" {folder}',
        f"trace A.1.6 {months[-1]} {folder}",
        f"report {months[-1][:4]} {folder}",
    ):
        console.print(f"  esg {line}", soft_wrap=True)
    console.print(f"  make ui ESG_ENTERPRISE={enterprise.folder}", soft_wrap=True)


def _note(one: Any) -> str:  # noqa: ANN401 - an Outcome
    if one.error:
        return "[red]failed / 失败[/]"
    if one.waiting:
        return f"not arrived / 未到: {few(one.waiting)}"
    return f"{one.unchanged} unchanged / 未变" if one.unchanged else ""


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


def trace(console: Console, found: Trace) -> None:
    """A value walked down, top to bottom."""
    head = found.values[0]
    console.print(f"[bold]{head['indicator_id']}  {head['period']}  {head['org_id']}[/]  {head['boundary']}")
    table = grid("", "policy 口径", "numerator 分子", "denominator 分母", "value 值", "state 状态", right=(1, 2, 3))
    for row in found.values:
        why = f" {row['reason']}" if row["reason"] else ""
        above, below = _amount(row, "numerator"), _amount(row, "denominator")
        value = "—" if row["value"] is None else f"{row['value']:.10g} {row['unit']}"
        table.add_row(row["policy"] + (" *" if row["is_chosen"] else ""), above, below, value, row["state"] + why)
    console.print(table)
    console.print("[dim]* the reading that was chosen / 所选口径[/]\n")
    for mart, rows in found.marts.items():
        console.print(_rows(f"mart.{mart}", rows))
    _lines(console, found)
    table = grid(
        "extracts / 提取", "contract 合同", "source, file 来源与文件", "sha256", "rows used 所用行", right=(3,)
    )
    for row in found.extracts[:_MOST]:
        table.add_row(
            row["contract"], f"{row['source']}: {row['file']}", row["extract_id"][:12], f"{row['rows_used']:,}"
        )
    table.caption = f"… {len(found.extracts) - _MOST} more" if len(found.extracts) > _MOST else None
    console.print(table)
    for contract, rows in found.rows.items():
        more = "" if len(rows) == found.total[contract] else " (--all shows all / 加 --all 显示全部)"
        console.print(f"[bold]original lines / 原始行: {contract}[/]  {len(rows):,} of {found.total[contract]:,}{more}")
        for row in rows:
            sheet = f" [{row['sheet']}]" if row["sheet"] else ""
            console.print(
                f"  {row['file']}{sheet} #{row['row_number']}: {row['original']}", soft_wrap=True, markup=False
            )


def _lines(console: Console, found: Trace) -> None:
    """Activity times factor, line by line, and the factors with their sources."""
    lines = [line for line in found.lines if line["line"] == "emission_line"]
    if lines:
        table = grid(
            "emission lines / 排放明细",
            "site 场所",
            "scope",
            "what 对象",
            "activity 活动量",
            "factor 因子",
            "tCO2e",
            "chosen by 选取",
            right=(3, 5),
        )
        for line in lines:
            activity = "—" if line["activity"] is None else f"{line['activity']:,.6g} {line['activity_unit']}"
            emission = line["reason"] if line["emission_tco2e"] is None else f"{line['emission_tco2e']:,.6f}"
            scope = f"{line['scope']} {line['basis']}"
            table.add_row(
                line["site_id"], scope, line["subject"], activity, line["factor_id"], emission, line["rule_path"]
            )
        console.print(table)
    if found.factors:
        table = grid("factors / 因子", "factor 因子", "value 值", "source 出处", right=(1,))
        for row in found.factors:
            doubt = "" if row["verified"] else f" [yellow](unverified 未核实: {row['confidence']})[/]"
            table.add_row(row["factor_id"], f"{row['value']:.10g} {row['unit']}", row["source"] + doubt)
        console.print(table)


def _rows(title: str, rows: list[dict[str, Any]]) -> Table:
    names = [name for name in (rows[0] if rows else {}) if any(row[name] is not None for row in rows)]
    numbers = tuple(n for n, name in enumerate(names) if any(isinstance(row[name], float | int) for row in rows))
    table = grid(title, *names, right=numbers)
    for row in rows[:_MOST]:
        table.add_row(
            *(
                "" if row[name] is None else f"{row[name]:,.6g}" if isinstance(row[name], float) else str(row[name])
                for name in names
            )
        )
    if len(rows) > _MOST:
        table.caption = f"… {len(rows) - _MOST} more; esg sql shows them"
    return table


def _amount(row: dict[str, Any], side: str) -> str:
    return "—" if row[side] is None else f"{row[side]:,.10g} {row[f'{side}_unit'] or ''}".rstrip()


def status(console: Console, enterprise: Enterprise, rows: list[dict[str, Any]]) -> None:
    """Sources by month: what has arrived and what has not."""
    table = grid(
        f"{enterprise.id}: arrivals / 到达情况",
        "source 来源",
        "owner 负责人",
        "arrived 已到",
        "late 逾期未到",
        "accepted 接受",
        "refused 拒绝",
        right=(4, 5),
    )
    for row in rows:
        late = f"[red]{few(row['late'])}[/]" if row["late"] else ""
        table.add_row(
            row["source"], row["owner"], few(row["arrived"]) or "—", late, f"{row['accepted']:,}", f"{row['refused']:,}"
        )
    console.print(table)
