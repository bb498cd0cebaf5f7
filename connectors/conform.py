"""raw → contract: rename, parse, convert units, map words, look up keys. Casting happens here and only here.

The contract judges afterwards. What cannot be cast is not guessed: the value stays empty and the row carries a reason.
Work is done once per distinct value wherever values repeat (stamps, units, words, keys).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from connectors.readers.text import NO_KEY
from connectors.source import Column as Origin
from connectors.source import Source
from schemas import units
from schemas.contract import Column, Table

# stamps that mean the same everywhere; anything else needs a declared `format`
_ISO = (
    "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%dT%H:%M", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y-%m-%d", "%Y/%m/%d", "%Y年%m月%d日 %H:%M:%S",
    "%Y年%m月%d日 %H:%M", "%Y年%m月%d日",
)  # fmt: skip
_PLAIN = "%Y%m%d"  # means the same everywhere too, but not where another format without separators is declared
_ZONED = ("%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%d %H:%M:%S%z", "%Y-%m-%d %H:%M:%S%.f%z")
_MONTHS = ("%Y-%m", "%Y/%m", "%Y%m", "%Y年%m月")
_FLAGS = {
    **dict.fromkeys(("true", "1", "yes", "y", "t", "是", "有", "真"), True),
    **dict.fromkeys(("false", "0", "no", "n", "f", "否", "无", "假"), False),
}
MICROSECONDS_PER_DAY = 86_400_000_000
MICROSECONDS_PER_MINUTE = 60_000_000
EARLIEST_YEAR = 1900
LATEST_YEAR = 9999
_EPOCH = "%s"
_ZONE = re.compile(f"%[#:]*[zZ]|(?<=[SMHf])Z$|{_EPOCH}")  # a Z after the time is UTC, whoever writes it into a format
_WIDTHS = ("<wide>", "<narrow>", "<noBreak>")
_TIMED = re.compile("%[HIklTRrXcs]")
_DAY_BEFORE_MONTH = re.compile("%Y[^%]*%d")  # in a source that writes so, 2026-03-05 is in May
_MILLISECONDS = "%s%3f"
_RUN = re.compile("(?:%[YmdHMS]){2,}")  # parts of a stamp without a separator
_SAMPLE, _OFTEN = 1_000, 4  # rows looked at to tell whether values repeat, and how often they then do on average
_MIDNIGHT = r"([ T])24:00(:00(?:\.0+)?)?$"


@dataclass(frozen=True)
class References:
    """The reference rows rows are looked up in.

    Attributes:
        frames: contract → its clean rows; a contract that is absent has no rows.
        legal_entities: the ids of `enterprise.yaml`.
        enterprise_id: the enterprise's own id there.
    """

    frames: dict[str, pl.DataFrame]
    legal_entities: list[str] = field(default_factory=list)
    enterprise_id: str = ""

    def ids(self, name: str) -> pl.Series | None:
        """The known keys of a reference, sorted; None where the enterprise keeps no such register."""
        if name == "legal_entity":
            return pl.Series(sorted(self.legal_entities), dtype=pl.String) if self.legal_entities else None
        frame = self.frames.get(name)
        return pl.Series([], dtype=pl.String) if frame is None else frame[f"{name}_id"].unique().sort()


@dataclass
class Conformed:
    """Rows in the contract's types, and why some of them may not pass.

    Attributes:
        frame: one row per raw row, in the same order, with every column of the contract but the provenance.
        reasons: `column: code` → True where a row must be refused for it.
        months: the local month of each row, null where no date could be read. The quantity of an interval belongs to
            the month its interval lies in, though it is stamped with the interval's end.
        touched: every local month a row has to do with: a reading at midnight also closes the month before, an order is
            accepted in one month and delivered in another.
    """

    frame: pl.DataFrame
    reasons: dict[str, pl.Series]
    months: pl.Series
    touched: list[pl.Series]


def conform(raw: pl.DataFrame, source: Source, references: References, zone: str) -> Conformed:
    """Cast a raw text table into the contract of its source.

    Args:
        raw: all texts, as the reader gives it.
        source: the declaration.
        references: rows to look keys up in.
        zone: the time zone of stamps that name none.

    Raises:
        SourceError: a declared column is missing.
    """
    work = _Work(raw, source, references, zone)
    for column in source.table.declared:
        work.add(column)
    for through in dict.fromkeys([*source.table.refers, *(str(column.through) for column in source.table.borrowed)]):
        work.borrow(through)
    work.mark_taken_ids()
    if source.stamp == "start":
        work.move_stamps_to_the_end()
    work.mark_reader_reasons()
    order = [column.name for column in source.table.columns if column.kind != "provenance"]
    months, touched = work.months()
    return Conformed(pl.DataFrame(work.columns).select(order), work.reasons, months, touched)


class _Work:
    """One raw table on its way into one contract."""

    def __init__(self, raw: pl.DataFrame, source: Source, references: References, zone: str) -> None:
        self.raw, self.source, self.references, self.zone = raw, source, references, zone
        self.table: Table = source.table
        self.origins = source.mapping([name for name in raw.columns if name not in ("row_number", "sheet")])
        self.columns: dict[str, pl.Series] = {}
        self.reasons: dict[str, pl.Series] = {}
        self._local: dict[str, _Coded] = {}
        self._closing: dict[str, _Coded] = {}
        self._offset: dict[str, tuple[pl.Series, pl.Series]] = {}  # of each distinct stamp, and which one a row has

    def add(self, column: Column) -> None:
        origin = self.origins.get(column.name)
        if origin is None:
            self.columns[column.name] = pl.Series(column.name, [None], dtype=column.dtype).new_from_index(
                0, self.raw.height
            )
            return
        texts = self._texts(column.name, origin)
        cast: dict[str, Callable[[Column, Origin, pl.Series], pl.Series]] = {
            "quantity": self._quantity, "count": self._count, "instant": self._instant, "day": self._day,
            "month": self._month, "flag": self._flag, "choice": self._choice, "unit": self._unit, "key": self._key,
            "text": self._text,
        }  # fmt: skip
        self.columns[column.name] = cast[column.kind](column, origin, texts).alias(column.name)

    def _texts(self, name: str, origin: Origin) -> pl.Series:
        if origin.source is None:
            return pl.Series(name, [origin.value or None], dtype=pl.String).new_from_index(0, self.raw.height)
        texts = self.raw[origin.source]
        if origin.map:
            words = {**{word.strip(): meaning for word, meaning in origin.map.items()}, **origin.map}
            texts = _by_distinct(
                texts, lambda found: pl.Series([_mapped(word, words) for word in found], dtype=pl.String)
            )
        return texts

    def _refuse(self, column: str, code: str, texts: pl.Series, values: pl.Series) -> pl.Series:
        """Mark the rows whose text says something that could not be understood as the column's kind."""
        if values.null_count() == texts.null_count():
            return values
        bad = texts.is_not_null() & values.is_null()
        at = bad.arg_true()
        blank = texts.gather(at).str.strip_chars() == ""
        bad = bad.scatter(at.filter(blank), False)
        if bad.any():
            self._mark(f"{column}: {code}", bad)
        return values

    def _mark(self, reason: str, bad: pl.Series) -> None:
        bad = bad.fill_null(value=False)
        self.reasons[reason] = self.reasons[reason] | bad if reason in self.reasons else bad

    def _number(self, column: Column, texts: pl.Series) -> pl.Series:
        read = self.source.read
        plain = read.decimal == "."
        values = (
            texts.cast(pl.Float64, strict=False)
            if plain
            else pl.Series([None], dtype=pl.Float64).new_from_index(0, len(texts))
        )
        values = _finite(values)
        rest = texts.is_not_null() & values.is_null()
        if rest.any():
            hard = texts.filter(rest)
            again = _by_distinct(
                hard,
                lambda found: pl.Series(
                    [_parsed(text, read.decimal, read.thousands) for text in found], dtype=pl.Float64
                ),
            )
            values = values.scatter(rest.arg_true(), _finite(again))
        return self._refuse(column.name, "not_a_number", texts, values)

    def _quantity(self, column: Column, origin: Origin, texts: pl.Series) -> pl.Series:
        values, into = self._number(column, texts), column.unit
        if origin.unit is None or into is None:
            return values
        if isinstance(origin.unit, str):
            factor, divisor = _steps(origin.unit, into)
            return self._converted(column, values * factor, divisor)
        given = self.raw[origin.unit["from"]]
        distinct, codes = _coded(given)
        steps = [_steps_of(text, into) for text in distinct]
        factors, divisors = (pl.Series([one[step] for one in steps], dtype=pl.Float64).gather(codes) for step in (0, 1))
        known = _by_distinct(
            given,
            lambda found: pl.Series(
                [text is not None and units.label(text) is not None for text in found], dtype=pl.Boolean
            ),
        )
        self._mark(f"{column.name}: unknown_unit", values.is_not_null() & ~known)
        self._mark(f"{column.name}: wrong_unit", values.is_not_null() & known & factors.is_null())
        return self._converted(column, values * factors, divisors.to_numpy())

    def _converted(self, column: Column, values: pl.Series, divisor: float | np.ndarray) -> pl.Series:
        """Values over a divisor, exactly: polars would multiply by the reciprocal of a single one."""
        quotient = pl.Series(values.to_numpy() / divisor, dtype=pl.Float64).fill_nan(None)
        finite = _finite(quotient)
        if finite.null_count() > quotient.null_count():
            self._mark(f"{column.name}: not_a_number", finite.is_null() & quotient.is_not_null())
        return finite

    def _count(self, column: Column, _origin: Origin, texts: pl.Series) -> pl.Series:
        values = self._number(column, texts)
        whole = values.set((values != values.round()).fill_null(value=False), None)
        return self._refuse(column.name, "not_a_number", texts, whole.cast(pl.Int64, strict=False))

    def _instant(self, column: Column, origin: Origin, texts: pl.Series) -> pl.Series:
        distinct, codes = _coded(texts)
        local, instants = _instants(distinct, _declared(origin), self.zone, end_of_day=column.end_of_day)
        unclear = local.is_not_null() & instants.is_null()
        if unclear.any():
            self._mark(f"{column.name}: clock_change", unclear.gather(codes))
        self._local[column.name] = _Coded(local.dt.strftime("%Y-%m"), codes)
        self._closing[column.name] = _Coded(local.dt.offset_by("-1us").dt.strftime("%Y-%m"), codes)
        offset = ((local.dt.epoch("us") - instants.dt.epoch("us")) // MICROSECONDS_PER_MINUTE).cast(pl.Int64)
        self._offset[column.name] = offset, codes
        found = instants.gather(codes)
        self._refuse(column.name, "not_a_time", texts, local.gather(codes) if unclear.any() else found)
        return found

    def _day(self, column: Column, origin: Origin, texts: pl.Series) -> pl.Series:
        distinct, codes = _coded(texts)
        local, _ = _instants(distinct, _declared(origin), self.zone, end_of_day=False)
        self._local[column.name] = _Coded(local.dt.strftime("%Y-%m"), codes)
        return self._refuse(column.name, "not_a_time", texts, local.dt.date().gather(codes))

    def _month(self, column: Column, origin: Origin, texts: pl.Series) -> pl.Series:
        formats = _declared(origin)
        formats = [*formats, *(("%Y-%m", *_ISO) if formats else (*_MONTHS, *_ISO, _PLAIN))]

        def parse(found: pl.Series) -> pl.Series:
            with_day = found.str.strip_chars() + "~01"
            whole = [_stamps(with_day, f"{one}~%d") for one in formats if "%d" not in one]
            return _first(
                *whole, *[_stamps(found.str.strip_chars(), one) for one in formats if "%d" in one]
            ).dt.strftime("%Y-%m")

        distinct, codes = _coded(texts)
        self._local[column.name] = _Coded(parse(distinct), codes)
        values = self._local[column.name].rows()
        return self._refuse(column.name, "not_a_time", texts, values)

    def _flag(self, column: Column, _origin: Origin, texts: pl.Series) -> pl.Series:
        values = _by_distinct(
            texts, lambda found: pl.Series([_FLAGS.get(_word(text)) for text in found], dtype=pl.Boolean)
        )
        return self._refuse(column.name, "unknown_word", texts, values)

    def _choice(self, column: Column, _origin: Origin, texts: pl.Series) -> pl.Series:
        known = {_word(synonym): word for word, zh in column.words.items() for synonym in (word, zh)}
        # an unknown word stays as it is: the contract refuses it, and the refusal can name it
        return _by_distinct(
            texts,
            lambda found: _words(
                pl.Series([known.get(_word(text), text) if _word(text) else None for text in found], dtype=pl.String)
            ),
        )

    def _unit(self, column: Column, _origin: Origin, texts: pl.Series) -> pl.Series:
        values = _by_distinct(
            texts,
            lambda found: _words(
                pl.Series([None if text is None else units.label(text) for text in found], dtype=pl.String)
            ),
        )
        return self._refuse(column.name, "unknown_unit", texts, values)

    def _text(self, _column: Column, _origin: Origin, texts: pl.Series) -> pl.Series:
        """Kept exactly as received; a text of blanks says nothing."""
        return texts.set((texts.str.strip_chars() == "").fill_null(value=False), None)

    def _key(self, column: Column, _origin: Origin, texts: pl.Series) -> pl.Series:
        ids = self.references.ids(column.refers) if column.refers else None
        if ids is None:
            self._mark_no_keys(column, texts)
            return self._text(column, _origin, texts.str.strip_chars())
        keys = texts.cast(pl.Enum(ids), strict=False)
        if keys.null_count() > texts.null_count():
            hard = texts.is_not_null() & keys.is_null()
            trimmed = texts.filter(hard).str.strip_chars().cast(pl.Enum(ids), strict=False)
            keys = keys.scatter(hard.arg_true(), trimmed)
        return self._refuse(column.name, "unknown_key", texts, keys)

    def _mark_no_keys(self, column: Column, texts: pl.Series) -> None:
        """Refuse what stands in the place of a key and is none: nothing else need be wrong with a line of totals.

        A reference may be called a total (a virtual meter), and a row may say in a word that it refers to nothing.
        """
        left_out = {"total_row"} if self.table.rows == "reference" else set[str]()
        if column.name not in self.table.key:
            left_out = {"total_row", "placeholder"}
        for code, (pattern, _) in NO_KEY.items():
            if code in left_out:
                continue
            bad = texts.str.contains(pattern)
            if bad.any():
                self._mark(f"{column.name}: {code}", bad)

    def borrow(self, through: str) -> None:
        """Look up the row that `through` refers to, valid on the row's date, and fill the columns that rules borrow from it."""
        wanted = [column for column in self.table.borrowed if column.through == through]
        if through in self._offset or self.table.refers.get(through) is None:
            nothing = pl.Series([None], dtype=pl.Int64), pl.Series([0]).new_from_index(0, self.raw.height)
            offset, codes = self._offset.get(through, nothing)
            self.columns.update({column.name: offset.gather(codes).alias(column.name) for column in wanted})
            return
        name = self.table.refers[through]
        rows, found = self._reference_rows(through), self.references.frames.get(name)
        for column in wanted:
            values = (
                pl.Series([None], dtype=column.dtype).new_from_index(0, self.raw.height)
                if found is None
                else found[str(column.column)].gather(rows)
            )
            values = values.cast(pl.String) if isinstance(values.dtype, pl.Enum) else values
            self.columns[column.name] = values.cast(column.dtype).alias(column.name)

    def _reference_rows(self, through: str) -> pl.Series:
        """The position in the reference frame of the row valid for each key on the row's date; null for a row without one."""
        name, keys = self.table.refers[through], self.columns[through]
        frame = self.references.frames.get(name)
        if frame is None or keys.null_count() == len(keys):
            return pl.Series([None], dtype=pl.UInt32).new_from_index(0, self.raw.height)
        key = f"{name}_id"
        if (
            frame[key].n_unique() == frame.height
            and frame["valid_from"].null_count() == frame["valid_to"].null_count() == frame.height
        ):
            position = frame.with_row_index("position").sort(key)["position"]
            return position.gather(keys.to_physical())
        first, last = self._days()
        asked = pl.DataFrame({key: keys.cast(pl.String), "first": first, "last": last})
        distinct = asked.unique().with_row_index("asked")
        valid = frame.select(pl.col(key).cast(pl.String), "valid_from", "valid_to").with_row_index("position")
        starts, ends = pl.col("valid_from"), pl.col("valid_to")
        inside = (starts.is_null() | (starts <= pl.col("last"))) & (ends.is_null() | (pl.col("first") <= ends))
        pairs = distinct.join(valid, on=key, how="left").filter(pl.col("first").is_null() | inside)
        # where the row's own day has no valid row, the day it closes may have
        hits = pairs.sort("asked", "valid_from", nulls_last=False).group_by("asked", maintain_order=True).last()
        found = distinct.join(hits.select("asked", "position"), on="asked", how="left")
        rows = asked.join(found, on=asked.columns, how="left", nulls_equal=True, maintain_order="left")["position"]
        self._mark(f"{through}: key_not_valid", keys.is_not_null() & rows.is_null() & first.is_not_null())
        return rows

    def _days(self) -> tuple[pl.Series, pl.Series]:
        """First and last local date a row is about, for looking up what was valid then.

        They differ for a month, and for a reading at midnight, which also closes the day before.
        """
        filled = [self.columns[name] for name in self.table.month]
        if not filled:
            nothing = pl.Series([None], dtype=pl.Date).new_from_index(0, self.raw.height)
            return nothing, nothing
        if isinstance(filled[0].dtype, pl.Enum):
            start = (filled[0].cast(pl.String) + "-01").str.to_date("%Y-%m-%d", strict=False)
            return start, start.dt.month_end()
        stamp = _first(*filled)
        if stamp.dtype == pl.Date:
            return stamp, stamp
        last = stamp.dt.convert_time_zone(self.zone)
        first = last.dt.offset_by("-1us") if "read_at" in self.columns else last
        return first.dt.date(), last.dt.date()

    def mark_taken_ids(self) -> None:
        """A site may not have the id of an organisation it would be added up with."""
        if self.table.name == "site":
            taken = [self.references.enterprise_id, *self.references.legal_entities]
            bad = self.columns["site_id"].is_in(taken)
            if bad.any():
                self._mark("site_id: id_taken", bad)

    def move_stamps_to_the_end(self) -> None:
        """A stamp that names the start of its interval becomes the end of it, as the contract has it."""
        interval = self.columns.get("meter_interval_min")
        if interval is None:
            return
        read_at = self.columns["read_at"]
        self._mark("read_at: stamp_without_interval", interval.is_null() & self.columns["meter_id"].is_not_null())
        self._closing["read_at"] = self._local["read_at"]
        self.columns["read_at"] = (
            read_at + pl.Series(interval * MICROSECONDS_PER_MINUTE).cast(pl.Duration("us"))
        ).alias("read_at")

    def mark_reader_reasons(self) -> None:
        """Rows the reader could not take apart are refused with what it said."""
        if "__reader_reason__" not in self.raw.columns:
            return
        said = self.raw["__reader_reason__"]
        for code in said.drop_nulls().unique().sort():
            self._mark(f"row: {code}", said == code)

    def months(self) -> tuple[pl.Series, list[pl.Series]]:
        """The local month of each row, of the first of the contract's month columns that is filled, and all it touches."""
        local = [self._local[name] for name in self.table.month if name in self._local]
        if not local:
            return pl.Series([None], dtype=pl.String).new_from_index(0, self.raw.height), []
        if "meter_register_kind" in self.columns:
            return self._months_of_readings(local[0], self._closing["read_at"])
        each = [one.rows() for one in local]
        return _first(*each), each

    def _months_of_readings(self, local: _Coded, closing: _Coded) -> tuple[pl.Series, list[pl.Series]]:
        """An interval lies in the month before its end; a counter read at midnight closes a month that has other readings."""
        inside = local.distinct.filter(local.distinct == closing.distinct).unique().drop_nulls()
        closes = ((local.distinct != closing.distinct) & closing.distinct.is_in(inside.implode())).fill_null(
            value=False
        )
        counted = _Coded(closing.distinct.zip_with(closes, local.distinct), local.codes).rows()
        interval = (self.columns["meter_register_kind"] == "interval").fill_null(value=False)
        if not interval.any():
            return counted, [local.rows(), closing.rows()]
        before, own, counted = (one.cast(pl.String) for one in (closing.rows(), local.rows(), counted))
        return before.zip_with(interval, counted), [before.zip_with(interval, own), before]


@dataclass(frozen=True)
class _Coded:
    """A column as its distinct values and, for each row, the position of its own among them."""

    distinct: pl.Series
    codes: pl.Series

    def rows(self) -> pl.Series:
        """The column itself; words that repeat stay codes of an Enum, which costs a fraction of texts."""
        return _words(self.distinct).gather(self.codes)


def _words(texts: pl.Series) -> pl.Series:
    return texts.cast(pl.Enum(texts.unique().drop_nulls().sort()))


def _coded(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Distinct values, and for each row the position of its own among them."""
    first = texts.head(_SAMPLE)
    if len(first.rle()) * _OFTEN < len(first):  # values come in runs, of which each is looked at once
        runs = texts.rle().struct.unnest()
        distinct, codes = _coded(runs["value"])
        return distinct, pl.Series(np.repeat(codes.to_numpy(), runs["len"].to_numpy()))
    distinct = first.unique().drop_nulls()
    if len(distinct) * _OFTEN >= len(first):
        distinct = texts.unique().drop_nulls()
    codes = texts.cast(pl.Enum(distinct), strict=False).to_physical().cast(pl.get_index_type())
    if codes.null_count():
        at = codes.is_null().arg_true()
        others = texts.gather(at)
        more = others.unique()
        found = others.replace_strict(more, range(len(distinct), len(distinct) + len(more)), return_dtype=codes.dtype)
        return pl.concat([distinct, more]), codes.scatter(at, found)
    return distinct, codes


def _by_distinct(texts: pl.Series, work: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Do the work once per distinct value."""
    distinct, codes = _coded(texts)
    return work(distinct).gather(codes)


def _first(*series: pl.Series) -> pl.Series:
    """Row by row the first value that is not null."""
    if len(series) == 1:
        return series[0]
    series = tuple(one.cast(pl.String) if isinstance(one.dtype, pl.Enum) else one for one in series)
    return pl.select(pl.coalesce(*series)).to_series()


def _declared(origin: Origin) -> list[str]:
    return [origin.format] if isinstance(origin.format, str) else origin.format or []


def _word(text: str | None) -> str:
    return "" if text is None else unicodedata.normalize("NFKC", text).strip().casefold()


def _mapped(text: str | None, words: dict[str, str]) -> str | None:
    if text is None:
        return None
    return words.get(text, words.get(text.strip(), text)) or None


def _steps(unit: str, into: str) -> tuple[float, float]:
    """What to multiply by and to divide by: division where that is exact (479 kg are 0.479 t, not 0.47900000000000004)."""
    inverse = units.factor(into, unit)
    return (1.0, inverse) if inverse > 1 and inverse.is_integer() else (units.factor(unit, into), 1.0)


def _steps_of(text: str | None, into: str) -> tuple[float, float] | tuple[None, None]:
    known = None if text is None else units.label(text)
    return (None, None) if known is None or not units.same_dimension(known, into) else _steps(known, into)


def _parsed(text: str | None, decimal: str, thousands: str | None) -> float | None:
    """A number written by people: full-width digits, declared thousands separators, a declared decimal sign."""
    if text is None:
        return None
    plain = _halfwidth(text).strip().replace("\u2212", "-")
    if re.fullmatch(r"\d(.*\d)?-", plain):  # SAP writes the sign last; "12,-" is something else, a price without cents
        plain = f"-{plain[:-1]}"
    decimal, thousands = _halfwidth(decimal), _halfwidth(thousands or "")
    if thousands:
        mark, point = re.escape(thousands), re.escape(decimal)
        # 0.500 is half of something, not 500, however the file separates thousands
        if re.fullmatch(rf"[+-]?[1-9]\d{{0,2}}({mark}\d{{3}})+({point}\d*)?", plain):
            plain = plain.replace(thousands, "")
    if decimal != ".":
        plain = "" if "." in plain else plain.replace(decimal, ".")
    return float(plain) if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", plain) else None


def _halfwidth(text: str) -> str:
    """Full-width signs as plain ones; other forms stay as they are (10\u00b2 is not 102)."""
    return "".join(
        unicodedata.normalize("NFKC", sign)
        if sign.isspace() or unicodedata.decomposition(sign).startswith(_WIDTHS)
        else sign
        for sign in text
    )


def _finite(values: pl.Series) -> pl.Series:
    finite = values.is_finite()
    return values if finite.all() else values.set((~finite).fill_null(value=False), None)


def _stamps(texts: pl.Series, one: str) -> pl.Series:
    """Texts read by one format; a year no record is from is a misreading (`26-01-31`, a spreadsheet's day zero, milliseconds as seconds)."""
    if "%p" in one:
        texts = texts.str.replace("上午", "AM", literal=True).str.replace("下午", "PM", literal=True)
    if one == _MILLISECONDS:
        # of ten digits are all seconds from 2001 on, so seconds taken for milliseconds are refused
        texts, one = texts.str.extract(r"^(\d{10})\d{3}$") + "." + texts.str.tail(3), "%s%.3f"
    parsed = (
        texts.str.to_datetime(one, strict=False, time_unit="us")
        if _TIMED.search(one)
        else texts.str.to_date(one, strict=False).cast(pl.Datetime("us"))
    )
    if _RUN.search(one):
        # without separators every part must have its full width, or 2026113 could be two days
        widths = [str(sum(4 if part == "Y" else 2 for part in re.findall(r"%(\w)", run))) for run in _RUN.findall(one)]
        parsed = parsed.set(
            ~texts.str.contains("^\\D*" + ".*".join(f"\\d{{{width}}}" for width in widths) + "\\D*").fill_null(
                value=False
            ),
            None,
        )
    return parsed.set((~parsed.dt.year().is_between(EARLIEST_YEAR, LATEST_YEAR)).fill_null(value=False), None)


def _instants(texts: pl.Series, formats: list[str], zone: str, *, end_of_day: bool) -> tuple[pl.Series, pl.Series]:
    """Texts as local wall time and as UTC; both null where a text is no time, UTC alone where the clock was changed."""
    stamps = texts.str.strip_chars()
    naive, zoned = _tried(formats)
    local = _wall_time(stamps, naive, end_of_day=end_of_day)
    instants = local.dt.replace_time_zone(zone, ambiguous="null", non_existent="null").dt.convert_time_zone("UTC")
    if not zoned or local.null_count() == texts.null_count():
        return local, instants
    utc = _first(*[_in_utc(_stamps(stamps, one)) for one in zoned])
    return _first(local, utc.dt.convert_time_zone(zone).dt.replace_time_zone(None)), _first(instants, utc)


def _tried(formats: list[str]) -> tuple[list[str], list[str]]:
    """Formats without and with a zone, in the order they are tried: those declared, then what cells of a workbook are written in.

    A source that names the zone always does: a stamp without one is not taken for local time there.
    """
    naive, zoned = [one for one in formats if not _ZONE.search(one)], [one for one in formats if _ZONE.search(one)]
    if not any(_DAY_BEFORE_MONTH.search(one) for one in formats):
        naive += [*(() if zoned else _ISO), *(() if formats else (_PLAIN,))]
        zoned += _ZONED
    return naive, [one if _EPOCH in one else _ZONE.sub("%#z", one) for one in zoned]


def _in_utc(stamps: pl.Series) -> pl.Series:
    """Stamps that name their zone; seconds since 1970 name none, they are counted in UTC."""
    if isinstance(stamps.dtype, pl.Datetime) and stamps.dtype.time_zone is None:
        return stamps.dt.replace_time_zone("UTC")
    return stamps.dt.convert_time_zone("UTC")


def _wall_time(stamps: pl.Series, formats: list[str], *, end_of_day: bool) -> pl.Series:
    """What a local clock shows, 24:00 being the next day's first moment."""
    next_day = stamps.str.contains(_MIDNIGHT).fill_null(value=False)
    if next_day.any():
        stamps = stamps.str.replace(_MIDNIGHT, "${1}00:00${2}")
    local = pl.Series([None], dtype=pl.Datetime("us")).new_from_index(0, len(stamps))
    for one in formats:
        if local.null_count() == stamps.null_count():
            break
        parsed = _stamps(stamps, one)
        if end_of_day and not _TIMED.search(one):
            parsed = parsed.dt.offset_by("1d").dt.offset_by("-1s")
        local = _first(local, parsed)
    return local + (next_day.cast(pl.Int64) * MICROSECONDS_PER_DAY).cast(pl.Duration("us")) if next_day.any() else local
