"""From deliveries to clean rows: land, read, conform, judge, keep or refuse, settle keys, commit.

A unit of work is `stage(specs)`: JSON in, JSON out, its own reading and writing, no clock; running it twice is harmless,
because the files it writes are named by their content. What one run changes about a contract counts from the moment the
state is committed (one rename); until then the old files do.
"""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import io
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import polars as pl
import polars.selectors as cs
import pyarrow as pa
import pyarrow.parquet as pq

from connectors import landing
from connectors.conform import Conformed, References, conform
from connectors.readers.text import text_of
from connectors.source import Delivery, Read, Source, sources
from schemas.contract import Table, contract, contracts
from schemas.enterprise import Enterprise
from schemas.errors import ContractViolation, HubError, SourceError
from schemas.lake import Spans, digest, meet, months_named, replaced

ALL = "all"  # the folder of rows that have no month (reference tables)
CORRECTED = "row: corrected"  # why a row is refused whose corrected form has been handed in
UNDATED = "undated"  # the folder of refused rows whose date could not be read
# small extracts are judged together: one call of Pandera costs as much as the rows of thousands of lines
BYTES_AT_ONCE, ROWS_AT_ONCE = 4 << 20, 100_000
ROWS_AT_HAND = 3_000_000  # judged rows kept in memory while extracts are settled beside each other
ROWS_IN_A_GROUP = 262_144  # of a clean file; a page of it holds as many, for each is compressed by itself
FEW = 50  # so many values of a key column are remembered one by one, to tell at once which extracts cannot meet
FORMAT = 4  # raised when the hub writes other bytes for the same input
QUARANTINE: dict[str, Any] = {
    "contract": pl.String, "source": pl.String, "extract_id": pl.String, "file": pl.String, "sheet": pl.String,
    "row_number": pl.Int64, "month": pl.String, "reasons": pl.List(pl.String), "raw": pl.String,
}  # fmt: skip

T = TypeVar("T")


@dataclass
class Outcome:
    """What became of one source in a run.

    Attributes:
        extracts: the entries that were staged or settled anew.
        unchanged: how many extracts were there already.
        error: why the source could not be taken in; then nothing of it has changed.
        waiting: the months asked for that it has not delivered.
        beside: after a resubmission, the other extracts that were judged or settled anew because of it.
        already: the entry of the same resubmission before; then nothing was done now.
    """

    source: str
    contract: str
    extracts: list[dict[str, Any]] = field(default_factory=list)
    unchanged: int = 0
    error: HubError | None = None
    waiting: list[str] = field(default_factory=list)
    beside: list[dict[str, Any]] = field(default_factory=list)
    already: dict[str, Any] | None = None

    def total(self, count: str) -> int:
        """The sum of a count (`rows`, `accepted`, `refused`, `duplicates`) over what was staged."""
        return sum(entry[count] for entry in self.extracts)

    @property
    def months(self) -> set[str]:
        """The months whose clean rows may have changed."""
        return {
            month
            for entry in [*self.extracts, *self.beside]
            for month in (*entry["clean"], *entry["replaced_months"])
            if month != ALL
        }


def ingest(enterprise: Enterprise, months: list[str], only: set[str] | None = None,
           progress: Callable[[str], None] = lambda _: None) -> list[Outcome]:  # fmt: skip
    """Take in what the enterprise's sources have delivered for some months.

    Args:
        enterprise: the folder.
        months: months whose files are looked for; files whose name tells no month are read whole.
        only: names of sources, where not all are wanted.
        progress: told what is being worked on.

    Returns:
        One outcome per source. A source that fails changes nothing; the others proceed.

    Raises:
        OSError: the disk is full or fails, so that no source could be taken in; the contracts committed before stand.
    """
    enterprise.lake.sweep()
    _seen(enterprise).forget()
    _declared.cache_clear()  # declarations may have been edited since
    found, broken = _declared(str(enterprise.folder), str(enterprise.data))
    declared = list(found.values())
    outcomes = [Outcome(name, "", error=error) for name, error in broken.items() if only is None or name in only]
    gone = _undeclared(enterprise, {*broken, *(source.name for source in declared)})
    for table in contracts():
        batch = [
            source for source in declared if source.contract == table.name and (only is None or source.name in only)
        ]
        former = [outcome for outcome in gone if outcome.contract == table.name]
        if batch or former:
            outcomes += _together(
                enterprise,
                table,
                former,
                [(source, partial(_deliveries, enterprise, source, months)) for source in batch],
                progress,
            )
    enterprise.lake.sweep()  # of rows as they were before their keys were settled
    return outcomes


def _undeclared(enterprise: Enterprise, declared: set[str]) -> list[Outcome]:
    """What becomes of sources whose declaration has been removed: their rows no longer count; the archive keeps the files."""
    gone: dict[str, Outcome] = {}
    for entry in [entry for entry in enterprise.lake.extracts() if entry["source"] not in declared]:
        nothing = {
            **entry,
            "rows": 0,
            "accepted": 0,
            "refused": 0,
            "duplicates": 0,
            "clean": {},
            "quarantine": {},
            "replaced_months": sorted(entry["clean"]),
        }
        gone.setdefault(entry["source"], Outcome(entry["source"], entry["contract"])).extracts.append(nothing)
    return list(gone.values())


def _together(enterprise: Enterprise, table: Table, former: list[Outcome],
              batch: list[tuple[Source, Callable[[Outcome], list[dict[str, Any]]]]], progress: Callable[[str], None]) -> list[Outcome]:  # fmt: skip
    """Take in the sources of one contract, settle their keys, and commit once, so that unsettled rows never count."""
    lake = enterprise.lake
    before = dict(lake.state["extracts"])
    outcomes = list(former)
    for entry in [entry for outcome in former for entry in outcome.extracts]:
        del lake.state["extracts"][entry["id"]]
    for source, delivered in batch:
        progress(source.name)
        outcomes.append(_take_in(enterprise, source, delivered))
    try:
        _settle(enterprise, table, outcomes)
        if lake.state["extracts"] != before:
            lake.commit()
    except (HubError, OSError) as error:
        lake.state["extracts"] = before
        if _stops_all(error):
            raise
        failure = _failure(enterprise, error)
        for outcome in outcomes:
            outcome.extracts, outcome.error = [], outcome.error or failure
    finally:
        _AT_HAND.clear()
    return outcomes


def _stops_all(error: HubError | OSError) -> bool:
    """Whether no other source could be written either."""
    return isinstance(error, OSError) and error.errno in (
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EFBIG,
        errno.EROFS,
        errno.EIO,
    )


def _named(source: str, error: HubError) -> HubError:
    """The error with its source: a reader knows the file only."""
    if source in error.where:
        return error
    return type(error)(error.what, ", ".join(filter(None, (f"source {source}", error.where))), error.todo)


def _failure(enterprise: Enterprise, error: HubError | OSError) -> HubError:
    if isinstance(error, HubError):
        return error
    return HubError(f"cannot write / 无法写入: {error.strerror or error}", str(error.filename or enterprise.data),
                    "check that data/ is a folder that can be written and that the disk has room")  # fmt: skip


