"""What `esg evaluate` prints: the scores in short, why there is no grade, what lacks, and where to look next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
from rich.console import Console
from rich.text import Text

from indicators.declared import natural
from indicators.report.words import vocabulary
from indicators.scoring.evaluation import Evaluation, folder
from indicators.scoring.score import two_places
from pipelines.show import called, few, grid
from schemas.enterprise import Enterprise


def summary(console: Console, enterprise: Enterprise, done: Evaluation, tables: Mapping[str, pl.DataFrame]) -> None:
    """Pillars, total and grade or why it is withheld, what is missing, and what to do next."""
    result, statistics = tables["result"], {row["id"]: row for row in tables["monte_carlo"].iter_rows(named=True)}
    table = grid(
        f"{enterprise.id} {done.facts.period}: {done.profile.id} {done.profile.version} {done.profile.hash[:12]}",
        "", "score 得分", "grade 等级", "bounds 上下界", "5–95 %", "data 覆盖", "weight 权重", right=(1, 3, 4, 5, 6),
    )  # fmt: skip
    limited = result.filter((pl.col("level") == "pillar") & (pl.col("reason") == "limited_scope"))["id"].to_list()
    for row in result.filter(pl.col("level").is_in(["pillar", "total"])).iter_rows(named=True):
        drawn = statistics.get(row["id"], {})
        graded = (
            Text(drawn.get("grade_note") or row["grade"])
            if row["grade"]
            else Text(f"withheld 暂不评级\n{_word(row['reason'])}", "yellow")
        )
        if row["id"] in limited or (limited and row["id"] == "total"):
            which = f" ({', '.join(limited)})" if row["id"] == "total" else ""
            graded.append(f"\nlimited scope / 范围受限{which}", "yellow")
        table.add_row(
            row["id"], _points(row["score"]), graded, f"{_points(row['lower'])}–{_points(row['upper'])}",
            f"{_points(drawn.get('p05'))}–{_points(drawn.get('p95'))}", _share(row["coverage"]), _share(row["weight"]),
        )  # fmt: skip
    console.print(table)
    for row in tables["integrity"].iter_rows(named=True):
        console.print(
            f"integrity / 数据矛盾 {row['check_name']}: {row['en']} / {row['zh']}", style="yellow", soft_wrap=True
        )
    indicators = result.filter(pl.col("level") == "indicator")
    lacking = indicators.filter(pl.col("state") == "missing")
    for reason, found in sorted(lacking.group_by("reason").agg("id").iter_rows()):
        console.print(
            f"missing / 缺失 {len(found)}: {few(sorted(found, key=natural))}: {_word(reason)}", style="yellow"
        )
    for row in tables["event"].iter_rows(named=True):
        console.print(
            f"event / 事件 {row['class']} {row['event_id']} {row['indicator_id']}: {_effect(row, done)} {row['title']}",
            style="yellow",
        )
    for key, words in done.proposed(enterprise.declaration.enterprise_type).items():
        console.print(
            f"{key} usually does not apply here: {words.en}; confirm it in the profile's not_applicable / 通常不适用：{words.zh}"
        )
    console.print(f"kept in / 保存于: {folder(enterprise.data, done.facts.period, done.profile)}", soft_wrap=True)
    for line in (
        'sql "select * from score.definition"',
        'sql "select * from score.contribution order by potential desc"',
        f"report {done.facts.period}",
    ):
        console.print(f"  {called()} {line} --enterprise {enterprise.folder}", soft_wrap=True)


def _effect(event: Mapping[str, Any], done: Evaluation) -> str:
    """What an event takes, or why it takes nothing."""
    if event["is_pending"]:
        return "pending, takes nothing / 未决，不扣分:"
    if not event["share"]:
        is_later = f"{event['decided_on']:%Y-%m}" > done.facts.months[-1]
        why = "decided after the period / 期后作出" if is_later else "of an incident that counts already / 同一事故已计"
        return f"takes nothing, {why}:"
    does = done.profile.events.classes.get(event["class"])
    caps = {} if does is None else {
        event["indicator_id"]: does.linked_at_most, event["pillar"]: does.pillar_at_most, "total": does.total_at_most
    }  # fmt: skip
    took = [f"-{event['deduction']:g} {event['pillar']}"] if event["deduction"] else []
    took += [f"{name} ≤ {limit}" for name, limit in caps.items() if limit is not None]
    took += [f"counts by / 计入 {event['share']:.0%}"] if event["share"] < 1 else []
    return f"{', '.join(took) or 'takes nothing by this method / 本方法不扣分'}:"


def _points(score: float | None) -> str:
    return "—" if score is None else f"{two_places(score)}"


def _share(part: float | None) -> str:
    return "—" if part is None else f"{part:.1%}"


def _word(reason: str | None) -> str:
    words = vocabulary()["reason"].get(reason or "")
    return f"{words['en']} / {words['zh']}" if words else reason or ""
