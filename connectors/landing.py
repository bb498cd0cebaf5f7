"""Landing: the bytes a system delivered, kept unchanged under their sha256 beside a manifest of what they are.

Sources with personal data are the exception: what rests of them is their raw text table with keys replaced by
pseudonyms and personal columns removed; the manifest keeps sha256 and size of the bytes received.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import time
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from connectors import readers
from connectors.readers.text import NO_KEY
from connectors.source import Read, Source
from schemas.errors import SourceError
from schemas.lake import digest, replaced, write_text

KEY = "ESG_PSEUDONYM_KEY"
_OWN = ("row_number", "sheet", "__reader_reason__")
_SETTLED = 2_000_000_000  # nanoseconds after which a change shows in a file's times, however coarse these are
_PIECE = (
    1 << 15
)  # bytes; memory for larger ones does not come from lists the kernel has at hand, which costs several times the CPU
# where a resubmitted row stood when it was first refused: extract, sheet, row, and the fingerprint of its text, since the
# rows of an unpivoted table share a row number
ORIGIN = ("__extract_id__", "__sheet__", "__row_number__", "__original__")
_IS_PSEUDONYM = re.compile(r"[0-9a-f]{32}")
# headers of columns that must not rest in a source about persons, whether or not it declares them
_PERSONAL = re.compile(
    r"姓名|名字|员工名|手机|电话|联系方式|邮箱|邮件|身份证|证件号|护照|出生|生日|住址|家庭地址|密码|银行卡|"
    r"\b(full|first|last|family|given|employee|staff)?[ _]?name\b|phone|mobile|e-?mail|passport|birth|\bdob\b|home[ _]?address|password|id[ _]?card|\bssn\b",
    re.IGNORECASE,
)
# what gives a person away inside a text that is kept
_TRACES = r"[\w.+-]+@[\w-]+\.[\w.-]+|\b\d{17}[\dXx]\b|\b1[3-9]\d{9}\b"

T = TypeVar("T")


class Seen:
    """The sha256 of files as last read, beside what the file system says of them: size, inode, times of change.

    A file of which it still says the same is not read again. Nobody can set its last time of change (`ctime`) back. A
    file changed a moment ago is not remembered: it may change again without its times telling.
    """

    def __init__(self, folder: Path, files: dict[str, list[Any]]) -> None:
        """Take the enterprise folder, from which files are named, and the part of the state that is kept of them."""
        self._folder, self._files = folder, files

    def get(self, path: Path) -> str | None:
        """The sha256 of a file, where it is known."""
        sha, *then = self._files.get(os.path.relpath(path, self._folder), [None])
        return str(sha) if sha and then == _told(path).status else None

    def note(self, path: Path, sha: str, told: _Told) -> str:
        """Remember the sha256 of a file, and what was said of it before it was read."""
        if told.at - max(told.status[2:]) > _SETTLED:
            self._files[os.path.relpath(path, self._folder)] = [sha, *told.status]
        return sha

    def forget(self) -> None:
        """Let go of the files that are gone, so that the state does not grow with every file there ever was."""
        for name in list(self._files):
            # as the name was made, by words alone: the folder may be a link, behind which `..` leads elsewhere
            if _is_gone(Path(os.path.normpath(self._folder / name))):
                del self._files[name]

    def sha256(self, path: Path) -> str:
        """The sha256 of a file, which is read only if need be."""
        told = _told(path)
        return self.get(path) or self.note(path, sha256(path), told)


def _is_gone(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False  # a folder that cannot be looked into tells nothing
    return False


@dataclass(frozen=True)
class _Told:
    """What the file system said of a file, and when it was asked, in nanoseconds."""

    status: list[int]
    at: int = field(compare=False)


def _told(path: Path) -> _Told:
    at, status = time.time_ns(), path.stat()
    return _Told([status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns], at)


def land(source: Source, path: Path, name: str, landing: Path, seen: Seen,
         before: dict[str, dict[str, Any]] | None = None) -> dict[str, Any]:  # fmt: skip
    """Archive a delivered file.

    Args:
        source: who delivered it.
        path: where it lies now; it is only read.
        name: what it is called.
        landing: the archive's folder.
        seen: the files read before.
        before: how extracts of the source have been read, by their sha256.

    Returns:
        The manifest: source, name, sha256 and size of the bytes received, received_at, the archived file's name, and the
        rows read of it where it has been taken in before.

    Raises:
        SourceError: the file cannot be read, or it is personal and the pseudonym key is not set.
    """
    where = f"source {source.name}, file {name}"
    try:
        size = path.stat().st_size
        with path.open("rb"):
            pass
    except OSError as error:
        raise SourceError(f"cannot be read / 无法读取: {error.strerror}", where, "check the file") from error
    if size == 0:
        raise SourceError("the file is empty / 文件为空", where, "have the system deliver it again")
    sha = seen.sha256(path) if source.is_personal else _archived(path, landing, seen, where)
    return as_delivered(source, (before or {}).get(sha), lambda one: _landed(one, path, name, landing, sha, size))


def _landed(source: Source, path: Path, name: str, landing: Path, sha: str, size: int) -> dict[str, Any]:
    archived = f"{sha}.{source.name}.{_redaction(source)}.parquet" if source.is_personal else sha
    manifest = landing / f"{sha}.{source.name}.json"
    before = json.loads(manifest.read_text(encoding="utf-8")) if manifest.exists() else {}
    if before.get("archived") == archived and (landing / archived).exists():
        return {**before, "name": name}
    entry: dict[str, Any] = {
        "source": source.name, "name": name, "sha256": sha, "size": size, "archived": archived,
        "received_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }  # fmt: skip
    if source.is_personal:
        frames = [pseudonymised(source, frame) for frame in readers.read(path, source.read, name)]
        with replaced(landing / archived) as temporary:
            pl.concat(frames, how="diagonal").write_parquet(temporary)
    write_text(manifest, json.dumps(entry, ensure_ascii=False, indent=1))
    others = [json.loads(other.read_text(encoding="utf-8"))["archived"] for other in landing.glob(f"{sha}.*.json")]
    if before and before["archived"] not in others:
        (landing / before["archived"]).unlink(missing_ok=True)  # it held what is personal by the present declaration
    return entry


def note_rows(entry: dict[str, Any], landing: Path) -> None:
    """Say in the manifest of an extract, where it is not lost, how many rows were read of it: that shows as it is taken in."""
    path = landing / f"{entry['sha256']}.{entry['source']}.json"
    manifest = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    if manifest and manifest.get("rows") != entry["rows"]:
        write_text(path, json.dumps({**manifest, "rows": entry["rows"]}, ensure_ascii=False, indent=1))


def _archived(path: Path, landing: Path, seen: Seen, where: str) -> str:
    """Have the bytes of a file in the archive under their sha256, which is found out while they are copied."""
    known = seen.get(path)
    if known and (landing / known).exists():
        return known
    told, received = _told(path), landing / ".received"
    with replaced(received) as temporary:
        sha = _copied(path, temporary)
        if _told(path) != told:
            raise SourceError(
                "the file changed while it was read / 读取时文件被改动", where, "run again once it is complete"
            )
    if (landing / sha).exists():
        received.unlink()
    else:
        received.replace(landing / sha)
    return seen.note(path, sha, told)


def _copied(path: Path, target: Path) -> str:
    """Copy a file; the sha256 of what was copied."""
    found = hashlib.sha256()
    with path.open("rb") as original, target.open("wb") as copy:
        while piece := original.read(_PIECE):
            found.update(piece)
            copy.write(piece)
    return found.hexdigest()


def _redaction(source: Source) -> str:
    """A fingerprint of how a personal source is read and what of it may rest, the pseudonym key included."""
    keys = sorted(str(column.source) for name, column in source.columns.items() if name == "employee_key")
    secret = _pseudonym(os.environ.get(KEY, ""), KEY) if source.table.is_personal else ""
    return digest(
        source.read.model_dump(mode="json"),
        sorted(source.personal),
        keys,
        sorted(str(column.source) for column in source.columns.values()),
        secret,
    )[:8]


def land_corrections(source: Source, rows: pl.DataFrame, name: str, received: Path, landing: Path) -> dict[str, Any]:
    """Archive the corrected rows of one source out of a workbook that was handed in.

    Args:
        source: whose rows they are.
        rows: raw text table of the source with `ORIGIN`; `sheet` and `row_number` are the workbook's. Employee keys in it
            are pseudonyms already; one that was typed in becomes a pseudonym here.
        name: what the extract is called.
        received: the workbook.
        landing: the archive's folder.

    Returns:
        The manifest as `land` makes it, and `corrects`: the extracts in which the rows stood first.
    """
    sha = sha256(received)
    if source.is_personal:
        own = [column for column in (*ORIGIN, "__file__", "__reader_reason__") if column in rows.columns]
        rows = pl.concat([pseudonymised(source, rows.drop(own), again=True), rows.select(own)], how="horizontal")
    entry: dict[str, Any] = {
        "source": source.name, "name": name, "sha256": sha, "size": received.stat().st_size, "archived": f"{sha}.{source.name}.parquet",
        "received_at": datetime.now(UTC).isoformat(timespec="seconds"), "corrects": sorted(set(rows["__extract_id__"])),
    }  # fmt: skip
    with replaced(landing / entry["archived"]) as temporary:
        rows.write_parquet(temporary)
    write_text(landing / f"{sha}.{source.name}.json", json.dumps(entry, ensure_ascii=False, indent=1))
    return entry


def origin(row: dict[str, Any], extract_id: str) -> tuple[str, str, str, str]:
    """Where a raw row stood first, in the order of `ORIGIN`: a resubmitted row says so itself."""
    if "__original__" in row:
        return row["__extract_id__"], row["__sheet__"] or "", row["__row_number__"], row["__original__"]
    text = {name: value for name, value in row.items() if name not in _OWN and value is not None}
    return extract_id, row.get("sheet") or "", str(row["row_number"]), digest(text)


def corrected(landing: Path, archived: list[str]) -> set[tuple[str, str, str, str]]:
    """The origins of all rows in some archived resubmissions."""
    frames = [pl.read_parquet(landing / name, glob=False).select(ORIGIN).fill_null("") for name in archived]
    return {row for frame in frames for row in frame.iter_rows()}


def among(raw: pl.DataFrame, extract_id: str, origins: set[tuple[str, str, str, str]]) -> pl.Series:
    """True for each raw row of an extract whose origin is one of those given."""
    found = raw.with_row_index("__at__")
    if "__original__" not in raw.columns:
        found = found.filter(
            pl.col("row_number").is_in([int(row) for extract, _, row, _ in origins if extract == extract_id])
        )
    numbered = zip(found["__at__"], found.drop("__at__").iter_rows(named=True), strict=True)
    hits = [at for at, row in numbered if origin(row, extract_id) in origins]
    return pl.Series([False], dtype=pl.Boolean).new_from_index(0, raw.height).scatter(hits, True)


def raw(source: Source, entry: dict[str, Any], landing: Path) -> Iterator[pl.DataFrame]:
    """The raw text table of an archived extract, in batches."""
    path = landing / entry["archived"]
    if not path.exists():
        raise SourceError(
            "an archived extract is gone / 归档文件缺失",
            f"{path.name} ({entry['name']})",
            "restore data/landing from backup",
        )
    if source.is_personal and "corrects" not in entry and f".{_redaction(source)}." not in entry["archived"]:
        raise SourceError(
            "what is personal in it, or the pseudonym key, is not what it was when the file was taken in / 个人信息声明或假名密钥已变更",
            f"source {source.name}, file {entry['name']}", "deliver the file again",
        )  # fmt: skip
    if source.is_personal or "corrects" in entry:
        yield pl.read_parquet(path, glob=False)
    else:
        yield from readers.read(path, reading(source), entry["name"])


def as_delivered(source: Source, before: dict[str, Any] | None, attempt: Callable[[Source], T]) -> T:
    """What comes of an extract read as its source is declared or, where that cannot be, as it was read before.

    Where a declaration was wrong and has been corrected, the present form serves; where a system has come to deliver
    another one, the former serves for what it delivered until then. Columns, units and words are the present ones.

    Args:
        source: the declaration.
        before: `read` of the extract's entry in the state, where it has one.
        attempt: is called with the source, and again with the source in its former form.

    Raises:
        SourceError: neither form serves.
    """
    former = reading(source) if before is None else Read.model_validate(before)
    try:
        return attempt(source)
    except SourceError as error:
        if former == reading(source):
            raise
        try:
            return attempt(source.model_copy(update={"read": former}))
        except SourceError as other:
            raise SourceError(
                f"{error.what}; it was read in another form before, and cannot be with the present columns / 此前以另一种形式读取，与现声明的列不符: {other.what}",
                error.where, f"declare what has another form from now on as a source of its own, and leave this one as it was; or correct it: {error.todo}",
            ) from error  # fmt: skip


def reading(source: Source) -> Read:
    """How an archived extract is read: rows of a database rest as Parquet."""
    return (
        source.read.model_copy(update={"kind": "parquet", "files": "-"}) if source.read.kind == "sql" else source.read
    )


def pseudonymised(source: Source, raw: pl.DataFrame, *, again: bool = False) -> pl.DataFrame:
    """The raw table without personal columns and with pseudonyms for employee keys.

    Args:
        source: the declaration.
        raw: the table as the reader gives it.
        again: the table has been here before: keys that are pseudonyms stay, personal columns may be gone.

    Raises:
        SourceError: the key is not in the environment, or a declared personal column is not in the file.
    """
    secret = os.environ.get(KEY, "")
    if source.table.is_personal and not secret:
        raise SourceError(
            f"{KEY} is not set, so employee keys cannot be replaced / 未设置假名密钥",
            f"source {source.name}",
            f"export {KEY}=…",
        )
    gone = [column for column in source.personal if column not in raw.columns and not again]
    if gone:
        raise SourceError(f"personal columns not in the file / 声明的个人信息列不存在: {', '.join(gone)}", f"source {source.name}",
                          "correct `personal` in the source declaration")  # fmt: skip
    # a prepare may make columns of its own, so the declared ones need not be in the file
    mapping = source.columns or source.mapping([name for name in raw.columns if name not in ("row_number", "sheet")])
    keys = {column.source for name, column in mapping.items() if name == "employee_key"}
    if source.table.is_personal and not keys & set(raw.columns):
        raise SourceError(f"the column of employee_key is not in the file / 缺少工号列: {', '.join(map(str, keys))}", f"source {source.name}",
                          "map employee_key to a column of the file itself: it becomes a pseudonym before anything rests")  # fmt: skip
    used = {column.source for column in mapping.values()}
    remove = set(source.personal) - keys | {name for name in raw.columns if _PERSONAL.search(name) and name not in used}
    kept = raw.drop((remove | {"__surplus__"}) & set(raw.columns) - {"row_number", "sheet"})
    if "__reader_reason__" in kept.columns:
        # in a row whose fields have shifted, a name may stand in any column
        whole = pl.col("__reader_reason__").is_null()
        kept = kept.with_columns(
            pl.when(whole).then(pl.col(name)).alias(name) for name in kept.columns if name not in _OWN
        )
    for name in kept.columns:
        if name in keys:
            distinct = kept[name].unique().drop_nulls()
            pseudonyms = pl.Series(
                [text if again and _IS_PSEUDONYM.fullmatch(text) else _pseudonym(secret, text) for text in distinct],
                dtype=pl.String,
            )
            kept = kept.with_columns(
                pl.col(name).replace_strict(distinct, pseudonyms, default=None, return_dtype=pl.String)
            )
        elif kept.schema[name] == pl.String and name not in used:
            kept = kept.with_columns(pl.col(name).str.replace_all(_TRACES, "***"))
    return kept


def _pseudonym(secret: str, text: str) -> str:
    for pattern, stand_in in NO_KEY.values():
        if re.search(pattern, text):
            return stand_in  # nobody is called so, and the row is to be refused for it
    plain = unicodedata.normalize("NFKC", text).strip()
    return hmac.new(secret.encode(), plain.encode(), hashlib.sha256).hexdigest()[:32]


def sha256(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