def correct(enterprise: Enterprise, source: Source, entry: dict[str, Any]) -> Outcome:
    """Take in a landed resubmission, and judge again the extracts that hold the rows it corrects.

    Args:
        enterprise: the folder.
        source: whose rows are corrected.
        entry: as `landing.land_corrections` gives it.

    Returns:
        What became of the resubmission; the others stand `beside` it.
    """
    _declared.cache_clear()
    state = enterprise.lake.state["extracts"]
    new = {**entry, "month": None, "order": _next(state)}
    older = [other for other in enterprise.lake.extracts(source=source.name) if _origins(other) & _origins(new)]
    others = sorted({other["source"] for other in enterprise.lake.extracts(source.contract)} - {source.name})
    outcomes = [Outcome(name, source.contract) for name in others]
    outcomes = _together(enterprise, source.table, outcomes, [(source, lambda _: [new, *older])], lambda _: None)
    entries = [one for outcome in outcomes for one in outcome.extracts]
    outcome = outcomes[-1]
    outcome.extracts = [one for one in entries if one["sha256"] == entry["sha256"] and one["source"] == source.name]
    outcome.beside = [one for one in entries if one not in outcome.extracts]
    return outcome


def _origins(entry: dict[str, Any]) -> set[str]:
    """The extracts in which the rows of an extract stood first: itself, or those it corrects."""
    return set(entry.get("corrects", [entry["sha256"]]))


def _take_in(enterprise: Enterprise, source: Source, delivered: Callable[[Outcome], list[dict[str, Any]]]) -> Outcome:
    outcome, named = Outcome(source.name, source.contract), set[str]()
    state, before = enterprise.lake.state["extracts"], dict(enterprise.lake.state["extracts"])
    try:
        for entries in _grouped(delivered(outcome), _size, BYTES_AT_ONCE):
            specs = [_spec(enterprise, source, entry) for entry in entries]
            held = [
                state[spec["id"]]
                for spec in specs
                if state.get(spec["id"], {}).get("fingerprint") == spec["fingerprint"]
                and _is_there(enterprise, state[spec["id"]])
            ]
            outcome.unchanged += len(held)
            ids = {entry["id"] for entry in held}
            new = stage([spec for spec in specs if spec["id"] not in ids])
            for staged in new:
                landing.note_rows(staged, enterprise.data / "landing")
                staged["replaced_months"] = _replace(state, staged, source.kind_of_rows)
            outcome.extracts += new
            named |= {month for entry in (*held, *new) for month in months_named(entry)}
        outcome.waiting = [month for month in outcome.waiting if month not in named]
    except (HubError, OSError) as error:
        enterprise.lake.state["extracts"] = before
        if _stops_all(error):
            raise
        outcome.extracts, outcome.error = [], _named(source.name, _failure(enterprise, error))
    return outcome


def _is_there(enterprise: Enterprise, entry: dict[str, Any]) -> bool:
    """Whether the rows of an extract still lie where they were put: after restoring the archive alone they do not."""
    return all((enterprise.data / path).exists() for kind in ("clean", "quarantine") for path in entry[kind].values())


def _size(entry: dict[str, Any]) -> int:
    """What an extract counts for in a group; a resubmission stands alone, for it looks at what it corrects, and that at it."""
    return BYTES_AT_ONCE if "corrects" in entry else int(entry["size"])


def _grouped(items: Iterable[T], weight: Callable[[T], int], enough: int) -> Iterator[list[T]]:
    """Items in their order, as many at once as together weigh no more than that."""
    group: list[T] = []
    weighs = 0
    for item in items:
        if group and weighs + weight(item) > enough:
            yield group
            group, weighs = [], 0
        group.append(item)
        weighs += weight(item)
    if group:
        yield group


def _waiting(source: Source, entries: list[dict[str, Any]], months: list[str]) -> list[str]:
    if source.read.files is None or "{month}" not in source.read.files:
        return [] if entries or source.read.kind == "sql" else list(months)
    arrived = {entry["month"] for entry in entries}
    return [month for month in months if month not in arrived]


def _deliveries(enterprise: Enterprise, source: Source, months: list[str], outcome: Outcome) -> list[dict[str, Any]]:
    """Land what there is; entries in the order in which later ones win."""
    archive = enterprise.data / "landing"
    if source.read.kind == "sql":
        entries = [_query(enterprise, source, archive)]
    else:
        entries = _files(enterprise, source, months, archive)
    outcome.waiting = _waiting(source, entries, months)
    corrections = [entry for entry in enterprise.lake.extracts(source=source.name) if "corrects" in entry]
    return [*entries, *corrections]


def _files(enterprise: Enterprise, source: Source, months: list[str], archive: Path) -> list[dict[str, Any]]:
    """Land the files of some months. Equal bytes are one extract, whatever their names; `named` has the months they tell."""
    deliveries, seen = source.deliveries(), _seen(enterprise)
    before = {entry["sha256"]: entry["read"] for entry in enterprise.lake.extracts(source=source.name)}
    same: dict[str, list[dict[str, Any]]] = {}
    for delivery in deliveries:
        if delivery.month is None or delivery.month in months:
            manifest = landing.land(source, delivery.path, delivery.name, archive, seen, before)
            entry = {**manifest, "month": delivery.month}
            same.setdefault(entry["sha256"], []).append(entry)
    paths = {delivery.name: delivery.path for delivery in deliveries}
    landed = {entry["name"]: sha for sha, entries in same.items() for entry in entries}
    chosen = []
    for sha, entries in same.items():
        known = enterprise.lake.state["extracts"].get(f"{source.name}/{sha}")
        here = {entry["month"] for entry in entries} | _named_before(known, sha, deliveries, months, seen)
        if len(here) > 1:
            entries = [{**entry, "named": sorted(filter(None, here))} for entry in entries]
        if source.kind_of_rows == "state" and entries[-1]["month"] is None:
            chosen.append(entries[-1])  # what is said again is said later
        elif (
            known is not None
            and known["name"] in paths
            and (landed.get(known["name"]) or seen.sha256(paths[known["name"]])) == sha
        ):
            chosen.append({**entries[0], "name": known["name"], "month": known["month"]})
        else:
            chosen.append(entries[0])
    names = list(paths)
    return sorted(chosen, key=lambda entry: names.index(entry["name"]))


def _named_before(
    known: dict[str, Any] | None, sha: str, deliveries: list[Delivery], months: list[str], seen: landing.Seen
) -> set[str | None]:
    """The months not asked for now that a known extract was named for, where its bytes still lie."""
    before = {*(known or {}).get("named", []), (known or {}).get("month")} - {*months, None}
    return {one.month for one in deliveries if one.month in before and seen.sha256(one.path) == sha}


def _seen(enterprise: Enterprise) -> landing.Seen:
    """The files read before, which the state remembers."""
    return landing.Seen(enterprise.folder, enterprise.lake.state.setdefault("seen", {}))


