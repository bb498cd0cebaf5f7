"""The monthly data package: what is published of a month and its evaluation period, in files anyone can check alone.

It is written from the published file only, and holds no clock, so that the same figures make the same bytes. What is
about few people is not in it: marts about people are left out, their site-months are pooled.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import zipfile
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from indicators import verify
from indicators.declared import Indicator, catalogue
from indicators.scoring.profile import load
from schemas.contract import contract, names
from schemas.enterprise import Enterprise
from schemas.errors import HubError
from schemas.lake import gone, months_of, replaced
from warehouse.access import connect
from warehouse.marts import marts
from warehouse.publish import columns, upstream

FORMAT = 1
_ABOUT_PEOPLE = ("survey_response",)  # beside the contracts with keys of persons
_FEW = "few people / 涉及少数人员"
_JOINED = re.compile(r" [*-] ")  # factors of a formula stand in one text
_README = """\
# {name} {month}

ESG data package: marts and indicators of {month} and of the evaluation period {year} as published ({months}).
ESG 月度数据包：{month} 及评价期 {year} 的已发布集市与指标。

    pip install duckdb
    python verify.py

checks every digest, row count and column, compares each CSV with its Parquet, and computes the six formulas again from
the marts. Compare the sha256 of `manifest.json` with the one you were told by another way.
校验全部摘要、行数、列，比对 CSV 与 Parquet，并由集市重算六项公式；请另行核对 manifest.json 的摘要。

- `indicator/value` values, `indicator/cell` the site-months they are sums of, `indicator/term` which mart columns those are
- `mart/`, `score/`, `meta/closing`, `meta/restatement`, `reference/factor` the factors used, `profile.json` the scoring profile
- Parquet holds the figures; CSV (UTF-8 with BOM) says the same for reading: an empty cell is a missing figure, `""` an empty
  text, and a text that begins with = + - @, tab or carriage return has an apostrophe before it, so that no spreadsheet takes it for a formula
- left out, being about people: {left_out}. Site-months about fewer than {min_cell} people are pooled. 涉及少数人员的数据不提供明细
"""


@dataclass(frozen=True)
class Written:
    """Where a package lies, and the digest its receiver should be told by another way."""

    folder: Path
    archive: Path
    manifest_sha256: str
    archive_sha256: str


def package(enterprise: Enterprise, month: str) -> Written:
    """Write the data package of a month: a folder, and the same as one zip file.

    Args:
        enterprise: the folder; the caller holds its lock.
        month: `2026-01`; the year it lies in is the evaluation period.

    Raises:
        HubError: nothing is published, or no value of the month is.
    """
    home = enterprise.data / "packages"
    fresh = home / f".{month}.{os.getpid()}.part"
    gone(fresh)  # of a process of this number that was killed
    fresh.mkdir(parents=True)
    try:
        with connect(enterprise.folder) as connection:
            _Assembly(enterprise, connection, month, fresh).write()
        _replace(home / month, fresh)
    finally:
        gone(fresh)
    archive = home / f"{month}.zip"
    with replaced(archive) as temporary:
        _zip(home / month, temporary)
    return Written(home / month, archive, verify.digest(home / month / verify.MANIFEST), verify.digest(archive))


def _replace(target: Path, fresh: Path) -> None:
    """Put a folder in the place of another, which is never half there."""
    old = fresh.with_suffix(".old.part")
    if target.exists():
        target.replace(old)
    fresh.replace(target)
    gone(old)


def _zip(folder: Path, target: Path) -> None:
    """All files of a folder below its name, always the same bytes."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(f"{folder.name}/{path.relative_to(folder).as_posix()}")
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())


def left_out() -> dict[str, str]:
    """The marts that are not in a package, and why: those about people, and those that rest on them."""
    about = {f"clean.{name}" for name in names() if contract(name).is_personal or name in _ABOUT_PEOPLE}
    counted = {f"mart.{term.mart}" for one in catalogue().values() if one.people for term in one.terms()}
    return {one.name: _FEW for one in marts() if ({f"mart.{one.name}"} | upstream(one.name)) & (about | counted)}


