"""A small published file with a whole evaluation in it, for tests of the report: every table, every state."""

from __future__ import annotations

from typing import Any

import duckdb

from indicators.declared import catalogue
from indicators.report.evaluation import Evaluation, gather
from indicators.scoring.profile import Profile, load
from schemas.enterprise import Declaration

PROFILE = load("draft-neutral-v1")
OF_STANDARD = [key for key, one in catalogue().items() if one.kind != "metric"]
OF_EXPERTS = [key for key in OF_STANDARD if not catalogue()[key].is_computed]
SITE = "<b>=1+1"
ENTERPRISE = Declaration.model_validate(
    {
        "id": "demo", "name": {"zh": "演示物流", "en": "Demo Logistics"}, "legal_entities": [{"id": "LE", "name": {"zh": "演示公司", "en": "Demo Co."}}],
        "evaluation": {
            "commissioner": "演示物流", "purpose": {"zh": "自我改进", "en": "self-improvement"}, "assessor": {"zh": "某评价机构", "en": "An assessor"},
            "exclusions": [{"what": "海外仓", "reason": "无运营控制", "share_pct": {"revenue": 1.25}}], "pending": ["一起未决诉讼"],
            "measures": [{"indicator_id": "A.3.6", "measure": "建立数据分级制度", "owner": "信息部门", "due": "2027-06-30", "cost": "low"}],
        },
    }
)  # fmt: skip

SCORE = {
    "result": "level varchar, id varchar, score double, weight double, lower double, upper double, state varchar, grade varchar, coverage double, reason varchar, before_events double",
    "normalised": "indicator_id varchar, method varchar, value double, unit varchar, numerator double, denominator double, value_state varchar, x0 double, x60 double, x80 double, x100 double, anchor_source varchar, score double, reason varchar, previous_value double, previous_score double, target double",
    "panel_item": "indicator_id varchar, round integer, votes integer, absent integer, excluded integer, lowest integer, highest integer, spread integer, trimmed boolean, level double, median double, cap integer, cap_reason varchar, lifted integer, is_flagged boolean, is_contested boolean, evidence_ids varchar",
    "agreement": "round integer, statistic varchar, value double, lower double, upper double, items integer, experts integer, verdict varchar, reason varchar",
    "expert": "round integer, expert_id varchar, items integer, mean_deviation double, is_severe boolean, total_without double",
    "weight": "node varchar, id varchar, parent varchar, method varchar, raw double, effective double, consistency_ratio double, random_index varchar",
    "event": "event_id varchar, class varchar, pillar varchar, indicator_id varchar, decided_on date, share double, deduction double, cap double, source varchar, is_pending boolean, title varchar",
    "monte_carlo": "id varchar, runs integer, seed integer, mean double, sd double, p05 double, p25 double, p50 double, p75 double, p95 double",
    "grade_probability": "id varchar, grade varchar, probability double",
    "alternative": "name varchar, title_zh varchar, title_en varchar, total double, grade varchar, difference double",
    "swing": "indicator_id varchar, what varchar, low_total double, high_total double, swing double",
    "left_out": "indicator_id varchar, total double, grade varchar, difference double",
    "integrity": "check_name varchar, month varchar, site_id varchar, subject varchar, zh varchar, en varchar",
    "evidence": "evidence_id varchar, file_state varchar, period_state varchar, is_admissible boolean, cited_for varchar, note varchar",
    "contribution": "indicator_id varchar, weight double, score double, contribution double, potential double",
    "definition": "indicator_id varchar, reading varchar, title_zh varchar, title_en varchar, value double, unit varchar, score double, total double, grade varchar, is_chosen boolean, difference double, reason varchar",
}  # fmt: skip


