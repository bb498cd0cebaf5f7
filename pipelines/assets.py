"""The assets: one per source, mart, indicator family, and one each for scores, published file and step of the evaluation.

Everything Dagster shows of them (owner, group, kinds, columns, lineage, code) is read from the declarations and applied
in one place; the work is that of `pipelines.run.Run`, of which every Dagster run holds one, and with it the folder's lock.
"""

import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import polars as pl

import indicators.declared
import warehouse.marts
from connectors.ingest import ALL, Outcome, concerning
from connectors.source import Source, sources
from indicators.declared import catalogue
from indicators.package import package
from indicators.scoring.evaluation import TABLES, Evaluation, write
from pipelines import checks
from pipelines.report import write_report
from pipelines.run import FAMILIES, Run, locked, refuse_closed
from schemas.contract import Column, names
from schemas.enterprise import Enterprise
from schemas.errors import HubError, SourceError
from schemas.lake import digest, months_of
from warehouse.marts import Mart, marts
from warehouse.publish import column_lineage, columns

Shown = dg.MaterializeResult[None]
Work = Callable[["Held", list[str]], Shown]
"""What materialises an asset: the run and the months it is for → what is shown of it."""
Made = tuple[dg.AssetSpec, Work, list[dg.AssetCheckSpec]]

SCORE, PUBLISHED = dg.AssetKey(["score", "result"]), dg.AssetKey(["published", "esg"])
_STEWARD = "team:esg"  # who owns what no declaration names an owner of
_FAMILIES = {
    "climate": "气候与温室气体", "customer": "客户与服务", "energy": "能源", "people": "员工", "production": "生产", "transport": "运输",
}  # fmt: skip
# what the hub derives from reference rows before any mart runs: table → the contracts it rests on
_DERIVED = {
    "staged.meter_part": ("meter_reading", "meter", "site"), "staged.meter_event": ("meter_reading", "meter", "site"),
    "staged.meter_hour": ("meter_reading", "meter", "site"), "staged.meter_file": ("meter_reading",),
    "reference.site_zone": ("site",), "reference.site_month": ("site",),
    "reference.grid_fallback": ("site",), "reference.meter_month": ("meter", "site"), "reference.meter_ancestor": ("meter", "site"),
    "reference.meter_register": ("meter",),
    "reference.tce": ("site",), "reference.figure_unit": ("reported_figure",),
}  # fmt: skip
_SHOWN = 40  # figures in the table a family shows of itself


@dataclass
class Held(Run):
    """The `Run` of a Dagster run; sources of one contract are taken in together, so that their keys are settled once.

    Attributes:
        selected: the assets of the Dagster run; none: all.
        outcomes: what became of the sources taken in so far, by name.
    """

    selected: Set[dg.AssetKey] | None = None
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    def taken_in(self, source: Source, alike: list[Source], months: list[str]) -> Outcome:
        """What became of a source; the first of its contract to ask takes in all of them that are selected."""
        if source.name not in self.outcomes:
            batch = {one.name for one in alike if not self.selected or _source(one.name) in self.selected}
            self.outcomes |= {outcome.source: outcome for outcome in self.ingest(months, {source.name, *batch})}
        return self.outcomes[source.name]


def run_of(folder: Path) -> dg.ResourceDefinition:
    """The one run of a Dagster run; from its first step to its last it holds the enterprise folder, as `esg run` does."""

    @dg.resource(description="The monthly run, holding the lock of the enterprise folder")
    def run(context: dg.InitResourceContext) -> Iterator[Held]:
        enterprise = Enterprise(folder)

        def waiting() -> None:
            if context.log is not None:
                context.log.info(
                    "another run holds this enterprise folder: waiting for it / 另一次运行正占用该企业目录，等待中"
                )

        with locked(enterprise, waiting):
            started = context.run
            one = Held(enterprise, started.run_id, selected=started.asset_selection) if started else Held(enterprise)
            try:
                yield one
            finally:
                one.close()

    return run