def _query(enterprise: Enterprise, source: Source, archive: Path) -> dict[str, Any]:
    """Pull a table or query into the archive; rows since the last pull where a watermark is declared."""
    from connectors.readers import sql

    earlier = enterprise.lake.extracts(source=source.name)
    marks = [entry["watermark"] for entry in earlier if entry.get("watermark")] if source.read.watermark else []
    since = marks[-1] if marks else None
    name = source.read.table or "query"
    pulled = archive / f".{source.name}.pull"
    archive.mkdir(parents=True, exist_ok=True)
    try:
        result = sql.extract(source.read, since, pulled, enterprise.folder / "extracts")
        entry = landing.land(source, pulled, f"{name}@{since}" if since else name, archive, _seen(enterprise))
    finally:
        pulled.unlink(missing_ok=True)
    known = enterprise.lake.state["extracts"].get(f"{source.name}/{entry['sha256']}", entry)
    return {**entry, "name": known["name"], "month": None, "watermark": result["watermark"] or since}


def _spec(enterprise: Enterprise, source: Source, entry: dict[str, Any]) -> dict[str, Any]:
    """What a stage needs to know, and the fingerprint of everything its result depends on."""
    table = source.table
    references = {name: [path.relative_to(enterprise.data).as_posix() for path in enterprise.lake.files("clean", name)]
                  for name in dict.fromkeys(table.refers.values()) if name != "legal_entity"}  # fmt: skip
    entities = [row["legal_entity_id"] for row in enterprise.legal_entities()]
    corrections = _corrections(enterprise, entry, source.name)
    known = enterprise.lake.state["extracts"].get(f"{source.name}/{entry['sha256']}", {})
    read = form_of_rows(enterprise, source, entry["corrects"], known) if "corrects" in entry else known.get("read")
    fingerprint = digest(FORMAT, entry["sha256"], entry["archived"], entry["name"], entry["month"], entry.get("named"), source.declaration(), table.declaration,
                         references, entities, enterprise.id, enterprise.timezone, corrections, read if "corrects" in entry else None)  # fmt: skip
    return {"id": f"{source.name}/{entry['sha256']}", "enterprise": str(enterprise.folder), "data": str(enterprise.data), "source": source.name, "entry": entry,
            "references": references, "legal_entities": entities, "enterprise_id": enterprise.id, "timezone": enterprise.timezone, "corrections": corrections,
            "read": read, "fingerprint": fingerprint}  # fmt: skip


def form_of_rows(
    enterprise: Enterprise, source: Source, extracts: Iterable[str], known: dict[str, Any]
) -> dict[str, Any]:
    """How the numbers of refused rows are written: as in the extracts they stood in first, or as they have been read before.

    Args:
        enterprise: the folder.
        source: whose rows they are.
        extracts: the sha256 of the extracts in which they stood first.
        known: the entry of the resubmission in the state, where there is one.

    Returns:
        `read` of the source with the signs of those extracts.

    Raises:
        SourceError: they come from extracts with different signs.
    """
    state = enterprise.lake.state["extracts"]
    entries = [state[name] for name in (f"{source.name}/{sha}" for sha in extracts) if name in state] or [known]
    reads = [Read.model_validate(entry["read"]) if "read" in entry else source.read for entry in entries]
    signs = {(read.decimal, read.thousands) for read in reads}
    if len(signs) > 1:
        raise SourceError(
            "rows of files whose numbers are written in different ways / 所更正的行来自数字写法不同的文件",
            f"source {source.name}", "hand in a workbook for each: esg quarantine --month … --export",
        )  # fmt: skip
    decimal, thousands = signs.pop()
    now = landing.reading(source).model_copy(update={"decimal": decimal, "thousands": thousands})
    return now.model_dump(mode="json", by_alias=True)


def _corrections(enterprise: Enterprise, entry: dict[str, Any], source: str) -> list[str]:
    """The archived resubmissions, later than an extract, that correct rows of it."""
    own, since = _origins(entry), entry["order"] if "corrects" in entry else 0
    return [other["archived"] for other in enterprise.lake.extracts(source=source)
            if "corrects" in other and other["order"] > since and own & _origins(other)]  # fmt: skip