class _Assembly:
    """One package being written."""

    def __init__(self, enterprise: Enterprise, connection: duckdb.DuckDBPyConnection, month: str, folder: Path) -> None:
        self.enterprise, self.connection, self.month, self.folder = enterprise, connection, month, folder
        self.year = month[:4]
        self.files: list[dict[str, Any]] = []
        self.left_out = left_out()

    def write(self) -> None:
        """Every file, the manifest, and the digests of all."""
        values = self.connection.execute(
            "select * from indicator.value where period in (?, ?)", [self.month, self.year]
        ).pl()
        if not (values["period"] == self.month).any():
            raise HubError(f"there are no values of {self.month} / 没有该月的数值", str(self.enterprise.published), "esg run --month … first")  # fmt: skip
        self._table("indicator/value", values, "indicator", "value")
        self._table("indicator/cell", self._cells(values), "indicator", "cell")
        for table in ("term", "catalogue"):
            self._table(f"indicator/{table}", self._all(f"indicator.{table}"), "indicator", table)
        for mart in self._tables("mart"):
            if mart not in self.left_out:
                rows = self._all(f"mart.{mart} where month like ?", f"{self.year}-%")
                self._table(f"mart/{mart}", rows, "mart", mart)
        for table in self._tables("score"):
            self._table(f"score/{table}", self._scores(table), "score", table)
        periods = [self.month, self.year, *months_of(self.year)]
        for table in ("closing", "restatement"):
            self._table(
                f"meta/{table}", self._all(f"meta.{table} where list_contains(?, period)", periods), "meta", table
            )
        self._table("reference/factor", self._factors(), "reference", "emission_factor")
        self._finish(values)

    def _finish(self, values: pl.DataFrame) -> None:
        declaration = self.enterprise.declaration
        profile = load(declaration.profile, self.enterprise.folder)
        months = sorted(self._all("indicator.cell where month like ?", f"{self.year}-%")["month"].unique())
        self._text("profile.json", _json({"hash": profile.hash, "profile": profile.model_dump(mode="json")}))
        self._text("verify.py", Path(verify.__file__).read_text(encoding="utf-8"))
        said = {
            "name": self.enterprise.id, "month": self.month, "year": self.year, "left_out": ", ".join(self.left_out),
            "months": f"{months[0]}..{months[-1]}", "min_cell": declaration.privacy.min_cell,
        }  # fmt: skip
        self._text("README.md", _README.format(**said))
        closed = self.enterprise.lake.closed
        manifest = {
            "format": FORMAT, "hub_version": version("esg-data-hub"), "enterprise_id": self.enterprise.id, "month": self.month,
            "evaluation_period": self.year, "months": months, "closed": [one for one in (*months, self.year) if one in closed],
            "run_ids": sorted(values["run_id"].unique()), "profile_hashes": self._profiles(), "policies": declaration.policies,
            "min_cell": declaration.privacy.min_cell, "left_out": self.left_out, "not_delivered": self._not_delivered(), "csv_guarded": verify.GUARDED,
            "files": sorted(self.files, key=lambda entry: str(entry["name"])),
        }  # fmt: skip
        (self.folder / verify.MANIFEST).write_text(_json(manifest), encoding="utf-8")
        paths = sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())
        sums = "".join(f"{verify.digest(self.folder / path)}  {path}\n" for path in paths)
        (self.folder / verify.SUMS).write_text(sums, encoding="utf-8")

    def _not_delivered(self) -> dict[str, list[str]]:
        """Mart → months of which it has rows while no site-month counts any: an order due in a month nobody has delivered."""
        found: dict[str, set[str]] = {}
        for (indicator, side), (mart, column, *_) in verify.TERMS.items():
            if mart not in self.left_out:
                rows = self._all(
                    f"""(select distinct month from mart.{mart} where month like ? and {column} is not null) as m
                        anti join (from indicator.cell where indicator_id = ? and {side} is not null) as c using (month)""",
                    f"{self.year}-%", indicator,
                )  # fmt: skip
                found.setdefault(mart, set()).update(rows["month"])
        return {mart: sorted(months) for mart, months in sorted(found.items()) if months}

    def _profiles(self) -> list[str]:
        return sorted(set(self._scores("result")["profile_hash"]))

    def _scores(self, table: str) -> pl.DataFrame:
        """The scores of the evaluation period; what has no period (profiles) whole."""
        rows = self._all(f"score.{table}")
        return rows.filter(pl.col("period") == self.year) if "period" in rows.columns else rows

    def _tables(self, schema: str) -> list[str]:
        rows = self.connection.execute(
            "select table_name from duckdb_tables() where schema_name = ? and database_name = 'esg' order by 1",
            [schema],
        )
        return [name for (name,) in rows.fetchall()]

    def _all(self, what: str, *parameters: object) -> pl.DataFrame:
        return self.connection.execute(f"select * from {what}", list(parameters)).pl()

    def _factors(self) -> pl.DataFrame:
        """The factors the marts of the package name."""
        used: set[str] = set()
        for entry in self.files:
            if entry["name"].startswith("mart/") and entry["name"].endswith(".parquet"):
                columns_ = [one["name"] for one in entry["columns"] if one["name"].endswith("factor_id")]
                rows = pl.read_parquet(self.folder / entry["name"], columns=columns_) if columns_ else pl.DataFrame()
                used |= {
                    part for column in rows for text in column.unique().drop_nulls() for part in _JOINED.split(text)
                }
        return self._all("reference.emission_factor where list_contains(?, factor_id) order by factor_id", sorted(used))

    def _cells(self, values: pl.DataFrame) -> pl.DataFrame:
        """The site-months of the year, those about few people pooled."""
        cells = self._all("indicator.cell where month like ?", f"{self.year}-%").with_columns(
            pl.lit(value=False).alias("is_stub"), pl.lit(None, dtype=pl.String).alias("pool")
        )
        small = self._all("indicator.value where reason = 'small_cell' and period like ?", f"{self.year}-%")
        people = {key: one for key, one in catalogue().items() if one.people}
        least = self.enterprise.declaration.privacy.min_cell
        parts = [cells.filter(~pl.col("indicator_id").is_in(list(people)))]
        for (indicator, _, _), part in cells.filter(pl.col("indicator_id").is_in(list(people))).group_by(
            "indicator_id", "policy", "month", maintain_order=True
        ):
            parts.append(pooled(part, people[str(indicator)], small, least))
        by = ["indicator_id", "policy", "month", "legal_entity_id", "site_id", "pool"]
        return pl.concat(parts).sort(by)

    # ── files ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _table(self, name: str, rows: pl.DataFrame, schema: str, table: str) -> None:
        """A table as Parquet, and the same as CSV."""
        parquet, text = self.folder / f"{name}.parquet", self.folder / f"{name}.csv"
        parquet.parent.mkdir(exist_ok=True)
        self.connection.register("incoming", rows.to_arrow())
        place = verify.quoted(str(parquet))
        self.connection.execute(f"copy (select * from incoming) to {place} (format parquet, compression zstd)")
        self.connection.unregister("incoming")
        read = f"read_parquet({place}, hive_partitioning = false)"
        described = self.connection.execute(f"describe select * from {read}").fetchall()
        written = ", ".join(
            f"{verify.text_of(column, kind)} as {verify.named(column)}" for column, kind, *_ in described
        )
        self.connection.execute(
            f"copy (select {written} from {read}) to {verify.quoted(str(text))} (format csv, header)"
        )
        text.write_bytes(b"\xef\xbb\xbf" + text.read_bytes())  # by which spreadsheets know that it is UTF-8
        words = columns() | self._words.get(f"{schema}.{table}", {})
        columns_ = [
            {"name": column, "type": kind, **dict(zip(("zh", "en"), words[column].split(" | ", 1), strict=True))}
            for column, kind, *_ in described
        ]
        self._enter(parquet, rows=rows.height, columns=columns_)
        self._enter(text, rows=rows.height)

    @cached_property
    def _words(self) -> dict[str, dict[str, str]]:
        """Table → its columns → their comments, as published."""
        rows = self.connection.execute(
            """select schema_name || '.' || table_name, column_name, comment from duckdb_columns()
               where database_name = 'esg' and not internal"""
        ).fetchall()
        found: dict[str, dict[str, str]] = {}
        for table, column, comment in rows:
            found.setdefault(table, {})[column] = comment
        return found

    def _text(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        self._enter(path)

    def _enter(self, path: Path, **more: Any) -> None:  # noqa: ANN401 - whatever JSON holds
        name, data = path.relative_to(self.folder).as_posix(), path.read_bytes()
        self.files.append({"name": name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), **more})


