"""The `esg` command: what data engineers, ESG managers, analysts and auditors type.

Everything heavy is imported by the command that needs it, so that `esg sql` answers at once.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.errors import HubError

if TYPE_CHECKING:
    from rich.console import Console

    from pipelines.close import Done
    from schemas.enterprise import Enterprise

DONE, FAILED, USAGE = 0, 1, 2


class _Misused(HubError):
    """The command line does not say what is needed."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the process's exit code: 0 done, 1 something could not be done, 2 usage."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not getattr(options, "command", None):
        parser.print_help()
        return USAGE
    try:
        return int(options.command(options) or DONE)
    except HubError as error:
        _complain(error)
        return USAGE if isinstance(error, _Misused) else FAILED
    except BrokenPipeError:
        sys.stderr.close()
        return DONE
    except OSError as error:
        _complain(
            HubError(
                f"{error.strerror or error}",
                str(error.filename or ""),
                "check that the file or folder can be read and written, and that the disk has room",
            )
        )
        return FAILED
    except KeyboardInterrupt:
        print("interrupted; what was published before stands / 已中断；此前发布的内容不变", file=sys.stderr)  # noqa: T201
        return FAILED


def _complain(error: HubError) -> None:
    # a parser's message may hold empty lines
    print("esg: " + "\n".join(line for line in str(error).splitlines() if line.strip()), file=sys.stderr)  # noqa: T201


def _month(text: str) -> str:
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no month; write it like 2026-01 / 月份格式如 2026-01")
    return text


def _period(text: str) -> str:
    if not re.fullmatch(r"\d{4}(-(0[1-9]|1[0-2])(\.\.\d{4}-(0[1-9]|1[0-2]))?)?", text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no period; write 2026, 2026-01 or 2025-07..2026-06 / 期间格式有误"
        )
    first, *last = text.split("..")
    if last and last[0] < first:
        raise argparse.ArgumentTypeError(f"{text!r} ends before it begins; swap its months / 期间的起止月颠倒")
    whole_year = re.fullmatch(r"(\d{4})-01\.\.\1-12", text)
    return whole_year[1] if whole_year else text