def assets(enterprise: Enterprise, partitions: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Every asset of an enterprise.

    Args:
        enterprise: the folder; only its declarations are read.
        partitions: the months.
    """
    broken: dict[str, SourceError] = {}
    lineage = _Lineage(sources(enterprise, broken))
    made = [_of_source(source, lineage, enterprise) for source in lineage.sources]
    made += [_of_broken(name, error) for name, error in broken.items()]
    made += [_of_mart(mart, lineage) for mart in marts()]
    made += [_of_family(family) for family in FAMILIES]
    made.append(_of_scores(lineage, enterprise))
    read = {dep.asset_key for spec, *_ in made for dep in spec.deps}
    made.append(_of_published(spec.key for spec, *_ in made if spec.key not in read))
    groups = _groups([spec for spec, *_ in made])
    rests = _rests([spec for spec, *_ in made])
    of_source = {_source(source.name): source.name for source in lineage.sources}
    made = [
        (
            spec.replace_attributes(partitions_def=partitions, group_name=groups[spec.key]),
            work if spec.key.path[0] == "source" else _with_refused(work, {of_source[key] for key in rests[spec.key] & of_source.keys()}),
            judged,
        )
        for spec, work, judged in made
    ]  # fmt: skip
    return [_step(members, enterprise) for members in _steps(made, rests)]


def _rests(specs: list[dg.AssetSpec]) -> dict[dg.AssetKey, frozenset[dg.AssetKey]]:
    """The sources each asset rests on; a source rests on itself."""
    rests: dict[dg.AssetKey, frozenset[dg.AssetKey]] = {}
    for spec in specs:  # what is read stands before what reads it
        is_source = spec.key.path[0] == "source"
        rests[spec.key] = frozenset([spec.key] if is_source else []).union(
            *(rests[dep.asset_key] for dep in spec.deps if not is_source)
        )
    return rests


def _steps(made: list[Made], rests: Mapping[dg.AssetKey, frozenset[dg.AssetKey]]) -> list[list[Made]]:
    """What runs as one step: each asset for itself, but marts that rest on the same sources together.

    There are dozens of small marts, and what Dagster notes down for a step costs more than most of them. A source that
    fails holds back what rests on it and nothing else, so only marts that would be held back together share a step.
    """
    steps: dict[object, list[Made]] = {}
    for one in made:
        key = one[0].key
        steps.setdefault(rests[key] if key.path[0] == "mart" else key, []).append(one)
    return list(steps.values())


def _with_refused(work: Work, names: Set[str]) -> Work:
    """The work of an asset that rests on some sources, which also tells how many of their rows were refused."""

    def told(run: Held, months: list[str]) -> Shown:
        shown = work(run, months)
        entries = concerning((one for one in run.enterprise.lake.extracts() if one["source"] in names), set(months))
        return shown._replace(
            metadata={**(shown.metadata or {}), "refused": sum(entry["refused"] for entry in entries)}
        )

    return told


def _groups(specs: list[dg.AssetSpec]) -> dict[dg.AssetKey, str]:
    """The group of each asset: what it says itself, else the family of indicators nearest downstream of it.

    What is as near to one family as to another, or to none, is `shared`.
    """
    reads = {spec.key: [dep.asset_key for dep in spec.deps] for spec in specs}
    near: dict[dg.AssetKey, dict[str, int]] = {key: {} for key in reads}
    for family in FAMILIES:
        level, steps = [dg.AssetKey(["indicator", family])], 0
        while level:
            for key in level:
                near[key].setdefault(family, steps)
            level, steps = (
                sorted({above for key in level for above in reads[key] if family not in near[above]}),
                steps + 1,
            )
    groups = {}
    for spec in specs:
        distances = near[spec.key]
        nearest = [family for family, steps in distances.items() if steps == min(distances.values())]
        groups[spec.key] = spec.group_name or (nearest[0] if len(nearest) == 1 else "shared")
    return groups


def _step(members: list[Made], enterprise: Enterprise) -> dg.AssetsDefinition:
    """One step, for any stretch of months, one run per enterprise at a time; each of its assets may be asked for alone."""
    first = members[0][0].key

    @dg.multi_asset(
        name=first.to_python_identifier(), specs=[spec for spec, *_ in members], check_specs=[one for *_, judged in members for one in judged],
        can_subset=len(members) > 1, backfill_policy=dg.BackfillPolicy.single_run(),
        required_resource_keys={"run"}, pool=pool(enterprise),
        # sources first: what is computed between two of them would be computed again
        op_tags={"dagster/priority": "1" if first.path[0] == "source" else "0"},
    )  # fmt: skip
    def materialise(context: dg.AssetExecutionContext) -> Iterator[Shown]:
        for spec, work, _ in members:
            if spec.key in context.selected_asset_keys:
                try:
                    yield work(context.resources.run, list(context.partition_keys))._replace(asset_key=spec.key)
                except HubError as error:
                    raise dg.Failure(
                        str(error), {"what": error.what, "where": error.where, "next": error.todo}, allow_retries=False
                    ) from None

    return materialise


def _source(name: str) -> dg.AssetKey:
    """The key of a source; Dagster takes Latin letters only, so that another name is known by what is Latin in it and a digest."""
    latin = re.sub(r"[^A-Za-z0-9_-]", "", name)
    return dg.AssetKey(["source", name if name == latin else f"{latin}_{digest(name)[:6]}".lstrip("_-")])


def pool(enterprise: Enterprise) -> str:
    """The pool that keeps the runs of one enterprise apart, also those started by hand on a selection of assets."""
    return f"enterprise_{re.sub(r'[^A-Za-z0-9_]', '_', enterprise.id)}"


# ── sources ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Lineage:
    """Which assets a table rests on."""

    def __init__(self, found: list[Source]) -> None:
        self.sources = found

    def of_contract(self, *contracts: str) -> list[dg.AssetKey]:
        """The sources that fill some contracts."""
        return [_source(source.name) for source in self.sources if source.contract in contracts]

    def of(self, table: str) -> list[dg.AssetKey]:
        """The assets a table a mart reads comes from; none for what the hub ships or knows by itself."""
        place, _, name = table.partition(".")
        if place == "mart":
            return [dg.AssetKey(["mart", name])]
        return self.of_contract(
            *_DERIVED.get(table, (name,) if place in ("clean", "reference") and name in names() else ())
        )


def _of_source(source: Source, lineage: _Lineage, enterprise: Enterprise) -> Made:
    table, key = source.table, _source(source.name)
    alike = [one for one in lineage.sources if one.contract == source.contract]
    files = [
        path for path in (enterprise.folder / "sources" / f"{source.name}.yaml", source.prepare_path) if path.exists()
    ]
    group = "reference" if source.kind_of_rows == "reference" else None
    tags = {"contract": table.name, **({"personal": "true"} if source.is_personal else {})}
    read = source.read.files or source.read.table or "query"
    spec = dg.AssetSpec(
        key, deps=lineage.of_contract(*table.refers.values()), group_name=group, owners=[_owner(source.owner)], tags=tags,
        kinds={source.read.kind, "polars", "pandera"},
        description=f"{table.zh}，来自 {source.system or source.name} | {table.en} From {source.system or source.name}: `{read}`.",
        metadata={
            "dagster/column_schema": _schema(table.kept), "dagster/table_name": f"clean.{table.name}",
            "source": source.name, "contract": table.name, "rows": source.kind_of_rows, "owner": source.owner or "–",
            "expect_by_day": str(source.expect_by_day or "–"), **_code(*files, _module(f"schemas/contracts/{table.name}.py")),
        },
    )  # fmt: skip

    def work(run: Held, months: list[str]) -> Shown:
        outcome = run.taken_in(source, alike, months)
        if outcome.error is not None:
            raise outcome.error
        entries = concerning(run.enterprise.lake.extracts(source=source.name), set(months))
        counts = {
            count: sum(entry[count] for entry in entries)
            for count in ("rows", "accepted", "refused", "duplicates", "flagged")
        }
        shown = {
            "dagster/row_count": counts["accepted"], **counts, "extracts": len(entries), "taken_in": len(outcome.extracts),
            "unchanged": outcome.unchanged, "reasons": checks.reasons(source, entries), "months_touched": sorted(outcome.months),
            "files": checks.table(("file", "month", "rows", "accepted", "refused", "duplicates"), [
                (entry["name"], entry["month"] or ALL, *(entry[count] for count in ("rows", "accepted", "refused", "duplicates")))
                for entry in entries
            ]),
        }  # fmt: skip
        judged = checks.results(source, outcome, entries, set(months), run.enterprise)
        return dg.MaterializeResult(metadata=shown, check_results=judged)

    return spec, work, checks.specs(key)


def _of_broken(name: str, error: SourceError) -> Made:
    """A source whose declaration does not fit: it is shown, and fails with the reason."""
    spec = dg.AssetSpec(
        _source(name), owners=[_STEWARD], kinds={"yaml"},
        description=f"声明有误 | The declaration does not fit: {error.what}", metadata=_code(Path(error.where)),
    )  # fmt: skip

    def work(_run: Held, _months: list[str]) -> Shown:
        raise error

    return spec, work, []


def _owner(owner: str) -> str:
    """A declared owner in the form Dagster takes: an address, or a team."""
    if not owner or re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", owner):
        return owner or _STEWARD
    return owner if owner.startswith("team:") else f"team:{owner}"


def _schema(kept: tuple[Column, ...]) -> dg.TableSchema:
    return dg.TableSchema([
        dg.TableColumn(
            column.name, column.duckdb, column.comment,
            dg.TableColumnConstraints(nullable=column.nullable, other=[*(f"→ {column.refers}" for _ in [0] if column.refers), *column.words]),
        )
        for column in kept
    ])  # fmt: skip


def _module(path: str) -> Path:
    return Path(__file__).parents[1] / path


def _code(*files: Path) -> dict[str, Any]:
    """Where the asset is declared, for the link the UI shows."""
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", dg.BetaWarning
        )  # code references are new in Dagster; without them only the link is lost
        found = [
            dg.LocalFileCodeReference(file_path=str(path.absolute()), line_number=1, label=path.name) for path in files
        ]
        return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=list(found))}


# ── marts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _of_mart(mart: Mart, lineage: _Lineage) -> Made:
    key = dg.AssetKey(["mart", mart.name])
    spec = dg.AssetSpec(
        key, deps=list(dict.fromkeys(dep for table in mart.reads for dep in lineage.of(table))), owners=[_STEWARD],
        kinds={"sql", "duckdb", "parquet"}, tags={"layer": "mart"}, description=f"{mart.zh} | {mart.en}",
        metadata={
            "dagster/table_name": f"mart.{mart.name}", "grain": ", ".join(mart.grain), "sql": dg.MetadataValue.md(f"```sql\n{mart.sql}\n```"),
            "reads": list(mart.reads), **_code(warehouse.marts.FOLDER / f"{mart.name}.sql"),
        },
    )  # fmt: skip

    def work(run: Held, months: list[str]) -> Shown:
        house = run.warehouse
        built = house.mart(mart.name)
        here = f"select count(*) from mart.{mart.name} where list_contains(?, month)"
        deps: dict[str, list[dg.TableColumnDep]] = {}
        for column, table, upstream in column_lineage().get(mart.name, []):
            # several tables the hub derives may rest on one source
            deps[column] = list(
                dict.fromkeys(
                    [*deps.get(column, []), *(dg.TableColumnDep(asset, upstream) for asset in lineage.of(table))]
                )
            )
        words = columns()
        types = house.types(f"mart.{mart.name}")[f"mart.{mart.name}"]
        shown = [dg.TableColumn(name, kind, words.get(name)) for name, kind in types.items()]
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": house.connection.execute(here, [months]).fetchall()[0][0],
                "dagster/column_schema": dg.TableSchema(shown),
                "dagster/column_lineage": dg.TableColumnLineage(deps),
                "rows_of_all_months": built.rows,
                "months_changed": built.changed,
            },
            check_results=checks.mart_results(mart, house, months),
        )

    return spec, work, checks.mart_specs(mart, key)


# ── indicators, scores, published file ───────────────────────────────────────────────────────────────────────────────


@cache
def _members(family: str) -> tuple[indicators.declared.Indicator, ...]:
    return tuple(one for one in catalogue().values() if one.family == family)


def _of_family(family: str) -> Made:
    members = _members(family)
    spec = dg.AssetSpec(
        dg.AssetKey(["indicator", family]), deps=sorted({dg.AssetKey(["mart", term.mart]) for one in members for term in one.terms()}),
        owners=sorted({_owner(one.owner) for one in members}), kinds={"polars", "duckdb"}, tags={"layer": "indicator"},
        description=f"{_FAMILIES[family]}指标：Σ分子 / Σ分母 | Indicators of the family {family}: Σ numerator / Σ denominator",
        metadata={
            "indicators": checks.table(("id", "指标", "indicator", "unit"), [(one.id, one.title.zh, one.title.en, one.unit) for one in members]),
            **_code(*(indicators.declared.FOLDER / f"{one.id}.yaml" for one in members)),
        },
    )  # fmt: skip

    def work(run: Held, months: list[str]) -> Shown:
        values = run.values(family)
        here = values.filter(pl.col("period").is_in(months))
        chosen = here.filter((pl.col("org_kind") == "enterprise") & pl.col("is_chosen")).sort(
            "period", "indicator_id", descending=[True, False]
        )
        states = here["state"].value_counts(sort=True).iter_rows()
        shown = ("indicator_id", "period", "value", "unit", "state", "reason")
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": here.height, "dagster/column_schema": _columns_of(values), "values_of_all_periods": values.height,
                "states": checks.table(("state", "values"), states),
                "figures": checks.table(shown, chosen.select(shown).head(_SHOWN).iter_rows()),
            }
        )  # fmt: skip

    return spec, work, []


def _columns_of(frame: pl.DataFrame) -> dg.TableSchema:
    words = columns()
    return dg.TableSchema([dg.TableColumn(name, str(kind), words.get(name)) for name, kind in frame.schema.items()])


def _of_scores(lineage: _Lineage, enterprise: Enterprise) -> Made:
    spec = dg.AssetSpec(
        SCORE, deps=[*(dg.AssetKey(["indicator", family]) for family in FAMILIES), *lineage.of_contract("expert_score"), *lineage.of("mart.reconciliation")],
        group_name="results", owners=[_STEWARD], kinds={"polars", "python"}, tags={"layer": "score"},
        description="得分：指标、分组、维度、总分，各年一套 | Scores of indicators, groups, pillars and in total, one set per year",
        metadata={"profile": enterprise.declaration.profile, **_code(_module("indicators/scoring/score.py"))},
    )  # fmt: skip

    def work(run: Held, months: list[str]) -> Shown:
        scores = run.scores()
        here = scores.filter(pl.col("period").is_in(sorted({month[:4] for month in months})))
        shown = ("period", "id", "score", "lower", "upper", "grade", "state")
        totals = here.filter(pl.col("level").is_in(["total", "pillar"])).select(shown)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": here.height,
                "dagster/column_schema": _columns_of(scores),
                "totals": checks.table(shown, totals.iter_rows()),
                "not_scored": {year: str(error) for year, error in run.unscored.items()},
            }
        )

    return spec, work, []


def _of_published(leaves: Iterator[dg.AssetKey]) -> Made:
    """The published file holds every table; it waits for whatever nothing else waits for."""
    spec = dg.AssetSpec(
        PUBLISHED, deps=list(leaves), group_name="results", owners=[_STEWARD], kinds={"duckdb"}, tags={"layer": "published"},
        description="分析文件 published/esg.duckdb：整体替换，不见半成品 | The file analysts open, swapped in whole",
        metadata=_code(_module("warehouse/publish.py")),
    )  # fmt: skip

    def work(run: Held, _months: list[str]) -> Shown:
        changes = run.publish()
        path = run.enterprise.published
        with duckdb.connect(str(path), read_only=True) as file:
            rows = file.execute(
                "select schema_name || '.' || table_name, estimated_size from duckdb_tables() order by all"
            ).fetchall()
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": sum(count for _, count in rows), "tables": checks.table(("table", "rows"), rows),
                "path": dg.MetadataValue.path(str(path)), "bytes": path.stat().st_size, "figures_changed": changes.height,
                "changes": checks.table(changes.columns, changes.head(_SHOWN).iter_rows()),
            }
        )  # fmt: skip

    return spec, work, []


# ── the evaluation of a year ─────────────────────────────────────────────────────────────────────────────────────────

_STEPS: dict[str, tuple[str, str, str]] = {
    "value": ("评价期内的指标值 | The values of the period", "pipelines/run.py", ""),
    "normalised": ("标准化：值与等级成为得分 | Values and levels become scores", "indicators/scoring/score.py", "value"),
    "panel": ("专家组给出的等级 | What the panel gave", "indicators/scoring/score.py", "normalised"),
    "weights": ("原始与有效权重 | Raw and effective weights", "indicators/scoring/weights.py", "panel"),
    "score": ("得分、事件与贡献 | Scores, events and contributions", "indicators/scoring/evaluation.py", "weights"),
    "sensitivity": ("不确定性与敏感性，并发布 | Uncertainty and sensitivity; publishes", "indicators/scoring/uncertainty.py", "score"),
    "report": ("评价报告：中英文 HTML、PDF、DOCX 与 JSON | The report: HTML, PDF, DOCX, JSON", "indicators/report/evaluation_layout.py", "sensitivity"),
    "package": ("各月数据包与独立校验程序 | Each month's data package with its stand-alone verifier", "indicators/package.py", "report"),
}  # fmt: skip
EVALUATION = "evaluation"
"""The group of the assets that evaluate a year; they run in a job of their own."""


def evaluation_assets(enterprise: Enterprise, years: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """The evaluation step by step, one year a partition; the work is that of `Run.evaluation`."""
    given = [*(["indicator", family] for family in FAMILIES), ["mart", "reconciliation"]]
    above_all = [dg.AssetDep(dg.AssetKey(key), partition_mapping=dg.TimeWindowPartitionMapping()) for key in given]
    made = []
    for step, (words, module, above) in _STEPS.items():
        spec = dg.AssetSpec(
            dg.AssetKey([EVALUATION, step]), deps=[dg.AssetKey([EVALUATION, above])] if above else above_all, group_name=EVALUATION,
            owners=[_STEWARD], kinds={"polars", "python"}, tags={"layer": "score"}, description=words,
            metadata={"profile": enterprise.declaration.profile, **_code(_module(module))}, partitions_def=years,
        )  # fmt: skip
        work = {"report": _reported, "package": _packed}.get(step) or _evaluating(step)
        made.append(_step([(spec, work, [])], enterprise))
    return made


def _evaluating(step: str) -> Work:
    def work(run: Held, periods: list[str]) -> Shown:
        for period in periods:
            refuse_closed(run.enterprise, period)
        frames = [_kept(step, run.evaluation(period), run.enterprise) for period in periods]
        if step == "sensitivity":
            run.scores()
            run.publish()
        rows = {name: sum(one[name].height for one in frames) for name in frames[0]}
        return dg.MaterializeResult(metadata={"dagster/row_count": sum(rows.values()), "rows": rows})

    return work


def _kept(step: str, evaluation: Evaluation, enterprise: Enterprise) -> dict[str, pl.DataFrame]:
    """What a step makes of an evaluation, kept where it is a table of `score`."""
    made: dict[str, Callable[[], dict[str, pl.DataFrame]]] = {
        "value": lambda: {"value": evaluation.values()},
        "normalised": lambda: {"normalised": evaluation.normalised()},
        "panel": evaluation.panel_tables,
        "weights": lambda: {"weight": evaluation.weights()},
        "score": evaluation.scored,
        "sensitivity": evaluation.sensitivity,
    }
    tables = made[step]()
    write(enterprise.data, evaluation, {name: frame for name, frame in tables.items() if name in TABLES})
    return tables


def _reported(run: Held, periods: list[str]) -> Shown:
    written = {period: write_report(run.enterprise, period)[0] for period in periods}
    return dg.MaterializeResult(metadata={period: dg.MetadataValue.path(str(path)) for period, path in written.items()})


def _packed(run: Held, periods: list[str]) -> Shown:
    with_values = set(run.all_values()["period"])
    months = [month for period in periods for month in months_of(period)]
    written = {month: package(run.enterprise, month) for month in months if month in with_values}
    rows = [(month, one.archive.name, one.manifest_sha256) for month, one in written.items()]
    return dg.MaterializeResult(
        metadata={
            "packages": checks.table(("month", "archive", "manifest sha256"), rows),
            "months_without_values": [month for month in months if month not in with_values],
        }
    )