def _json(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, sort_keys=True, indent=1) + "\n"


def pooled(part: pl.DataFrame, indicator: Indicator, small: pl.DataFrame, least: int) -> pl.DataFrame:
    """The site-months of one indicator, policy and month, none of them about few people.

    Site-months that are about fewer people than `least`, or whose value is hidden, keep their row without figures
    (`is_stub`), and are added up into one row of no site: of their legal entity where its value is shown, else of the
    enterprise. A sum still about too few takes in the smallest other site-month, and so on; of its people only those
    count that the sum counts.

    Args:
        part: rows of `indicator.cell`.
        indicator: what they are of; `people` says what counts people.
        small: the rows of `indicator.value` that are hidden.
        least: `privacy.min_cell`.
    """
    side = indicator.counts_people
    rows = part.with_row_index("row").with_columns(
        pl.col(side).fill_null(0).alias("about"),
        pl.when("is_used_above").then(side).fill_null(0).alias("summed"),
    )
    hidden = small.filter(
        (pl.col("indicator_id") == indicator.id)
        & (pl.col("policy") == part["policy"][0])
        & (pl.col("period") == part["month"][0])
    )
    units = {kind: set(hidden.filter(pl.col("org_kind") == kind)["org_id"]) for kind in ("site", "legal_entity")}
    few = rows.filter(
        ((pl.col("about") > 0) & (pl.col("about") < least)) | pl.col("site_id").is_in(list(units["site"]))
    )
    shown = ~pl.col("legal_entity_id").is_in(list(units["legal_entity"])) & pl.col("legal_entity_id").is_not_null()
    pools: list[tuple[str, set[int]]] = []
    for _, own in few.filter(shown).group_by("legal_entity_id", maintain_order=True):
        mine = rows.filter(pl.col("legal_entity_id") == own["legal_entity_id"][0])
        pools.append(("legal_entity", _enough(set(own["row"]), mine, least)))
    of_all = set(few.filter(~shown.fill_null(value=False))["row"])
    summed = dict(rows.select("row", "summed").iter_rows())
    for name, members in list(pools):
        if 0 < sum(summed[row] for row in members) < least:
            pools.remove((name, members))
            of_all |= members
    taken = set().union(*(members for _, members in pools))
    if of_all:
        pools.append(("enterprise", _enough(of_all, rows.filter(~pl.col("row").is_in(list(taken))), least)))
    return _with_pools(rows.drop("about", "summed"), pools)