def stage(specs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Read archived extracts of one source, judge every row, and write the good ones and the refused ones.

    Args:
        specs: as `_spec` makes them.

    Returns:
        Each extract's entry in the state: counts, files by month, the span of its keys.

    Raises:
        SourceError: an extract cannot be read as declared.
        ContractViolation: rows were lost or invented on the way (the law of conservation).
    """
    return [
        _written(spec, staged, *_unrepeated(staged.good, staged.table, staged.source.kind_of_rows))
        for spec, staged in zip(specs, _staged(specs), strict=True)
    ]


@dataclass
class _Staged:
    """One extract, judged: good rows in contract types with `month`, refused rows with reasons."""

    source: Source
    table: Table
    rows: int
    good: pl.DataFrame
    refused: list[pl.DataFrame]


def _staged(specs: list[dict[str, Any]]) -> list[_Staged]:
    """Extracts of one source, judged; they stay at hand for what is settled beside them."""
    if not specs:
        return []
    source = _source(specs[0]["enterprise"], specs[0]["data"], specs[0]["source"])
    table = source.table
    found = [_Staged(_as_delivered(source, spec), table, 0, pl.DataFrame(), []) for spec in specs]
    judged: list[list[tuple[pl.DataFrame, pl.Series]]] = [[] for _ in specs]
    batches = ((number, batch) for number, spec in enumerate(specs) for batch in _batches(spec, found[number].source))
    for some in _grouped(batches, lambda one: one[1].raw.height, ROWS_AT_ONCE):
        for (number, batch), (frame, passes, bad) in zip(
            some, _judged([batch for _, batch in some], table), strict=True
        ):
            found[number].rows += batch.raw.height
            judged[number].append((frame, passes))
            found[number].refused.append(bad)
    for spec, staged, parts in zip(specs, found, judged, strict=True):
        if not parts or not (staged.rows or source.may_be_empty or staged.source.read.url):
            todo = ("fill it in, or take the file away / 请填写或移除" if source.by_header else
                    f"have it delivered again; if there may really be none, add `may_be_empty: true` to sources/{source.name}.yaml")  # fmt: skip
            raise SourceError(
                "no rows below the header / 只有表头，没有数据行",
                f"source {source.name}, file {spec['entry']['name']}",
                todo,
            )
        frames = [frame for frame, _ in parts]
        if len(frames) > 1:  # batches have met different words
            frames = [one.with_columns(cs.enum().cast(pl.String)) for one in frames]
        staged.good = _in_order(pl.concat(frames), table, pl.concat([passes for _, passes in parts]))
        _AT_HAND[spec["fingerprint"]] = staged
    while sum(one.rows for one in _AT_HAND.values()) > ROWS_AT_HAND:
        _AT_HAND.pop(next(iter(_AT_HAND)))
    return found


def _as_delivered(source: Source, spec: dict[str, Any]) -> Source:
    """The source with the form in which an archived extract can be read."""
    entry, before, archive = spec["entry"], spec["read"], Path(spec["data"]) / "landing"
    if before is None or (read := Read.model_validate(before)) == landing.reading(source):
        return source
    if "corrects" in entry:
        return source.model_copy(update={"read": read})

    def attempt(one: Source) -> Source:
        for raw in _rows(one, entry, archive):
            with _located(entry, raw):
                one.mapping(raw.columns)
        return one

    return landing.as_delivered(source, before, attempt)


def _batches(spec: dict[str, Any], source: Source) -> Iterator[_Batch]:
    """The rows of an extract, conformed."""
    references = _references(
        spec["data"], json.dumps(spec["references"]), tuple(spec["legal_entities"]), spec["enterprise_id"]
    )
    corrected = landing.corrected(Path(spec["data"]) / "landing", spec["corrections"])
    for raw in _rows(source, spec["entry"], Path(spec["data"]) / "landing"):
        with _located(spec["entry"], raw):
            conformed = conform(raw, source, references, source.timezone or spec["timezone"])
        if corrected:
            conformed.reasons[CORRECTED] = landing.among(raw, spec["entry"]["sha256"], corrected)
        yield _Batch(source, spec["entry"], raw, conformed)


@contextmanager
def _located(entry: dict[str, Any], raw: pl.DataFrame) -> Iterator[None]:
    """An error about the columns of a raw table, told with its file and sheet."""
    try:
        yield
    except SourceError as error:
        sheet = [f"sheet {name}" for name in raw.get_column("sheet", default=pl.Series()).head(1)]
        raise SourceError(error.what, ", ".join([error.where, f"file {entry['name']}", *sheet]), error.todo) from error


# extracts judged in this run, for those that must be settled beside others; the fingerprint names all they depend on
_AT_HAND: dict[str, _Staged] = {}


@lru_cache(maxsize=8)
def _declared(folder: str, data: str) -> tuple[dict[str, Source], dict[str, SourceError]]:
    """The sources of an enterprise folder by name, and what is wrong with the others."""
    broken: dict[str, SourceError] = {}
    return {source.name: source for source in sources(Enterprise(Path(folder), Path(data)), broken)}, broken


def _source(folder: str, data: str, name: str) -> Source:
    found, broken = _declared(folder, data)
    if name in found:
        return found[name]
    if name in broken:
        raise broken[name]
    raise SourceError("rows are stored of a source that is no longer declared / 来源已不再声明，其数据仍在", f"source {name}",
                      "esg run --month … takes them out; or restore the declaration")  # fmt: skip


@lru_cache(maxsize=8)
def _references(data: str, files: str, legal_entities: tuple[str, ...], enterprise_id: str) -> References:
    frames = {}
    for name, paths in json.loads(files).items():
        if paths:
            frame = pl.concat(
                [pl.read_parquet(Path(data) / path, hive_partitioning=False, glob=False) for path in paths]
            )
            frames[name] = frame.sort(contract(name).key, nulls_last=False)
    return References(frames, list(legal_entities), enterprise_id)


def _rows(source: Source, entry: dict[str, Any], archive: Path) -> Iterable[pl.DataFrame]:
    """The rows of an archived extract as `conform` takes them; resubmitted rows have been prepared before."""
    batches = landing.raw(source, entry, archive)
    return batches if "corrects" in entry else _prepared(source, batches)


def _prepared(source: Source, batches: Iterable[pl.DataFrame]) -> Iterable[pl.DataFrame]:
    """Each batch through the source's own `prepare`, where it has one (then the file is taken whole)."""
    if not source.prepare_path.exists():
        yield from batches
        return
    module_spec = importlib.util.spec_from_file_location(f"prepare_{source.name}", source.prepare_path)
    if module_spec is None or module_spec.loader is None:
        raise SourceError("cannot be imported / 无法导入", str(source.prepare_path), "it must be a Python file")
    module = importlib.util.module_from_spec(module_spec)
    where = f"{source.prepare_path.name} of source {source.name}"
    try:
        module_spec.loader.exec_module(module)
        raw = pl.concat(list(batches), how="diagonal")
        table = module.prepare(raw.to_pandas())
        if "row_number" not in table.columns:
            raise SourceError(
                "prepare must keep row_number / prepare 必须保留 row_number", where, "do not drop the column"
            )
        plain = table.astype(object).where(table.notna(), None)
        columns = {
            str(name): pl.Series([text_of(value) for value in plain[name]], dtype=pl.String)
            for name in plain.columns
            if name != "row_number"
        }
        columns["row_number"] = pl.Series([int(number) for number in plain["row_number"]], dtype=pl.UInt32)
    except SourceError:
        raise
    except Exception as error:
        raise SourceError(
            f"prepare failed / prepare 出错: {type(error).__name__}: {error}", where, "correct the function"
        ) from error
    yield _marked_as_read(pl.DataFrame(columns), raw)


def _marked_as_read(prepared: pl.DataFrame, raw: pl.DataFrame) -> pl.DataFrame:
    """What the reader said of a row stays said, also where a `prepare` keeps only the columns it needs: its cells may have shifted."""
    lost = [
        name for name in ("__reader_reason__", "__surplus__") if name in raw.columns and name not in prepared.columns
    ]
    if not lost:
        return prepared
    said = raw.filter(pl.col("__reader_reason__").is_not_null()).select("row_number", *lost).unique("row_number")
    return prepared.join(said, on="row_number", how="left", maintain_order="left")


@dataclass
class _Batch:
    """Rows of one extract as delivered, and as `conform` has made them."""

    source: Source
    entry: dict[str, Any]
    raw: pl.DataFrame
    conformed: Conformed

    def frame(self) -> pl.DataFrame:
        """The rows with where they come from, as the contract has them."""
        return self.conformed.frame.with_columns(
            _constant("source", self.source.name, self.raw.height), _constant("extract_id", self.entry["sha256"], self.raw.height),
            self.raw["sheet"] if "sheet" in self.raw.columns else pl.lit(None, dtype=pl.String).alias("sheet"),
            self.raw["row_number"].cast(pl.Int64),
        )  # fmt: skip


def _judged(batches: list[_Batch], table: Table) -> list[tuple[pl.DataFrame, pl.Series, pl.DataFrame]]:
    """Of each of some conformed batches all rows as they would be kept, which of them may pass, and those that may not.

    Pandera judges every row; what it finds no fault with is what passes.
    """
    frames = [batch.frame() for batch in batches]
    plain = [
        frame.with_columns(
            (cs.enum() - cs.by_name("source", "extract_id")).cast(pl.String),
            source=pl.lit(batch.source.name), extract_id=pl.lit(batch.entry["sha256"]),
        )
        for batch, frame in zip(batches, frames, strict=True)
    ]  # fmt: skip
    verdicts = table.judge(plain[0] if len(plain) == 1 else pl.concat(plain))
    found, start = [], 0
    for batch, frame in zip(batches, frames, strict=True):
        own = {reason: bad.slice(start, frame.height) for reason, bad in verdicts.items()}
        found.append(_split(batch, frame, table, own))
        start += frame.height
    return found


def _split(
    batch: _Batch, frame: pl.DataFrame, table: Table, verdicts: dict[str, pl.Series]
) -> tuple[pl.DataFrame, pl.Series, pl.DataFrame]:
    raw, conformed, source, entry = batch.raw, batch.conformed, batch.source, batch.entry
    reasons = dict(conformed.reasons)
    if entry["month"] is not None and conformed.touched:
        inside = pl.select(pl.any_horizontal(_is(month, entry["month"]) for month in conformed.touched)).to_series()
        reasons["outside_month"] = conformed.months.is_not_null() & ~inside
    unread = _unread(conformed)
    for reason, bad in verdicts.items():
        for name in table.reads.get(reason, {reason.removesuffix(": missing")}) & unread.keys():
            bad = bad & ~unread[name]  # a value that could not be read is not missing: its own reason says more
        reasons[reason] = reasons[reason] | bad if reason in reasons else bad
    reasons = {reason: bad for reason, bad in reasons.items() if bad.any()}
    months = _partition(conformed, entry, table)
    stored = [column.name for column in table.kept if table.flag is None or column.name != table.flag.name]
    failed = pl.Series([False], dtype=pl.Boolean).new_from_index(0, frame.height)
    if reasons:
        failed = pl.select(pl.any_horizontal(*reasons.values())).to_series()
    bad_rows = {reason: bad.filter(failed) for reason, bad in reasons.items()}
    refused = _refused(raw.filter(failed), source, entry, months.filter(failed), bad_rows)
    return frame.select(stored).with_columns(months), ~failed, refused


def _unread(conformed: Conformed) -> dict[str, pl.Series]:
    """Column → the rows in which it was filled with what could not be read."""
    found: dict[str, pl.Series] = {}
    for reason, failed in conformed.reasons.items():
        name = reason.partition(": ")[0]
        if name in conformed.frame.columns:
            nothing = failed & conformed.frame[name].is_null()
            found[name] = found[name] | nothing if name in found else nothing
    return found


def _constant(name: str, value: str, height: int) -> pl.Series:
    """A column of one word, as the code of an Enum: texts would be copied row by row."""
    return pl.Series(name, [value], dtype=pl.Enum([value])).new_from_index(0, height)


def _is(months: pl.Series, month: str) -> pl.Series:
    """Where a column of months says this one."""
    if isinstance(months.dtype, pl.Enum) and month not in months.dtype.categories:
        return pl.Series([False], dtype=pl.Boolean).new_from_index(0, len(months))
    return (months == month).fill_null(value=False)


def _partition(conformed: Conformed, entry: dict[str, Any], table: Table) -> pl.Series:
    """The month folder of each row."""
    if not table.month:
        return _constant("__month__", ALL, conformed.frame.height)
    if entry["month"] is not None:
        return _constant("__month__", entry["month"], conformed.frame.height)
    return conformed.months.fill_null(UNDATED).alias("__month__")


def _refused(
    raw: pl.DataFrame, source: Source, entry: dict[str, Any], months: pl.Series, reasons: dict[str, pl.Series]
) -> pl.DataFrame:
    """Refused rows as quarantine keeps them: every reason and the original text."""
    names = [name for name in raw.columns if name not in ("row_number", "sheet", "__reader_reason__")]
    marks = [(reason, bad.to_list()) for reason, bad in reasons.items()]
    why = [[reason for reason, bad in marks if bad[row]] for row in range(raw.height)]
    texts = [
        json.dumps({name: text for name, text in row.items() if text is not None}, ensure_ascii=False)
        for row in raw.select(names).iter_rows(named=True)
    ]
    return pl.DataFrame({
        "contract": [source.contract] * raw.height, "source": [source.name] * raw.height, "extract_id": [entry["sha256"]] * raw.height,
        "file": [entry["name"]] * raw.height, "sheet": raw["sheet"] if "sheet" in raw.columns else [None] * raw.height,
        "row_number": raw["row_number"], "month": months, "reasons": why, "raw": texts,
    }, schema=QUARANTINE, strict=False)  # fmt: skip


def _unrepeated(frame: pl.DataFrame, table: Table, kind: str) -> tuple[pl.DataFrame, dict[int, str]]:
    """Settle rows that share a key, within one extract or over several.

    Args:
        frame: rows with `__month__`, and `__order__` where several extracts stand together (later ones are higher).
        table: the contract, whose key it is.
        kind: `event`, `state` or `reference`.

    Returns:
        The rows that stay, flagged where the contract has a flag; and what became of the others:
        position in `frame` → `duplicate`, or the reason it is refused for.
    """
    key, flag = list(table.key), table.flag
    flagged = frame.with_columns(pl.lit(value=False).alias(flag.name)) if flag else frame
    if not key or not frame.height:
        return flagged, {}
    repeated = _repeated(frame, table)
    if not repeated.any():
        return flagged, {}
    values = [column.name for column in table.declared]
    order = "__order__" if "__order__" in frame.columns else pl.lit(0).alias("__order__")
    shown = ["__position__", order, "row_number", *values]
    if table.else_month:
        key.append("__else_month__")
        shown.append(pl.when(pl.col(table.else_month).is_null()).then("__month__").alias("__else_month__"))
    at = repeated.arg_true()
    some = frame[at].with_columns(at.alias("__position__")).select(shown)
    some = some.sort("__order__", "row_number", "__position__")
    verdict = (
        _verdict_of_state(some, key, values, table) if kind == "state" else _verdict_of_event(some, key, values, table)
    )
    if table.identity != table.key:
        verdict |= _overlapping(some.filter(~pl.col("__position__").is_in(list(verdict))), table)
    gone = {position: word for position, word in verdict.items() if flag is None or word != flag.name}
    if flag:
        marked = [position for position, word in verdict.items() if word == flag.name]
        flagged = flagged.with_columns(
            pl.Series(flag.name, [False], dtype=pl.Boolean)
            .new_from_index(0, frame.height)
            .scatter(marked, True)
            .alias(flag.name)
        )
    stays = pl.Series([True], dtype=pl.Boolean).new_from_index(0, frame.height).scatter(list(gone), False)
    return flagged.filter(stays), gone


def _repeated(frame: pl.DataFrame, table: Table) -> pl.Series:
    """Rows that may share their identity with another: all that do, and perhaps some that do not."""
    if "__order__" in frame.columns or table.identity != table.key:
        return frame.select(pl.struct(table.identity).hash()).to_series().is_duplicated()
    # one extract stands in the order of its key, so that equal keys are neighbours
    same = frame.select(
        pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift()) for name in table.key)
    ).to_series()
    same = same.set(pl.int_range(len(same), eager=True) == 0, value=False)
    return same | same.shift(-1, fill_value=False)