def _parser() -> argparse.ArgumentParser:
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument(
        "--enterprise",
        metavar="DIR",
        default=argparse.SUPPRESS,
        help="enterprise folder / 企业文件夹 (default: $ESG_ENTERPRISE)",
    )
    parser = argparse.ArgumentParser(
        prog="esg", parents=[where], formatter_class=argparse.RawDescriptionHelpFormatter,
        description="ESG data hub: monthly figures from operational extracts, every number traceable.\nESG 数据中枢：由业务系统提取数据按月计算指标，每个数字可追溯。",
        epilog="examples / 示例:\n  esg init acme\n  esg --enterprise acme run --month 2026-01\n  esg --enterprise acme trace A.1.6 2026-01",
    )  # fmt: skip
    commands = parser.add_subparsers(title="commands / 命令", metavar="")

    def command(
        name: str, does: Callable[[argparse.Namespace], int | None], help_: str, example: str
    ) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=help_, description=help_, parents=[where], epilog=f"example / 示例:\n  {example}",
                                  formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
        one.set_defaults(command=does)
        return one

    one = command(
        "init", _init, "write a commented enterprise folder with templates / 新建企业文件夹与模板", "esg init acme"
    )
    one.add_argument("folder", metavar="DIR")
    command(
        "check", _check, "prove that all declarations fit, without data / 检查全部声明", "esg --enterprise acme check"
    )
    one = command(
        "try",
        _try,
        "read one source and show what would be accepted, writing nothing / 试读一个来源",
        "esg try smart_meter 2026-01",
    )
    one.add_argument("source")
    one.add_argument("month", nargs="?", type=_month)
    one = command("run", _run, "take in, compute, score and publish / 运行", "esg run --month 2026-01 --to 2026-12")
    one.add_argument("--month", required=True, type=_month)
    one.add_argument("--to", type=_month, help="last month / 截止月份")
    command("status", _status, "what has arrived, what has not, what was refused / 到达与拒绝情况", "esg status")
    one = command(
        "quarantine",
        _quarantine,
        "refused rows by reason; out to the data owner and back / 隔离区",
        "esg quarantine --month 2026-01 --export refused.xlsx",
    )
    one.add_argument("--month", type=_month)
    one.add_argument("--source")
    way = one.add_mutually_exclusive_group()
    way.add_argument("--export", metavar="F.xlsx", help="write them for correction / 导出待更正")
    way.add_argument("--resubmit", metavar="F.xlsx", help="hand the corrected ones in / 交回更正")
    command("diff", _diff, "figures changed since the publish before, and why / 与上次发布的差异", "esg diff")
    one = command(
        "trace", _trace, "walk a value down to its original lines / 追溯数值", "esg trace A.1.6 2026-03 SH-WH --all"
    )
    one.add_argument("indicator")
    one.add_argument("period", type=_period)
    one.add_argument("org", nargs="?")
    one.add_argument("--all", action="store_true", help="every original line, not the first 20 / 显示全部原始行")
    for name, does, help_ in (
        ("close", _close, "close a month, or a year whose months are closed: its figures stay / 结账"),
        ("reopen", _reopen, "let the figures of a closed period move again / 重开"),
        ("restate", _restate, "take what waits into a closed period, keeping old and new / 重述"),
    ):
        one = command(name, does, help_, f'esg {name} 2026-01 --by "Li Na" --reason "{_WHY[name]}"')
        one.add_argument("period", type=_period)
        one.add_argument("--by", metavar="NAME", default="", help="who does it / 经手人")
        one.add_argument("--reason", metavar="TEXT", default="", help="why / 理由")
    one.add_argument("--dry-run", action="store_true", help="only show what would change / 仅显示将变化的数字")
    one = command(
        "package",
        _package,
        "write the data package of a month, with its verifier / 生成月度数据包",
        "esg package 2026-01",
    )
    one.add_argument("month", type=_month)
    one = command(
        "evaluate",
        _evaluate,
        "score a year with everything that says how sure it is / 评价一个年度",
        "esg evaluate 2026",
    )
    one.add_argument("period", type=_period)
    one = command("report", _report, "write the evaluation report / 生成评价报告", "esg report 2026")
    one.add_argument("period", type=_period)
    one = command(
        "inventory",
        _inventory,
        "write the greenhouse-gas inventory report / 生成温室气体清单报告",
        "esg inventory 2026",
    )
    one.add_argument("period", type=_period)
    one.add_argument("--lang", choices=("zh", "en"), default="zh", help="its language / 语言")
    _add_panel(commands, where)
    one = command(
        "sql",
        _sql,
        "ask the published file / 查询发布文件",
        'esg sql "select * from indicator.value limit 5" --format csv',
    )
    one.add_argument("query")
    one.add_argument("--format", choices=("table", "csv", "json"), default="table")
    one = command("docs", _docs, "write the generated documents anew / 重新生成文档", "esg docs --check")
    one.add_argument("--check", action="store_true", help="only say whether they are stale / 仅检查是否过期")
    return parser


