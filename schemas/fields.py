"""The few words contracts are written in: each makes one Pandera field and says what the column means.

Everything else (DDL, column comments, data dictionary, Excel templates, Dagster column schemas, parsing) is read from
these declarations. A column's unit is not said here: its name carries it (`schemas.units.unit_of`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import pandera.polars as pa
import polars as pl

Instant = Annotated[pl.Datetime, "us", "UTC"]
Day = pl.Date


def _field(kind: str, zh: str, en: str, *, optional: bool, checks: dict[str, Any] | None = None, **meta: Any) -> Any:  # noqa: ANN401
    return pa.Field(
        nullable=optional,
        metadata={
            "kind": kind,
            "zh": zh,
            "en": en,
            **{name: value for name, value in meta.items() if value is not None},
        },
        **(checks or {}),
    )


def key(zh: str, en: str, *, refers: str | None = None, example: str = "", optional: bool = False) -> Any:  # noqa: ANN401
    """An identifier; `refers` names the reference contract whose key it must be."""
    return _field("key", zh, en, optional=optional, refers=refers, example=example)


def text(zh: str, en: str, *, example: str = "", optional: bool = True, matches: str | None = None) -> Any:  # noqa: ANN401
    """Free text, kept exactly as received; `matches` is a pattern the whole text must have."""
    return _field(
        "text", zh, en, optional=optional, example=example, checks={"str_matches": matches} if matches else None
    )


def choice(
    zh: str, en: str, words: dict[str, str], *, note: tuple[str, str] | None = None, optional: bool = False
) -> Any:  # noqa: ANN401
    """One of a closed list of words, each with the Chinese word accepted for it; `note` says what to do with another."""
    return _field(
        "choice", zh, en, optional=optional, words=words, note=note, example=next(iter(words)),
        checks={"isin": list(words)},
    )  # fmt: skip


def quantity(zh: str, en: str, *, ge: float | None = None, gt: float | None = None, le: float | None = None,
             example: str = "", optional: bool = False) -> Any:  # fmt: skip  # noqa: ANN401
    """A measured number in the unit its name carries, within plausible bounds."""
    checks = {name: bound for name, bound in (("ge", ge), ("gt", gt), ("le", le)) if bound is not None}
    return _field("quantity", zh, en, optional=optional, example=example, checks=checks)


def count(zh: str, en: str, *, ge: int = 0, le: int | None = None, example: str = "", optional: bool = False) -> Any:  # noqa: ANN401
    """A whole number."""
    checks = {"ge": ge} | ({"le": le} if le is not None else {})
    return _field("count", zh, en, optional=optional, example=example, checks=checks)


def instant(
    zh: str, en: str, *, end_of_day: bool = False, example: str = "2026-01-31 08:30:00", optional: bool = False
) -> Any:  # noqa: ANN401
    """A moment, kept in UTC; a bare date means its first moment, or its last with `end_of_day` (a promise for a day)."""
    return _field("instant", zh, en, optional=optional, example=example, end_of_day=end_of_day)


def day(zh: str, en: str, *, example: str = "2026-01-31", optional: bool = False) -> Any:  # noqa: ANN401
    """A calendar date, as the site's clock shows it."""
    return _field("day", zh, en, optional=optional, example=example)


def month(zh: str, en: str) -> Any:  # noqa: ANN401
    """A calendar month, `2026-01`."""
    return _field(
        "month", zh, en, optional=False, example="2026-01", checks={"str_matches": r"^\d{4}-(0[1-9]|1[0-2])$"}
    )


def flag(zh: str, en: str, *, example: str = "true", optional: bool = True) -> Any:  # noqa: ANN401
    """Yes or no."""
    return _field("flag", zh, en, optional=optional, example=example)


def unit(zh: str, en: str) -> Any:  # noqa: ANN401
    """A unit text, kept as the canonical label of `schemas.units`."""
    return _field("unit", zh, en, optional=False, example="kWh")


def borrowed(through: str, column: str) -> Any:  # noqa: ANN401
    """A column of the row that `through` refers to: there for the rules to judge by, not kept in `clean`."""
    return _field("borrowed", "", "", optional=True, through=through, column=column)


def provenance(zh: str, en: str, *, optional: bool = False) -> Any:  # noqa: ANN401
    """Where a row came from or what became of it; filled in by the hub."""
    return _field("provenance", zh, en, optional=optional)


def rule(code: str, zh: str, en: str) -> Callable[[Callable[[Any], pl.Expr]], Any]:
    """Declare a rule over whole rows as a polars expression that is true for a good row.

    A rule whose inputs are empty says nothing (an empty required column is refused on its own account). Nor is it
    told of a row in which one of its inputs could not be read.
    """

    def declare(expression: Callable[[Any], pl.Expr]) -> Any:  # noqa: ANN401
        def check(cls: type, data: pa.PolarsData) -> pl.LazyFrame:
            return data.lazyframe.select(expression(cls).fill_null(value=True))

        check.__name__ = expression.__name__
        vars(check)["reads"] = {code: frozenset(expression(None).meta.root_names())}
        return pa.dataframe_check(name=code, description=f"{zh} | {en}")(check)

    return declare