def _in_order(frame: pl.DataFrame, table: Table, passes: pl.Series) -> pl.DataFrame:
    """The rows that may pass, by key and row number; on codes and instants, which is much cheaper than on texts."""
    names = [*(name for name in table.key if name in frame.columns), "row_number"]
    kept = frame.select(names).filter(passes)
    columns = list(kept)
    plain = all(
        one.null_count() == 0 and (isinstance(one.dtype, pl.Enum) or one.dtype.is_temporal() or one.dtype.is_integer())
        for one in columns
    )
    if not plain:
        return frame.filter(passes).sort(names, nulls_last=False, maintain_order=True)
    order = np.lexsort([one.to_physical().to_numpy() for one in reversed(columns)])
    if bool(np.all(order[1:] > order[:-1])):
        return frame.filter(passes)
    at = np.flatnonzero(passes.to_numpy())[order].astype(np.uint32)
    return frame[pl.Series(at)]  # each row is moved once


def _verdict_of_event(some: pl.DataFrame, key: list[str], values: list[str], table: Table) -> dict[int, str]:
    """The first row of a key stands; equal ones are duplicates, others conflict with it."""
    first_of_values, first_of_key = (
        some.select(pl.struct(values).is_first_distinct()).to_series(),
        some.select(pl.struct(key).is_first_distinct()).to_series(),
    )
    verdict = dict.fromkeys(some["__position__"].filter(~first_of_values).to_list(), "duplicate")
    distinct = some.filter(first_of_values)
    if table.flag and table.rows == "event":
        clashing = distinct.filter(pl.struct(key).is_duplicated())
        return verdict | dict.fromkeys(clashing["__position__"].to_list(), table.flag.name)
    return verdict | dict.fromkeys(
        some["__position__"].filter(first_of_values & ~first_of_key).to_list(), "duplicate_key"
    )