def _add_panel(commands: argparse._SubParsersAction[argparse.ArgumentParser], where: argparse.ArgumentParser) -> None:
    panel = commands.add_parser(
        "panel", help="the expert panel: workbooks out and in, and how it stands / 专家评分", parents=[where],
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="the expert panel: workbooks out and in, and how it stands / 专家评分表的发出、收回与现状",
        epilog="example / 示例:\n  esg panel export 2026 --experts E1,E2,E3,E4,E5 --until 2027-02-15\n"
        "  esg panel import returned/*.xlsx\n  esg panel status 2026\n  esg panel export 2026 --round 2",
    )  # fmt: skip
    steps = panel.add_subparsers(title="steps / 步骤", metavar="STEP", required=True)

    def step(name: str, does: Callable[[argparse.Namespace], int], help_: str, example: str) -> argparse.ArgumentParser:
        one = steps.add_parser(name, help=help_, description=help_, parents=[where], epilog=f"example / 示例:\n  {example}",
                               formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
        one.set_defaults(command=does)
        return one

    one = step("export", _panel_export, "write one workbook per expert / 为每位专家生成评分表",
               "esg panel export 2026 --experts E1,E2,E3,E4,E5 --until 2027-02-15")  # fmt: skip
    one.add_argument("period", type=_period)
    who = one.add_mutually_exclusive_group()
    who.add_argument("--experts", metavar="E1,E2", help="their codes, no names / 专家编号，不写姓名")
    who.add_argument("--expert-file", metavar="FILE", help="a text file, one code per line / 每行一个编号")
    one.add_argument(
        "--round", type=int, choices=(1, 2), default=1, help="2 asks again what the first left apart / 轮次"
    )
    one.add_argument("--until", metavar="DATE", type=_day, help="the last day workbooks are taken in / 截止日期")
    one = step("import", _panel_import, "take in workbooks that came back, or refuse them cell by cell / 收回评分表",
               "esg panel import returned/E1.xlsx returned/E2.xlsx")  # fmt: skip
    one.add_argument("files", nargs="+", metavar="FILE")
    one.add_argument("--replace", action="store_true", help="instead of what an expert handed in before / 替换已交")
    one = step(
        "status",
        _panel_status,
        "who has answered, how far they agree, what to discuss / 专家组现状",
        "esg panel status 2026",
    )
    one.add_argument("period", type=_period)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no date; write it like 2027-02-15 / 日期格式如 2027-02-15"
        ) from None


def _folder(options: argparse.Namespace) -> Path:
    folder = getattr(options, "enterprise", None) or os.environ.get("ESG_ENTERPRISE")
    if not folder:
        raise _Misused(
            "no enterprise folder is named / 未指定企业文件夹",
            todo="give --enterprise DIR or set ESG_ENTERPRISE; esg init DIR makes one",
        )
    if not Path(folder).is_dir():
        raise HubError(f"no such folder / 文件夹不存在: {folder}", todo="esg init DIR makes one")
    return Path(folder).resolve()


def _enterprise(options: argparse.Namespace) -> Enterprise:
    from schemas.enterprise import Enterprise

    return Enterprise(_folder(options))


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False, soft_wrap=False, markup=False, emoji=False)


def _init(options: argparse.Namespace) -> int:
    from connectors.templates import init

    init(Path(options.folder))
    print(f"{options.folder}: written; next / 已生成；下一步:\n  esg --enterprise {options.folder} check")  # noqa: T201
    return DONE


def _check(options: argparse.Namespace) -> int:
    from pipelines.run import check

    found = check(_enterprise(options))
    print("all declarations fit / 全部声明相符: " + ", ".join(f"{number} {what}" for what, number in found.items()))  # noqa: T201
    return DONE


def _try(options: argparse.Namespace) -> int:
    import tempfile

    from connectors.ingest import ingest
    from connectors.quarantine import by_reason, refused
    from connectors.source import sources
    from pipelines import show
    from schemas.enterprise import Enterprise

    enterprise = _enterprise(options)
    known = {source.name: source for source in sources(enterprise)}
    if options.source not in known:
        raise HubError(f"no source is called {options.source!r} / 没有该来源", todo=f"there are: {', '.join(known)}")
    wanted = known[options.source]
    months = [options.month] if options.month else sorted({one.month for one in wanted.deliveries() if one.month})[-1:]
    with tempfile.TemporaryDirectory() as scratch:
        trial = Enterprise(enterprise.folder, Path(scratch))
        needed = {source.name for source in known.values() if source.table.rows == "reference"} | {wanted.name}
        outcomes = ingest(trial, months, needed)
        for one in outcomes:
            if one.error:  # also that of a reference: without it the rows would be judged wrongly
                raise one.error
        outcome = next(one for one in outcomes if one.source == wanted.name)
        console = _console()
        console.print(f"{wanted.name} → {wanted.contract}  {' '.join(months)}", style="bold")
        if not outcome.extracts:
            console.print("nothing has been delivered / 尚无交付")
        else:
            show.extracts(console, outcome.extracts)
        show.refusals(console, enterprise, by_reason(refused(trial, source=wanted.name)))
        looked_up = set(wanted.table.refers.values())
        for one in outcomes:
            if one is not outcome and one.contract in looked_up and one.total("refused"):
                console.print(
                    f"{one.source}: {one.total('refused')} of {one.total('rows')} rows are refused, and so is what refers to them / 参照表有行被拒绝",
                    style="yellow",
                )
                console.print(f"  esg try {one.source}", style="yellow")
        clean = trial.lake.files("clean", wanted.contract)
        mine = [path for path in clean if path.parts[-3] == wanted.name]
        if mine:
            import polars as pl

            from schemas.contract import contract

            rows = pl.read_parquet(mine[0], hive_partitioning=False).head(3)
            show.sample(console, rows.select(column.name for column in contract(wanted.contract).declared))
    return DONE


