"""A very small enterprise: one legal entity, a warehouse and a plant, a meter in each, made in a folder of a test."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from connectors.ingest import Outcome, ingest
from schemas.enterprise import Enterprise

ENTERPRISE = "id: group\nname: 集团\ntimezone: Asia/Shanghai\nlegal_entities: [LE1]\n"
SITES = (
    "site_id,name,legal_entity_id,site_kind,timezone,floor_area_m2\n"
    "SH-W01,上海一号仓,LE1,warehouse,,12000\n"
    "SH-P01,上海工厂,LE1,plant,,8000\n"
)
# a counter without a grid, and the quarter-hours of an interval meter
METERS = (
    "meter_id,site_id,carrier,register_kind,interval_min,unit,register_max\n"
    "E-0001,SH-W01,electricity,cumulative,,kWh,999999\n"
    "E-0002,SH-P01,electricity,interval,15,kWh,\n"
)
READINGS = """\
system: ami
contract: meter_reading
read: {as: csv, files: "readings/{month}*.csv"}
columns:
  meter_id: {from: 表号}
  read_at: {from: 时间}
  register: {from: 示数}
  unit: {from: 单位}
"""
TRIPS = """\
contract: trip
read: {as: csv, files: "trips/*.csv"}
columns: {trip_id: no, vehicle_id: plate, started_at: start, distance_km: km, empty_km: empty}
"""
VEHICLES = "vehicle_id,site_id,ownership,energy_type,valid_from,valid_to\n沪A12345,SH-W01,own,diesel,,\n"
ORDERS = """\
contract: customer_order
read: {as: csv, files: "orders/*.csv"}
columns: {order_id: no, site_id: site, accepted_at: accepted, delivered_at: delivered, status: status}
"""
JANUARY = "2026-01"


@dataclass(frozen=True)
class World:
    """An enterprise folder under test."""

    folder: Path

    @property
    def enterprise(self) -> Enterprise:
        """The folder, opened afresh as a new process would."""
        return Enterprise(self.folder)

    def write(self, name: str, content: str | bytes, encoding: str = "utf-8") -> Path:
        """Put a file into the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode(encoding) if isinstance(content, str) else content)
        return path

    def deliver(self, name: str, *lines: str) -> Path:
        """Put a file of lines among the extracts."""
        return self.write(f"extracts/{name}", "\n".join(lines) + "\n")

    def ingest(self, *months: str, only: set[str] | None = None) -> dict[str, Outcome]:
        """Take in some months (January 2026 unless told) in a process of its own, by source; no source may fail."""
        outcomes = self.attempt(*months, only=only)
        assert {name: str(one.error) for name, one in outcomes.items() if one.error} == {}
        return outcomes

    def attempt(self, *months: str, only: set[str] | None = None) -> dict[str, Outcome]:
        """Take in some months, whatever comes of it."""
        return {outcome.source: outcome for outcome in ingest(self.enterprise, list(months or [JANUARY]), only)}

    def clean(self, contract: str) -> pl.DataFrame:
        """The clean rows of a contract."""
        files = self.enterprise.lake.files("clean", contract)
        frames = [pl.read_parquet(path, hive_partitioning=False) for path in files]
        return pl.concat(frames) if frames else pl.DataFrame()

    def values(self, contract: str, *columns: str) -> list[tuple]:
        """The clean rows of a contract, some columns, sorted."""
        frame = self.clean(contract)
        return sorted(frame.select(columns).iter_rows(), key=str) if frame.height else []

    def refused(self, contract: str) -> list[tuple[int, list[str]]]:
        """Row number and reasons of the refused rows of a contract."""
        files = self.enterprise.lake.files("quarantine", contract)
        rows = [row for path in files for row in pl.read_parquet(path, hive_partitioning=False).iter_rows(named=True)]
        return sorted((row["row_number"], row["reasons"]) for row in rows)

    def hashes(self, folder: str = "data/clean") -> dict[str, str]:
        """The sha256 of every file below a folder."""
        root = self.folder / folder
        return {
            path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in root.rglob("*")
            if path.is_file()
        }


def make(folder: Path, sources: Iterable[tuple[str, str]] = ()) -> World:
    """Write the enterprise with its reference tables and some source declarations."""
    world = World(folder)
    world.write("enterprise.yaml", ENTERPRISE)
    world.write("reference/site.csv", SITES)
    world.write("reference/meter.csv", METERS)
    world.write("reference/vehicle.csv", VEHICLES)
    for name, text in sources:
        world.write(f"sources/{name}.yaml", text)
    return world