def _overlapping(some: pl.DataFrame, table: Table) -> dict[int, str]:
    """Of two rows that say what one thing was at the same time, the first stands."""
    stands: dict[tuple[Any, ...], list[tuple[date, date]]] = {}
    verdict = {}
    periods = some.select(pl.col("valid_from").fill_null(date.min), pl.col("valid_to").fill_null(date.max)).iter_rows()
    for position, name, (start, end) in zip(
        some["__position__"], some.select(table.identity).iter_rows(), periods, strict=True
    ):
        if any(start <= other_end and other_start <= end for other_start, other_end in stands.get(name, [])):
            verdict[position] = "overlapping_validity"
        else:
            stands.setdefault(name, []).append((start, end))
    return verdict


def _verdict_of_state(some: pl.DataFrame, key: list[str], values: list[str], table: Table) -> dict[int, str]:
    """The row of the latest extract stands; an extract that repeats what stood before changes nothing.

    Where the contract has no flag for them, because only the source calls its rows a state, replaced rows are refused.
    """
    replaced_by = table.flag.name if table.flag and table.rows == "state" else "superseded"
    inner = ["__order__", *key]
    first_of_values = some.select(pl.struct(["__order__", *values]).is_first_distinct()).to_series()
    verdict = dict.fromkeys(some["__position__"].filter(~first_of_values).to_list(), "duplicate")
    distinct = some.filter(first_of_values)
    clash = ~distinct.select(pl.struct(inner).is_first_distinct()).to_series()
    verdict |= dict.fromkeys(distinct["__position__"].filter(clash).to_list(), "duplicate_key")
    standing: dict[tuple[Any, ...], tuple[int, tuple[Any, ...]]] = {}
    positions = distinct.filter(~clash)
    for position, name, content in zip(
        positions["__position__"], positions.select(key).iter_rows(), positions.select(values).iter_rows(), strict=True
    ):
        before = standing.get(name)
        if before is not None and before[1] == content:
            verdict[position] = "duplicate"
            continue
        if before is not None:
            verdict[before[0]] = replaced_by
        standing[name] = (position, content)
    return verdict


def _written(spec: dict[str, Any], staged: _Staged, frame: pl.DataFrame, gone: dict[int, str]) -> dict[str, Any]:
    """Write what stays and what was refused, and account for every row."""
    source, table, entry = staged.source, staged.table, spec["entry"]
    clashing: dict[str, list[int]] = {}
    for position, word in sorted(gone.items()):
        clashing.setdefault(word, []).append(position)
    duplicates = len(clashing.pop("duplicate", []))
    refused = pl.concat(
        [
            *staged.refused,
            *(_clashes(spec, staged, positions, reason) for reason, positions in sorted(clashing.items())),
        ]
    )
    if staged.rows != frame.height + refused.height + duplicates:
        raise ContractViolation(
            f"rows were lost or invented: {staged.rows} read, {frame.height} accepted, {refused.height} refused, {duplicates} duplicates",
            f"source {source.name}, file {entry['name']}", "this is a defect of the hub: report it",
        )  # fmt: skip
    data, prefix = Path(spec["data"]), f"{table.name}/{source.name}"
    clean, months = {}, frame["__month__"].unique()
    for month in months:
        part = frame if len(months) == 1 else frame.filter(pl.col("__month__") == month)
        clean[str(month)] = _write(part.drop("__month__"), data, f"clean/{prefix}/{month}", table.key)
    quarantine = {}
    for (month,), part in refused.partition_by("month", as_dict=True).items():
        quarantine[str(month)] = _write(
            part.sort("row_number", maintain_order=True), data, f"quarantine/{prefix}/{month}"
        )
    reasons = refused.explode("reasons")["reasons"].value_counts(sort=True)
    return {
        **entry, "read": landing.reading(source).model_dump(mode="json", by_alias=True), "id": spec["id"], "contract": table.name, "fingerprint": spec["fingerprint"], "settled": spec["fingerprint"],
        "rows": staged.rows, "accepted": frame.height, "refused": refused.height, "duplicates": duplicates,
        "flagged": int(frame[table.flag.name].sum()) if table.flag and frame.height else 0,
        "reasons": dict(sorted(reasons.iter_rows())), "clean": dict(sorted(clean.items())), "quarantine": dict(sorted(quarantine.items())),
        "spans": _spans(staged.good, table), "clean_spans": _spans(frame, table), "replaced_months": [],
    }  # fmt: skip


def _spans(frame: pl.DataFrame, table: Table) -> Spans | None:
    """What the key columns hold whose order is that of their text; None where there are no rows."""
    if not frame.height:
        return None
    spans: Spans = {}
    for name in table.key:
        values = frame[name]
        if values.null_count() or values.dtype.is_numeric():
            continue
        spans[name] = {"between": [str(values.min()), str(values.max())]}
        if values.dtype != pl.Datetime and len(found := values.unique()) <= FEW:
            spans[name]["among"] = sorted(map(str, found))
    return spans


def _clashes(spec: dict[str, Any], staged: _Staged, positions: list[int], reason: str) -> pl.DataFrame:
    """Rows refused for what stands beside them, with their original text."""
    entry = spec["entry"]
    rows = staged.good[positions]
    found = []
    references = _references(
        spec["data"], json.dumps(spec["references"]), tuple(spec["legal_entities"]), spec["enterprise_id"]
    )
    # unpivoted rows share a row number, so the key must tell them apart
    named = [pl.col(name).cast(pl.String).alias(f"__key_{name}__") for name in staged.table.key]
    for raw in _rows(staged.source, entry, Path(spec["data"]) / "landing"):
        at = ["row_number", "sheet"] if "sheet" in raw.columns else ["row_number"]
        wanted = rows.select(*at, "__month__", *named).with_columns(pl.col("row_number").cast(pl.UInt32))
        some = raw.join(wanted, on=at, how="semi", nulls_equal=True)
        keys = conform(some, staged.source, references, staged.source.timezone or spec["timezone"]).frame.select(named)
        both = pl.concat([some, keys], how="horizontal").unique([*at, *keys.columns], keep="last", maintain_order=True)
        hit = wanted.join(both, on=[*at, *keys.columns], how="inner", nulls_equal=True).drop(keys.columns)
        found.append(
            _refused(
                hit.drop("__month__"),
                staged.source,
                entry,
                hit["__month__"],
                {reason: pl.Series([True] * hit.height, dtype=pl.Boolean)},
            )
        )
    return pl.concat(found)


def _is_text(dtype: pl.DataType) -> bool:
    return dtype == pl.String or isinstance(dtype, pl.Enum)