def value(key: str, period: str, amount: float | None, **more: Any) -> dict[str, Any]:
    one = catalogue()[key]
    row = {
        "indicator_id": key, "period": period, "org_id": "demo", "org_kind": "enterprise", "policy": "default", "numerator": 12.0,
        "numerator_unit": one.numerator_unit("pieces"), "denominator": 48.0, "denominator_unit": one.denominator_unit("pieces"), "value": amount, "unit": one.unit,
        "state": "measured", "coverage": 1.0, "reason": None, "boundary": "2 sites; own and leased", "run_id": "run-1", "is_chosen": True,
    }  # fmt: skip
    return row | more


NOTHING = {"numerator": None, "denominator": None}
VALUES = [
    value("A.1.6", "2026", 0.25, state="calculated"),
    value("A.1.6", "2026", 0.3, policy="market_based", is_chosen=False),
    value("A.1.6", "2025", 0.28, state="calculated"),
    value("A.2.7", "2026", 97.2, policy="first_promise"),
    value("A.2.7", "2026", 95.125, policy="latest_promise", is_chosen=False),
    *[value("A.2.7", f"2026-{month:02d}", 90.0 + month) for month in range(1, 12)],
    value("A.2.7", "2026-12", None, state="missing", reason="no_delivery", **NOTHING),
    value("A.2.8", "2026", None, state="not_applicable", reason="no_goods", **NOTHING),
    value("A.2.6", "2026", 0.0, numerator=0.0, denominator=1234567.0),
    value("A.2.7", "2026", 11.111, org_id="site-1", org_kind="site"),
    value("M025", "2026", 12.3456, state="partial", coverage=0.5, reason="incomplete_site_months"),
]


def points(key: str, year: str) -> float | None:
    """A.3.6 is missing, A.2.8 does not apply, A.1.22 is 0; all others 60 in 2025, 70 in 2026 but for A.1.1 (50)."""
    if key in ("A.3.6", "A.2.8"):
        return None
    if year == "2025":
        return 60.0
    return {"A.1.22": 0.0, "A.1.1": 50.0}.get(key, 70.0)


def results(year: str) -> list[tuple[Any, ...]]:
    """Rows of `score.result`: 49 indicators of equal weight, so that the total is their mean."""
    share = 1 / 49
    rows: list[tuple[Any, ...]] = []
    for key in OF_STANDARD:
        state = {"A.3.6": "missing", "A.2.8": "not_applicable"}.get(
            key, "calculated" if catalogue()[key].is_computed else "measured"
        )
        score = 0.0 if state == "missing" else points(key, year)
        lower, upper = (0.0, 100.0) if state == "missing" else (score, score)
        reason = {"missing": "no_expert_score", "not_applicable": "no_goods"}.get(state)
        weight = 0.0 if state == "not_applicable" else share
        rows.append(
            (
                "indicator",
                key,
                score,
                weight,
                lower,
                upper,
                state,
                None,
                0.0 if state == "missing" else 1.0,
                reason,
                score,
            )
        )
    for level, of in (
        ("group", lambda one: one.group.zh),
        ("pillar", lambda one: one.pillar),
        ("total", lambda one: "total"),
    ):
        for name in dict.fromkeys(of(catalogue()[key]) for key in OF_STANDARD):
            mine = [
                row
                for row in rows
                if row[0] == "indicator" and of(catalogue()[row[1]]) == name and row[6] != "not_applicable"
            ]
            weight = len(mine) * share
            score = sum(row[2] for row in mine) / len(mine)
            lacks = any(row[6] == "missing" for row in mine)
            upper = sum(row[5] for row in mine) / len(mine)
            rows.append(
                (
                    level,
                    name,
                    score,
                    weight,
                    score,
                    upper,
                    "partial" if lacks else "calculated",
                    "BBB" if level != "group" else None,
                    1 - lacks / len(mine),
                    None,
                    score + 2,
                )
            )
    return rows