def _run(options: argparse.Namespace) -> int:
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from connectors import quarantine
    from connectors.ingest import ALL, UNDATED
    from pipelines import show
    from pipelines.run import locked, run

    months = _span(options.month, options.to or options.month)
    enterprise = _enterprise(options)
    _ = enterprise.declaration
    console = _console()
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console, transient=True
    ) as progress:
        task = progress.add_task("…")

        def told(stage: str, what: str) -> None:
            progress.update(task, description=f"{stage} {what}")

        with locked(enterprise, _waiting):
            result = run(enterprise, months, told)
    rows = quarantine.refused(enterprise)
    touched = {*months, *(month for one in result.outcomes for month in one.months), ALL, UNDATED}
    rows = rows.filter(rows["month"].is_in(sorted(touched)))
    show.result(console, enterprise, result, months, quarantine.by_reason(rows))
    # sources of one contract may fail together, for one reason
    for error in {str(outcome.error): outcome.error for outcome in result.failed}.values():
        assert error is not None  # noqa: S101 - that is what failed means
        _complain(error)
    return FAILED if result.failed else DONE


def _waiting() -> None:
    print(  # noqa: T201
        "esg: another run holds this enterprise folder; waiting for it / 另一运行正占用该企业文件夹，等待中",
        file=sys.stderr,
    )


def _span(first: str, last: str) -> list[str]:
    low, high = (int(month[:4]) * 12 + int(month[5:]) - 1 for month in (first, last))
    if high < low:
        raise _Misused(f"--to {last} lies before --month {first} / 截止月早于起始月", todo="swap them")
    return [f"{number // 12:04d}-{number % 12 + 1:02d}" for number in range(low, high + 1)]


def _status(options: argparse.Namespace) -> int:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from connectors import quarantine
    from pipelines import show
    from pipelines.status import status

    enterprise, console = _enterprise(options), _console()
    rows = status(enterprise, datetime.now(ZoneInfo(enterprise.timezone)).date())
    show.status(console, enterprise, rows)
    show.closed(console, enterprise)
    show.refusals(console, enterprise, quarantine.by_reason(quarantine.refused(enterprise)))
    broken = [row["error"] for row in rows if row["error"]]
    for error in broken:
        _complain(error)
    return FAILED if broken else DONE