def _dictionary(texts: pl.Series) -> pl.Series:
    """Texts as codes of the sorted words in use, however they came; texts that hardly repeat stay texts.

    The same rows give the same bytes whether they were written alone or settled beside others.
    """
    if (
        isinstance(texts.dtype, pl.Enum)
        and len(texts.dtype.categories) == 1
        and len(texts) > 1
        and not texts.null_count()
    ):
        return texts  # one word, as of a whole extract, needs no looking at each row
    used = texts.unique().drop_nulls()
    if len(used) * 2 > len(texts):
        return texts.cast(pl.String)
    words = pl.Enum(used.cast(pl.String).sort())
    if not isinstance(texts.dtype, pl.Enum):
        return texts.cast(words)
    if len(used) == len(texts.dtype.categories):
        return texts  # whose words conform has sorted
    # from code to code: a cast would look at the text of every row
    return texts.dtype.categories.cast(words, strict=False).gather(texts.to_physical()).alias(texts.name)


def _write(frame: pl.DataFrame, data: Path, folder: str, key: tuple[str, ...] = ()) -> str:
    """Write rows to a file named by its content: what has not changed keeps its name."""
    content = io.BytesIO()
    frame = frame.with_columns(_dictionary(frame[name]) for name, dtype in frame.schema.items() if _is_text(dtype))
    words = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Enum)]
    counts = [name for name, dtype in frame.schema.items() if dtype == pl.Int64 or isinstance(dtype, pl.Datetime)]
    numbers = [name for name, dtype in frame.schema.items() if dtype == pl.Float64]
    encodings = dict.fromkeys(counts, "DELTA_BINARY_PACKED") | dict.fromkeys(numbers, "BYTE_STREAM_SPLIT")
    # rows are looked for by key and time, never by anything else, whose ranges need not be found out
    ranges = [name for name, dtype in frame.schema.items() if name in key or isinstance(dtype, (pl.Datetime, pl.Date))]
    rows = frame.to_arrow()
    # a column in which nothing is missing need not say so row by row
    rows = rows.cast(pa.schema(field.with_nullable(rows[field.name].null_count > 0) for field in rows.schema))
    pq.write_table(
        rows, content, compression="zstd", compression_level=1, row_group_size=ROWS_IN_A_GROUP, max_rows_per_page=ROWS_IN_A_GROUP,
        store_schema=False, use_dictionary=words, column_encoding=encodings or None, write_statistics=ranges,
    )  # fmt: skip
    name = f"{folder}/{hashlib.sha256(content.getbuffer()).hexdigest()[:24]}.parquet"
    if not (data / name).exists():
        with replaced(data / name) as temporary:
            temporary.write_bytes(content.getbuffer())
    return name


def _replace(state: dict[str, Any], staged: dict[str, Any], kind: str) -> list[str]:
    """Put an extract in the place of its old version; the months that lost rows by it."""
    months: set[str] = set()
    known = state.get(staged["id"])
    for other in [
        entry
        for entry in state.values()
        if (entry["source"] == staged["source"] and staged["name"] == entry["name"]) or entry is known
    ]:
        months |= set(other["clean"])
        del state[other["id"]]
    if known is not None and (known["name"] == staged["name"] or kind != "state"):
        staged["order"] = known["order"]
    staged.setdefault("order", _next(state))
    state[staged["id"]] = staged
    return sorted(months)


def _next(state: dict[str, Any]) -> int:
    return max((entry["order"] for entry in state.values()), default=0) + 1


def _settle(enterprise: Enterprise, table: Table, outcomes: list[Outcome]) -> None:
    """Settle keys that stand in more than one extract of a contract.

    What becomes of a row depends on the rows of its key alone, so an extract is settled beside those it meets, and
    again only when one of those has changed; where it can be told from clean rows alone, nothing is judged again.
    """
    by_source = {outcome.source: outcome for outcome in outcomes}
    entries = enterprise.lake.extracts(table.name)
    state = enterprise.lake.state["extracts"]
    alone = {entry["id"] for entry in entries if entry["settled"] == entry["fingerprint"]}
    around = {
        entry["id"]: [other for other in entries if other is entry or _meet(entry, other, table)] for entry in entries
    }
    apart: set[tuple[str, str]] = set()
    for entry in entries:
        beside = [state[other["id"]] for other in around[entry["id"]]]
        together = digest([other["fingerprint"] for other in beside]) if len(beside) > 1 else entry["fingerprint"]
        if entry["settled"] == together:
            continue
        result = _settled_lightly(enterprise, table, entry, beside, alone, apart, together)
        if result is None:
            result = _settled(
                enterprise, table, entry, [(other, _judged_again(enterprise, other)) for other in beside], together
            )
        state[entry["id"]] = result
        outcome = by_source.get(entry["source"]) or Outcome(entry["source"], table.name)
        was_taken_in = any(other["id"] == entry["id"] for other in outcome.extracts)
        if was_taken_in or any(
            result[kind] != entry[kind] for kind in ("clean", "quarantine", "duplicates", "flagged")
        ):
            outcome.extracts = [*(other for other in outcome.extracts if other["id"] != entry["id"]), result]
            if entry["source"] not in by_source:
                by_source[entry["source"]] = outcome
                outcomes.append(outcome)


def _judged_again(enterprise: Enterprise, entry: dict[str, Any]) -> _Staged:
    spec = _spec(enterprise, _source(str(enterprise.folder), str(enterprise.data), entry["source"]), entry)
    return _AT_HAND[spec["fingerprint"]] if spec["fingerprint"] in _AT_HAND else _staged([spec])[0]


def _settled_lightly(enterprise: Enterprise, table: Table, entry: dict[str, Any], beside: list[dict[str, Any]],
                     alone: set[str], apart: set[tuple[str, str]], together: str) -> dict[str, Any] | None:  # fmt: skip
    """Settle an extract beside others by their clean rows; None where these do not tell all.

    Of events every key, and where a second value is kept under a flag every value, stands in some clean file. So an
    extract that was settled before later ones came keeps its rows, of which some may now be flagged; and one that has
    met nobody yet loses or flags those of its own that stand elsewhere.
    """
    events = all(
        _source(str(enterprise.folder), str(enterprise.data), other["source"]).kind_of_rows == "event"
        for other in beside
    )
    if not events or table.identity != table.key or len(beside) == 1 or (table.rows == "state" and table.flag):
        return None
    others = [other for other in beside if other["id"] != entry["id"]]
    new = [other for other in others if other["id"] in alone]
    before = [other["fingerprint"] for other in beside if other["id"] == entry["id"] or other not in new]
    was = digest(before) if len(before) > 1 else before[0]
    is_earlier = entry["settled"] == was and all(other["order"] > entry["order"] for other in new)
    if not is_earlier and entry["id"] not in alone:
        return None
    many = [other for other in (new if is_earlier else others) if (other["id"], entry["id"]) not in apart]
    if not many:
        return {**entry, "settled": together}
    small, large = sorted(([entry], many), key=lambda some: sum(one["rows"] for one in some))
    keys = _clean_rows(enterprise, table, small, columns=list(table.key)).unique()
    shared = _clean_rows(enterprise, table, large, keys, list(table.key)) if keys.height else keys
    if not shared.height:
        apart |= {(entry["id"], other["id"]) for other in many}  # they share no key, as was just seen
        return {**entry, "settled": together}
    if not table.flag:
        return None
    if is_earlier:
        return _flagged_again(enterprise, table, entry, new, shared.select(table.key).unique(), together)
    return _settled_by_clean_rows(enterprise, table, entry, others, together)