class World:
    """The published file; change it through `connection` before `read`."""

    def __init__(self, tables: tuple[str, ...] = tuple(SCORE)) -> None:
        self.connection, self.tables = duckdb.connect(), tables
        for schema in ("mart", "reference", "indicator", "score", "meta", "quarantine", "clean"):
            self.connection.execute(f"create schema {schema}")
        texts = {
            "value": "double",
            "numerator": "double",
            "denominator": "double",
            "coverage": "double",
            "is_chosen": "boolean",
        }
        columns = ", ".join(f"{name} {texts.get(name, 'varchar')}" for name in VALUES[0])
        self.connection.execute(f"create table indicator.value ({columns})")
        for row in VALUES:
            self.connection.execute(
                f"insert into indicator.value values ({', '.join('?' * len(row))})", list(row.values())
            )
        for table in tables:
            self.connection.execute(
                f"create table score.{table} (period varchar, org_id varchar, profile_hash varchar, {SCORE[table]})"
            )
        for year in ("2025", "2026"):
            self.add("result", results(year), year)
        self._basis()
        if "panel_item" in tables:
            self._panel()
            self._rest()

    def add(self, table: str, rows: list[tuple[Any, ...]], year: str = "2026") -> None:
        """Put rows of a score table in."""
        for row in rows:
            self.connection.execute(
                f"insert into score.{table} values (?, ?, ?, {', '.join('?' * len(row))})",
                [year, "demo", PROFILE.hash, *row],
            )

    def read(
        self, period: str = "2026", enterprise: Declaration = ENTERPRISE, profile: Profile = PROFILE
    ) -> Evaluation:
        """The data object; scores of another profile are taken for those of this one."""
        if profile is not PROFILE:
            for table in self.tables:
                self.connection.execute(f"update score.{table} set profile_hash = $1", [profile.hash])
        return gather(self.connection, enterprise, profile, catalogue(), period)

    def _basis(self) -> None:
        self.connection.execute(
            f"""create table reference.site as select 'W' as site_id, '{SITE}' as name, 'LE' as legal_entity_id, 'warehouse' as site_kind, 'CN-SH' as region, 12000.0 as floor_area_m2,
                null::date as valid_from, null::date as valid_to;
                create table mart.site_month_revenue as select 'W' as site_id, '2026-01' as month, 1000000.0 as revenue_cny;
                create table mart.site_month_energy_use as select 'W' as site_id, '2026-01' as month, null::double as energy_tce;
                create table reference.evidence as select 'EV001' as evidence_id, repeat('ab', 32) as sha256, 'panel/制度.pdf' as file, '2026' as period, '安环部' as custodian, 'A.1.1|A.1.2' as indicator_ids;
                create table indicator.term as select 'A.2.7' as indicator_id, 'numerator' as side, 'site_month_delivery' as mart, 'on_time_orders' as column_name, null::varchar as where_column, null::varchar as where_value;
                create table meta.table_lineage as select 'mart.site_month_delivery' as table_name, 'clean.customer_order' as upstream_table;
                create table meta.extract as select 'customer_order' as contract, 'tms' as source, repeat('0', 64) as extract_id, 'orders.csv' as file, '2026-01' as month, '2026-02-01T00:00:00+00:00' as received_at,
                10 as "rows", 8 as accepted, 1 as refused, 1 as duplicates;
                create table quarantine.row as select 'customer_order' as contract, 'tms' as source, '2026-01' as month, ['delivered_before_accepted'] as reasons;
                create table meta.figure_change as select 'A.2.7' as indicator_id, '2026' as period, 'demo' as org_id, 'first_promise' as policy, 97.0 as old_value, 97.2 as new_value, 'tms: orders.csv' as cause_extracts;
                create table clean.expert_score (expert_id varchar, indicator_id varchar, round integer, level integer, evidence_ids varchar, confidence varchar, is_conflicted boolean, scored_at timestamptz, is_superseded boolean, period varchar)"""
        )

    def _panel(self) -> None:
        for key in OF_EXPERTS[:-1]:
            for expert, level in (("X2", 3), ("X10", 4), ("X1", 3)):
                self.connection.execute(
                    "insert into clean.expert_score values (?, ?, 1, ?, 'EV001', 'high', false, '2026-12-20T02:00:00Z', false, null)",
                    [expert, key, level],
                )
        self.connection.execute(
            "insert into clean.expert_score values ('X1', 'A.1.1', 2, 4, 'EV001', 'high', false, '2026-12-27T02:00:00Z', false, null)"
        )
        self.add(
            "panel_item",
            [
                (
                    key,
                    1,
                    3,
                    0,
                    0,
                    3,
                    4,
                    1,
                    False,
                    3.5,
                    3.0,
                    3 if key == "A.1.2" else None,
                    "no_evidence" if key == "A.1.2" else None,
                    None,
                    key == "A.1.3",
                    key == "A.1.3",
                    "EV001" if key == "A.1.1" else None,
                )
                for key in OF_EXPERTS[:-1]
            ],
        )
        self.add(
            "agreement",
            [
                (1, "krippendorff_alpha_ordinal", 0.4755, 0.31, 0.62, 43, 3, "insufficient", None),
                (1, "gate", 1 / 43, None, None, 43, 3, "contested", None),
            ],
        )
        self.add(
            "expert",
            [
                (1, expert, 43, deviation, deviation > 0.6, 69.0)
                for expert, deviation in (("X1", -0.33), ("X2", -0.33), ("X10", 0.67))
            ],
        )

    def _rest(self) -> None:
        self.add(
            "normalised",
            [
                (
                    "A.2.7",
                    "anchors",
                    97.2,
                    "%",
                    12.0,
                    48.0,
                    "measured",
                    80.0,
                    92.0,
                    96.0,
                    99.0,
                    "起步取值 / starting value",
                    88.0,
                    None,
                    None,
                    60.0,
                    98.5,
                )
            ],
        )
        self.add(
            "weight",
            [
                ("pillar", "E", None, "flat", 1.0, 1 / 3, 0.05, "saaty77"),
                ("indicator", "A.1.1", "E", "flat", 1.0, 1 / 49, None, None),
            ],
        )
        self.add(
            "event",
            [
                ("EE1", "C", "S", "A.2.3", "2026-05-06", 1.0, 2.0, None, "安监罚 2026-3 号", False, "一般罚款"),
                ("EE2", "B", "S", "A.2.9", None, 0.0, None, None, None, True, "群体投诉调查中"),
            ],
        )
        self.add(
            "monte_carlo",
            [(name, 10000, 20260101, 68.1, 1.8, 65.0, 67.0, 68.2, 69.4, 70.9) for name in ("total", "E", "S", "G")],
        )
        self.add("evidence", [("EV001", "changed", "inside", False, "A.1.1", None)])
        self.add("grade_probability", [("total", "BBB", 0.72), ("total", "A", 0.28)])
        self.add(
            "alternative",
            [
                ("base", "采用的方法", "method chosen", 66.5, "BBB", 0.0),
                ("geometric", "几何平均", "geometric mean", 65.0, "BBB", -1.5),
            ],
        )
        self.add("swing", [("A.3.6", "missing", 66.5, 68.6, 2.1), ("A.1.1", "experts", 66.0, 67.0, 1.0)])
        self.add("left_out", [("A.1.1", 66.1, "BBB", -0.4), ("A.3.6", 71.9, "A", 5.4), ("A.2.7", None, None, None)])
        self.add(
            "definition",
            [
                ("A.2.7", "first_promise", "首次承诺", "first promise", 97.2, "%", 88.0, 66.5, "BBB", True, 0.0, None),
                (
                    "A.2.7",
                    "latest_promise",
                    "最后承诺",
                    "latest promise",
                    95.125,
                    "%",
                    75.6,
                    66.2,
                    "BBB",
                    False,
                    -0.3,
                    None,
                ),
            ],
        )