def _quarantine(options: argparse.Namespace) -> int:
    from connectors import quarantine
    from pipelines import show
    from pipelines.run import locked

    enterprise, console = _enterprise(options), _console()
    if options.resubmit:
        with locked(enterprise, _waiting):
            outcomes = quarantine.resubmit(enterprise, Path(options.resubmit))
        for one in outcomes:
            if one.error:
                _complain(one.error)
            elif one.already:
                at, name, sha = (one.already[key] for key in ("received_at", "name", "sha256"))
                console.print(f"{one.source}: these rows were handed in already, nothing was changed / 已交回过，未作更改: {at} {name} ({sha[:12]})",
                              soft_wrap=True)  # fmt: skip
            elif not one.extracts:
                console.print(f"{one.source}: no row was corrected, all stay refused / 没有更正的行，仍被拒收")
            else:
                counts = ", ".join(
                    f"{one.total(count):,} {count}" for count in ("rows", "accepted", "refused", "duplicates")
                )
                console.print(f"{one.source}: {counts}; months / 月份: {show.few(sorted(one.months)) or '-'}")
        console.print(
            f"compute and publish with / 重新计算并发布: {show.called()} run --month … --enterprise {enterprise.folder}",
            soft_wrap=True,
        )
        return FAILED if any(one.error for one in outcomes) else DONE
    rows = quarantine.refused(enterprise, options.month, options.source)
    if options.export:
        quarantine.export(rows, Path(options.export))
        console.print(
            f"{rows.height:,} rows / 行 → {options.export}; corrected, hand it in with / 更正后交回:\n"
            f"  {show.called()} quarantine --resubmit {options.export} --enterprise {enterprise.folder}",
            soft_wrap=True,
        )
        return DONE
    show.refusals(console, enterprise, quarantine.by_reason(rows))
    return DONE


def _diff(options: argparse.Namespace) -> int:
    from pipelines import show

    console = _console()
    _, rows = _ask(
        _folder(options),
        """select indicator_id, period, org_id, policy, old_value, new_value, cause_extracts
           from meta.figure_change order by all""",
    )
    if not rows:
        console.print("no figure changed since the publish before / 与上次发布相比没有变化")
        return DONE
    show.changes(console, rows)
    return DONE


def _trace(options: argparse.Namespace) -> int:
    from pipelines import show
    from pipelines.trace import trace
    from warehouse.access import plain_values

    with plain_values():
        found = trace(_enterprise(options), options.indicator, options.period, options.org, everything=options.all)
    show.trace(_console(), found)
    return DONE


_WHY = {"close": "books closed", "reopen": "meter replaced", "restate": "late invoices"}


def _close(options: argparse.Namespace) -> int:
    from pipelines.close import close

    done = _settled(options, close)
    if done.already:
        line = done.already
        _console().print(f"{done.period} is closed already / 已结账: {line['at']} {line['by']}: {line['reason']}")
    return DONE


def _reopen(options: argparse.Namespace) -> int:
    from pipelines.close import reopen

    _settled(options, reopen)
    return DONE


def _restate(options: argparse.Namespace) -> int:
    from functools import partial

    from pipelines.close import restate

    done = _settled(options, partial(restate, is_trial=options.dry_run))
    if options.dry_run:
        would = "" if done.restated.height else "no figure would change; / 没有数字会变化；"
        _console().print(f"dry run / 试算: {would}nothing was changed / 未作任何更改")
    return DONE


def _settled(options: argparse.Namespace, does: Callable[..., Done]) -> Done:
    """Close, reopen or restate under the lock, and say what became of it."""
    from datetime import UTC, datetime

    from pipelines import show
    from pipelines.run import locked

    enterprise = _enterprise(options)
    with locked(enterprise, _waiting):
        at = datetime.now(UTC).isoformat(timespec="seconds")
        done = does(enterprise, options.period, options.by, options.reason, at)
        show.settled(_console(), enterprise, done)
    return done


def _package(options: argparse.Namespace) -> int:
    from indicators.package import package
    from pipelines.run import locked

    enterprise = _enterprise(options)
    with locked(enterprise, _waiting):
        written = package(enterprise, options.month)
    print(  # noqa: T201
        f"package / 数据包: {written.folder}\n{written.archive}  sha256 {written.archive_sha256}\n"
        f"manifest.json sha256 {written.manifest_sha256}\nverify / 校验: python {written.folder / 'verify.py'}"
    )
    return DONE


def _evaluate(options: argparse.Namespace) -> int:
    from pipelines.run import evaluate_period, locked
    from pipelines.summary import summary

    enterprise = _enterprise(options)
    with locked(enterprise, _waiting):
        found, tables = evaluate_period(enterprise, options.period)
    summary(_console(), enterprise, found, tables)
    return DONE