def _enough(members: set[int], among: pl.DataFrame, least: int) -> set[int]:
    """Some rows, and the smallest others there are until their sum is about enough people, or about nobody."""
    summed = dict(among.select("row", "summed").iter_rows())
    found = set(members)
    for row in sorted(set(summed) - found, key=lambda one: (summed[one], one)):
        if not 0 < sum(summed[one] for one in found) < least:
            break
        found |= {row} if summed[row] > 0 else set()
    return found


def _with_pools(rows: pl.DataFrame, pools: list[tuple[str, set[int]]]) -> pl.DataFrame:
    figures = ("numerator", "denominator", "estimated_part", "people")
    parts = [rows]
    for name, members in pools:
        mine = pl.col("row").is_in(sorted(members))
        used = rows.filter(mine & pl.col("is_used_above"))
        parts[0] = parts[0].with_columns(
            *(pl.when(~mine).then(pl.col(one)).alias(one) for one in figures),
            pl.when(mine).then(pl.lit(value=True)).otherwise(pl.col("is_stub")).alias("is_stub"),
            pl.when(mine).then(pl.lit(name)).otherwise(pl.col("pool")).alias("pool"),
        )
        if used.height:
            entity = used["legal_entity_id"][0] if name == "legal_entity" else None
            parts.append(used.head(1).with_columns(
                pl.lit(None, dtype=pl.String).alias("site_id"), pl.lit(entity, dtype=pl.String).alias("legal_entity_id"),
                *(pl.lit(used[one].drop_nulls().sum() if used[one].drop_nulls().len() else None, dtype=pl.Float64).alias(one) for one in figures),
                pl.lit(value=False).alias("is_used_by_site"), pl.lit(name).alias("pool"),
            ))  # fmt: skip
    return pl.concat(parts).drop("row")