def _settled_by_clean_rows(enterprise: Enterprise, table: Table, entry: dict[str, Any], others: list[dict[str, Any]],
                           together: str) -> dict[str, Any]:  # fmt: skip
    """Write one extract anew, its rows settled beside the clean rows of its keys in others."""
    own = _judged_again(enterprise, entry)
    keys = own.good.select(table.key).with_columns(cs.enum().cast(pl.String)).unique()
    judged = [(entry, own)]
    for other in others:
        rows = _clean_rows(enterprise, table, [other], keys)
        if rows.height:
            rows = rows.with_columns(pl.lit("").alias("__month__")).select(own.good.columns).cast(
                {name: pl.String if _is_text(kind) else kind for name, kind in own.good.schema.items()}
            )  # fmt: skip
            judged.append(
                (
                    other,
                    _Staged(_source(str(enterprise.folder), str(enterprise.data), other["source"]), table, 0, rows, []),
                )
            )
    return _settled(enterprise, table, entry, judged, together)


def _clean_rows(enterprise: Enterprise, table: Table, entries: list[dict[str, Any]], keys: pl.DataFrame | None = None,
                columns: list[str] | None = None) -> pl.DataFrame:  # fmt: skip
    """Clean rows of some extracts, in texts and not codes; only those of some keys, and only some columns, where these are given."""
    files = [enterprise.data / path for entry in entries for path in entry["clean"].values()]
    empty = pl.DataFrame(schema=dict.fromkeys(table.key, pl.String))
    parts = []
    for path in files:
        rows = pl.scan_parquet(path, hive_partitioning=False, glob=False)
        rows = rows if columns is None else rows.select(columns)
        if keys is not None:
            # a cheap look at one column spares most rows the join
            texts = next((name for name in table.key if keys.schema[name] == pl.String), None)
            if texts is not None:
                rows = rows.filter(pl.col(texts).cast(pl.String).is_in(keys[texts].unique().implode()))
        frame = rows.collect().with_columns(cs.by_dtype(pl.Categorical, pl.Enum).cast(pl.String))
        parts.append(frame if keys is None else frame.join(keys, on=list(table.key), how="semi", nulls_equal=True))
    return pl.concat(parts, how="vertical_relaxed") if parts else empty


def _flagged_again(enterprise: Enterprise, table: Table, entry: dict[str, Any], new: list[dict[str, Any]], shared: pl.DataFrame,
                   together: str) -> dict[str, Any]:  # fmt: skip
    """An extract some of whose rows stand beside other values in later ones; files are written anew where flags change."""
    flag = table.flag
    assert flag is not None  # noqa: S101 - the caller has asked
    values = [column.name for column in table.declared if column.name != flag.name]
    both = pl.concat([_clean_rows(enterprise, table, [entry], shared).select(values), _clean_rows(enterprise, table, new, shared).select(values)],
                     how="vertical_relaxed")  # fmt: skip
    clashing = both.unique().filter(pl.struct(table.key).is_duplicated()).select(table.key).unique()
    clean, flagged = {}, 0
    for month, path in entry["clean"].items():
        frame = pl.read_parquet(enterprise.data / path, hive_partitioning=False, glob=False)
        plain = (
            frame.select(table.key)
            .with_columns(cs.by_dtype(pl.Categorical, pl.Enum).cast(pl.String))
            .with_row_index("__at__")
        )
        hit = plain.join(clashing, on=list(table.key), how="semi", nulls_equal=True)["__at__"]
        marked = frame[flag.name].scatter(hit, True) if len(hit) else frame[flag.name]
        flagged += int(marked.sum())
        is_same = marked.equals(frame[flag.name])
        clean[month] = (
            path
            if is_same
            else _write(
                frame.with_columns(marked), enterprise.data, f"clean/{table.name}/{entry['source']}/{month}", table.key
            )
        )
    months = {month for month, path in clean.items() if path != entry["clean"][month]}
    return {
        **entry,
        "clean": clean,
        "flagged": flagged,
        "settled": together,
        "replaced_months": sorted(months | set(entry["replaced_months"])),
    }


def _meet(one: dict[str, Any], other: dict[str, Any], table: Table) -> bool:
    """Whether two extracts could hold rows of one key."""
    return meet(one["spans"], other["spans"], table.identity)


def _settled(
    enterprise: Enterprise,
    table: Table,
    entry: dict[str, Any],
    beside: list[tuple[dict[str, Any], _Staged]],
    together: str,
) -> dict[str, Any]:
    """Write one extract anew, its rows settled beside those of the extracts it meets."""
    own = next(staged for other, staged in beside if other["id"] == entry["id"])
    keys = own.good.select(table.identity).with_columns(cs.enum().cast(pl.String)).unique()
    parts: list[pl.DataFrame] = []
    start = 0
    for other, staged in beside:
        part = staged.good.with_columns(pl.lit(other["order"]).alias("__order__"), cs.enum().cast(pl.String))
        if other["id"] == entry["id"]:
            start = sum(one.height for one in parts)
        else:
            part = part.join(keys, on=list(table.identity), how="semi", nulls_equal=True)
        parts.append(part)
    frame = pl.concat(parts, how="vertical_relaxed").with_row_index("__at__")
    kinds = {staged.source.kind_of_rows for _, staged in beside}
    kept, gone = _unrepeated(frame, table, "state" if "state" in kinds else own.source.kind_of_rows)
    inside = pl.col("__at__").is_between(start, start + own.good.height - 1)
    mine = {position - start: word for position, word in gone.items() if start <= position < start + own.good.height}
    result = _written(_spec(enterprise, own.source, entry), own, kept.filter(inside).drop("__order__", "__at__"), mine)
    return {**result, "fingerprint": entry["fingerprint"], "settled": together, "order": entry["order"],
            "replaced_months": sorted(set(entry["clean"]) | set(entry["replaced_months"]))}  # fmt: skip


def concerning(entries: Iterable[dict[str, Any]], months: set[str]) -> list[dict[str, Any]]:
    """The extracts that hold, or were delivered for, rows of some months; rows without a month concern all."""
    return [
        entry for entry in entries if {entry["month"], *entry["clean"], *entry["quarantine"]} & {*months, ALL, UNDATED}
    ]


def breach(entry: dict[str, Any], data: Path) -> str | None:
    """How an extract's counts contradict each other or the files on disk; None where they do not."""
    if entry["rows"] != entry["accepted"] + entry["refused"] + entry["duplicates"]:
        parts = f"{entry['accepted']} accepted + {entry['refused']} refused + {entry['duplicates']} duplicates"
        return f"{entry['name']}: {entry['rows']} rows read, but {parts} / 行数不守恒"
    for kind, said in (("clean", entry["accepted"]), ("quarantine", entry["refused"])):
        gone = [path for path in entry[kind].values() if not (data / path).exists()]
        if gone:
            return f"{entry['name']}: {gone[0]} is gone / 文件缺失"
        found = sum(pq.read_metadata(data / path).num_rows for path in entry[kind].values())
        if found != said:
            return f"{entry['name']}: {said} rows accounted for in {kind}, {found} in its files / 与文件行数不符"
    return None