def _report(options: argparse.Namespace) -> int:
    from pipelines.report import write_report

    _tell("report / 报告", write_report(_enterprise(options), options.period))
    return DONE


def _inventory(options: argparse.Namespace) -> int:
    from pipelines.report import write_inventory

    _tell("inventory / 清单", write_inventory(_enterprise(options), options.period, options.lang))
    return DONE


def _tell(what: str, written: list[Path]) -> None:
    """Where documents are, and what the machine lacks for the others."""
    for path in written:
        print(f"{what}: {path}")  # noqa: T201
    if not any(path.suffix == ".pdf" for path in written):
        print(  # noqa: T201
            "no PDF: the system has no font with Chinese; install one (Debian, Ubuntu: apt install fonts-noto-cjk) and call again"
            " / 未生成 PDF：系统没有中文字体；请安装（如 apt install fonts-noto-cjk）后重试"
        )


def _ask(folder: Path, query: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    import duckdb

    from warehouse.access import connect

    try:
        connection = connect(folder)
        if not connection.extract_statements(query):
            raise HubError("the query is empty / 查询为空", todo='write it like "select * from indicator.value"')
        result = connection.execute(query)
        return [column[0] for column in result.description or []], result.fetchall()
    except duckdb.Error as error:
        raise HubError(
            f"the query failed / 查询失败: {error}", todo="correct it; docs/dictionary.md lists tables and columns"
        ) from error


def _panel_export(options: argparse.Namespace) -> int:
    from pipelines.panel import export

    experts = (options.experts or "").split(",")
    if options.expert_file:
        experts = Path(options.expert_file).read_text(encoding="utf-8-sig").splitlines()
    codes = [one.strip() for one in experts if one.strip()]
    for path in export(_enterprise(options), options.period, codes, options.round, options.until):
        print(f"workbook / 评分表: {path}")  # noqa: T201
    return DONE


def _panel_import(options: argparse.Namespace) -> int:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from pipelines import show
    from pipelines.panel import take_in
    from pipelines.run import locked

    enterprise, console = _enterprise(options), _console()
    today = datetime.now(ZoneInfo(enterprise.timezone)).date()
    with locked(enterprise, _waiting):
        receipts, outcome = take_in(enterprise, map(Path, options.files), today, replace=options.replace)
    for receipt in receipts:
        show.receipt(console, receipt)
    if outcome is not None and outcome.error:
        raise outcome.error
    if outcome is not None:
        show.extracts(console, outcome.extracts)
        console.print("next / 下一步: esg panel status PERIOD")
    return FAILED if any(receipt.faults for receipt in receipts) or (outcome and outcome.total("refused")) else DONE


def _panel_status(options: argparse.Namespace) -> int:
    from pipelines import show
    from pipelines.panel import held

    show.panel(_console(), held(_enterprise(options), options.period))
    return DONE


def _sql(options: argparse.Namespace) -> int:
    names, rows = _ask(_folder(options), options.query)
    if options.format == "csv":
        import csv

        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([_inert(value) for value in row] for row in rows)
    elif options.format == "json":
        import json

        print(json.dumps([dict(zip(names, row, strict=True)) for row in rows], ensure_ascii=False, default=str))  # noqa: T201
    else:
        from pipelines import show

        show.rows(_console(), "", names, rows)
    return DONE


def _inert(value: object) -> object:
    """A text that a spreadsheet would take for a formula, made one it shows; numbers stay numbers."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def _docs(options: argparse.Namespace) -> int:
    from pipelines.docs import stale, write

    if not options.check:
        for path in write():
            print(path)  # noqa: T201
        return DONE
    behind = stale()
    if behind:
        raise HubError(
            f"generated documents are stale / 生成的文档已过期: {', '.join(behind)}",
            todo="make docs, and commit what changed",
        )
    print("generated documents are up to date / 生成的文档均为最新")  # noqa: T201
    return DONE


if __name__ == "__main__":
    sys.exit(main())
