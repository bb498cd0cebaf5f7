"""Annexes A to H of the evaluation report: where every number comes from, and every parameter it was made with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from indicators.report.document import Block, Cell, Heading, Points, Table, Text
from indicators.report.evaluation import Row
from indicators.report.evaluation_cells import Cells
from indicators.report.words import number, signed

_EXPERTS_ABREAST = 9


@dataclass
class Annexes(Cells):
    """The annexes of an evaluation in a language."""

    def sections(self) -> list[tuple[str, str, str, list[Block]]]:
        """Letter, title in Chinese and in English, and what stands in each."""
        return [
            (self.t("附录 A", "Annex A"), "指标卡与追溯", "Indicator cards and traces", self.cards()),
            (self.t("附录 B", "Annex B"), "证据登记", "Register of evidence", self.evidence()),
            (self.t("附录 C", "Annex C"), "专家评分表（化名）", "Sheets of the experts (pseudonyms)", self.sheets()),
            (self.t("附录 D", "Annex D"), "权重与方法参数", "Weights and parameters of the method", self.weights()),
            (self.t("附录 E", "Annex E"), "锚点与基准", "Anchors and benchmarks", self.benchmarks()),
            (self.t("附录 F", "Annex F"), "蒙特卡洛设置与结果", "Monte Carlo: set-up and result", [*self.monte_carlo(), *self.left_out()]),
            (self.t("附录 G", "Annex G"), "定义", "Definitions", self.definitions()),
            (self.t("附录 H", "Annex H"), "变更与重述记录", "Changes and restatements", self.changes()),
        ]  # fmt: skip

    # ── A ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def cards(self) -> list[Block]:
        """Where every value comes from."""
        t, period = self.t, self.evaluation.period
        blocks: list[Block] = [
            self.note("每张卡给出分子、分母、取自哪张集市的哪一列、由哪些文件而来，以及追溯到原始行的命令。", "Each card gives numerator and denominator, the mart column each was taken from, the files below, and the command that walks down to the original lines.")
        ]  # fmt: skip
        for key in self.six:
            blocks += [Heading(self.labelled(key), key), self._card(key)]
        metrics = [
            [Cell(key, "code", anchor=key), Cell(self.title(key)), self.value(self.evaluation.values.get(key), key, linked=False), self.of_unit(key), self.side(self.evaluation.values.get(key), "numerator"), self.side(self.evaluation.values.get(key), "denominator"),
             Cell("; ".join(self._columns(key)), "code"), Cell(f"esg trace {key} {period}", "code")]
            for key in self.metrics
        ]  # fmt: skip
        head = self.head(("编号", "Id"), ("运营指标", "Metric"), ("数值", "Value"), ("单位", "Unit"), ("分子", "Numerator"), ("分母", "Denominator"), ("集市与列", "Mart and column"), ("追溯", "Trace"))  # fmt: skip
        blocks += [
            Heading(t("运营指标", "Metrics")),
            Table(head, metrics, widths=(0.6, 1.3, 0.95, 1.1, 1.4, 1.4, 2.2, 1.1)),
        ]
        return [*blocks, Heading(t("专家评分的指标", "Indicators scored by experts")), self._expert_items()]

    def _card(self, key: str) -> Table:
        one, t = self.evaluation, self.t
        row = one.values.get(key)
        unit = self.unit(one.indicators[key]["unit"])
        value = self.value(row, key, linked=False)
        rows = [
            (t("说明", "What it is"), self.name(one.indicators[key]["says"])), (t("公式", "Formula"), self.word("formula", key)),
            (t("数值", "Value"), f"{value.text} {unit}" if value.kind == "n" else value.text), (t("评价期", "Period"), self.period_of()),
            (t("分子", "Numerator"), self._from(key, "numerator", row)), (t("分母", "Denominator"), self._from(key, "denominator", row)),
            (t("口径", "Reading"), "–" if row is None else f"{self.policy(row)} ({row['policy']})"), (t("状态", "State"), self.state(row).text),
            (t("覆盖范围", "Covers"), self.boundary(None if row is None else row["boundary"])), (t("文件", "Files"), self.several(self._files(key)) or "–"),
            (t("责任部门", "Owner"), self.word("owner", one.indicators[key]["owner"])), (t("所依标准", "Standards"), self.several(one.indicators[key]["standards"]) or "–"),
        ]  # fmt: skip
        made = [[Cell(name), Cell(said)] for name, said in rows]
        return Table(
            ["", ""],
            [*made, [Cell(t("追溯命令", "Trace")), Cell(f"esg trace {key} {one.period} --all", "code")]],
            widths=(1, 5),
        )

    def _from(self, key: str, side: str, row: Row | None) -> str:
        columns = [f"{term['mart']}.{term['column_name']}" for term in self._terms(key, side)]
        return (
            f"{self.side(row, side).text}  ← mart.{', mart.'.join(columns)}" if columns else self.side(row, side).text
        )

    def _terms(self, key: str, side: str | None = None) -> list[Row]:
        return [term for term in self.evaluation.terms if term["indicator_id"] == key and side in (None, term["side"])]

    def _columns(self, key: str) -> list[str]:
        order = sorted(self._terms(key), key=lambda term: term["side"] != "numerator")
        return [f"{term['mart']}.{term['column_name']}" + (f" ({term['where_column']} = {term['where_value']})" if term["where_column"] else "") for term in order]  # fmt: skip

    def _files(self, key: str) -> Iterator[str]:
        wanted = {name for term in self._terms(key) for name in term["contracts"]}
        for row in self.evaluation.sources:
            if row["contract"] in wanted:
                yield f"{self.contract(row['contract'])} {row['source']} × {row['files']} ({row['fingerprint'][:12]})"

    def _expert_items(self) -> Table:
        one = self.evaluation
        rows = []
        for key in self.of_standard:
            if one.indicators[key]["is_computed"]:
                continue
            items = one.of("panel_item", indicator_id=key)
            item = max(items, key=lambda row: row["round"]) if items else None
            metrics = [metric for metric in self.metrics if key in one.indicators[metric]["serves"]]
            rows.append([
                Cell(key, "code", anchor=key), Cell(self.title(key)), self.points(one.scored("indicator", key)), Cell("–", "none") if item is None or item["level"] is None else Cell(number(item["level"]), "n"), self._votes(item), self._cap(item),
                self.papers(item["evidence_ids"] if item else [row["evidence_id"] for row in one.evidence if key in str(row["indicator_ids"] or "").split("|")]), Cell(", ".join(metrics) or "–", "code", link=metrics[0] if metrics else ""),
            ])  # fmt: skip
        head = self.head(("编号", "Id"), ("指标", "Indicator"), ("得分（分）", "Score (points)"), ("汇总等级（0–5 级）", "Level (0–5)"), ("有效票与极差", "Votes and range"), ("指标封顶", "Cap by metric"), ("证据", "Evidence"), ("系统指标", "Metrics"))  # fmt: skip
        return self.compact(Table(head, rows, widths=(0.7, 2, 0.9, 0.9, 1.4, 1.2, 1.3, 1)))

    def _votes(self, item: Row | None) -> Cell:
        if item is None or item["spread"] is None:
            return Cell("–", "none")
        return Cell(self.t(f"第 {item['round']} 轮 {item['votes']} 票，极差 {item['spread']} 级", f"round {item['round']}: {item['votes']} votes, range {item['spread']}"))  # fmt: skip

    def _cap(self, item: Row | None) -> Cell:
        if item is None or item["cap"] is None:
            return Cell("–", "none")
        said = [self.t(f"不高于 {item['cap']} 级", f"level {item['cap']} at most")]
        if item["cap_reason"]:
            said.append(self.several(map(self._unmet, item["cap_reason"].split("; "))))
        if item["lifted"]:
            said.append(self.t(f"{item['lifted']} 名专家书面说明理由后放行", f"lifted in writing by {item['lifted']}"))
        return Cell(self.t("；", "; ").join(said), "warn")

    def _unmet(self, reason: str) -> str:
        """Why a level is capped: a code, or `metric: what it shows (what it should)`."""
        found = re.fullmatch(r"(\w+): ([^ ,]+)(.*) \((.+)\)", reason)
        if found is None or found[1] not in self.evaluation.indicators:
            return self.reason(reason)
        shown = self.word("state", found[2]) if found[2] in ("missing", "partial") else found[2]
        rest = found[3] if found[3].startswith(",") else f" {self.unit(found[3].strip())}".rstrip()
        return f"{self.labelled(found[1])}: {shown}{rest} ({self.one_of_two(found[4])})"

    # ── B, C ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _found(self, piece: str) -> Cell:
        """What was found about a piece of evidence when the period was evaluated."""
        for row in self.evaluation.of("evidence", evidence_id=piece):
            said = [self.word("file_state", row["file_state"]), self.word("period_state", row["period_state"])]
            said += [] if row["is_admissible"] else [self.t("不可采信", "not admissible")]
            is_sound = row["file_state"] == "same" and row["period_state"] == "inside"
            return Cell(self.several(said), "text" if is_sound else "warn")
        return Cell(self.t("未核对", "not examined"), "none")

    def evidence(self) -> list[Block]:
        """Every piece of evidence with its sha256, and what was found about its file and period."""
        rows = [
            [Cell(row["evidence_id"], "code", anchor=f"evidence-{row['evidence_id']}"), Cell(str(row["file"]).rsplit("/", 1)[-1]), Cell(row["period"] or "–"), Cell(row["custodian"] or "–"), Cell(", ".join(str(row["indicator_ids"] or "").split("|")), "code"), Cell(row["sha256"] or self.t("缺失", "missing"), "code" if row["sha256"] else "lack"), self._found(row["evidence_id"])]
            for row in self.evaluation.evidence
        ]  # fmt: skip
        head = self.head(("编号", "Id"), ("文件", "File"), ("所属期间", "Period"), ("保管部门", "Custodian"), ("适用指标", "Indicators"), ("登记指纹", "sha256 registered"), ("核对", "Examined"))  # fmt: skip
        return [
            self.listed(
                Table(head, rows, widths=(0.7, 2.2, 0.8, 1.2, 1.7, 3, 1.3)),
                ("证据登记为空。", "The register is empty."),
            )
        ]

    def sheets(self) -> list[Block]:
        """What each expert gave."""
        sheets, t = self.evaluation.sheets, self.t
        if not sheets:
            return [Text(t("尚无专家评分。", "No expert has scored yet."))]
        experts = list(
            dict.fromkeys(row["expert_id"] for row in sorted(sheets, key=lambda row: int(row["expert_id"][1:])))
        )
        given: dict[tuple[str, str], list[Row]] = {}
        for row in sorted(sheets, key=lambda row: row["round"]):
            given.setdefault((row["indicator_id"], row["expert_id"]), []).append(row)
        keys = [key for key in self.of_standard if any((key, expert) in given for expert in experts)]
        blocks: list[Block] = [self.note("单元格为等级（0–5 级）；“3 → 4”为第一轮与第二轮；“回避”为声明利益冲突而不计。专家以化名列示，对应关系由评价机构保管。",
                                         "Cells hold levels (0–5); “3 → 4” are rounds one and two; “conflict” is left out. Experts stand under pseudonyms; who is who is kept by the assessor.")]  # fmt: skip
        for start in range(0, len(experts), _EXPERTS_ABREAST):
            some = experts[start : start + _EXPERTS_ABREAST]
            rows = [[self.ref(key), Cell(self.title(key)), *[self._levels(given.get((key, expert))) for expert in some]] for key in keys]  # fmt: skip
            head = [*self.head(("编号", "Id"), ("指标", "Indicator")), *[f"{expert}{t('（级）', ' (level)')}" for expert in some]]  # fmt: skip
            blocks.append(Table(head, rows, widths=(0.7, 2.6, *[0.8] * len(some))))
        return [*blocks, *self._experts()]

    def _levels(self, rows: list[Row] | None) -> Cell:
        if not rows:
            return Cell(self.t("未评", "none"), "none")
        if any(row["is_conflicted"] or row["is_out"] for row in rows):
            return Cell(self.t("回避", "conflict"), "none")
        return Cell(
            " → ".join(self.t("弃权", "absent") if row["level"] is None else str(row["level"]) for row in rows), "n"
        )

    def _experts(self) -> list[Block]:
        rows = [
            [Cell(row["expert_id"]), self.count(row["round"]), self.count(row["items"]), self.ratio(row["mean_deviation"], 2), Cell(self.t("偏严或偏松", "severe or lenient"), "warn") if row["is_severe"] else Cell("–", "none"), self.plain(row["total_without"])]
            for row in self.evaluation.score["expert"] or []
        ]  # fmt: skip
        head = self.head(("专家", "Expert"), ("轮次（轮）", "Round (no.)"), ("评分（项）", "Items (n)"), ("平均偏差（级）", "Mean deviation (levels)"), ("提示", "Note"), ("剔除后综合（分）", "Total without (points)"))  # fmt: skip
        return [Table(head, rows, widths=(1, 1, 1, 1.3, 1.5, 1.5))] if rows else []

    # ── D, E, F ──────────────────────────────────────────────────────────────────────────────────────────────────

    def weights(self) -> list[Block]:
        """Weights and all parameters."""
        t, one = self.t, self.evaluation
        parameters = [[Cell(name), Cell(said)] for name, said in _flat(self, one.profile)]
        blocks: list[Block] = [Heading(t("权重", "Weights"))]
        if not one.result or one.score["weight"] is None:
            blocks += self.absent("weight")
        else:
            rows = [
                [Cell(self._node(row)), Cell(self._parent(row)), Cell(self.word("setting_value", row["method"])), self.share(row["raw"], 2), self.share(row["effective"], 2), self.ratio(row["consistency_ratio"], 4), Cell(row["random_index"] or "–")]
                for row in sorted(one.score["weight"], key=lambda row: self._in_tree(row["id"]))
            ]  # fmt: skip
            head = self.head(("节点", "Node"), ("上级", "Parent"), ("方法", "Method"), ("原始权重", "Raw"), ("有效权重", "Effective"), ("一致性比率 CR（1）", "CR (1)"), ("随机指标", "Random index"))  # fmt: skip
            blocks.append(self.compact(Table(head, rows, widths=(3, 1.6, 1, 1, 1, 1.1, 1))) if rows else Text(t("没有权重记录。", "There are no weights.")))  # fmt: skip
        return [*blocks, Heading(t("方法的全部参数", "Every parameter of the method")),
                self.note("征求意见稿对下列各项均未规定，均为本次评价的选择；改动任何一项即为另一方法、另一指纹。", "The draft prescribes none of them; all are choices of this evaluation. Whoever changes one has another method and another hash."),
                Table(self.head(("参数", "Parameter"), ("取值", "Value")), parameters, widths=(1.5, 4))]  # fmt: skip

    def _in_tree(self, name: str) -> int:
        """Where a pillar, a group or an indicator stands in the tree."""
        walked = [part for key, one in self.evaluation.indicators.items() if one["group"] for part in (one["pillar"], one["group"]["zh"], key)]  # fmt: skip
        return walked.index(name) if name in walked else len(walked)

    def _node(self, row: Row) -> str:
        return self.labelled(row["id"]) if row["id"] in self.evaluation.indicators else self._group(row["id"])

    def _parent(self, row: Row) -> str:
        return self.t("综合", "Total") if row["parent"] in (None, "total") else self._group(row["parent"])

    def _group(self, name: str) -> str:
        if name in ("E", "S", "G"):
            return self.pillar(name)
        groups = [one["group"] for one in self.evaluation.indicators.values() if one["group"]]
        return next((self.name(group) for group in groups if group["zh"] == name), name)

    def benchmarks(self) -> list[Block]:
        """Where each indicator scores 0, 60, 80 and 100."""
        one, t = self.evaluation, self.t
        rows = []
        for key in self.six:
            points, anchors = self.anchors(key), self.anchored(key)
            cells = [Cell(t("未声明", "not declared"), "lack")] * 4 if points is None else [Cell(number(point, one.indicators[key]["unit"]), "n") for point in points]  # fmt: skip
            source = self.one_of_two(str(anchors.get("anchor_source") or "–"))
            rows.append([self.ref(key), Cell(self.title(key)), *cells, self.of_unit(key), self.value(one.values.get(key), key), Cell(self._for(anchors)), Cell(source)])  # fmt: skip
        head = self.head(("编号", "Id"), ("指标", "Indicator"), ("0 分", "0 points"), ("60 分", "60 points"), ("80 分", "80 points"), ("100 分", "100 points"), ("单位", "Unit"), ("本期值", "Value"), ("适用", "For"), ("依据", "Basis"))  # fmt: skip
        return [Table(head, rows, widths=(0.7, 1.4, 0.8, 0.8, 0.8, 0.8, 1.1, 0.9, 1.3, 2)),
                self.note("60 分为行业基准，80 分为良好实践，100 分为领先。标为起步取值的锚点须由专家组按企业类型确认后方可用于对外报告。", "60 is the sector's baseline, 80 good practice, 100 leading. Anchors marked as starting values are to be confirmed by the panel for the type of enterprise before a report leaves the house.")]  # fmt: skip

    def _for(self, anchors: Row) -> str:
        """Whom anchors are for, and since when."""
        if not anchors:
            return "–"
        kind, first, last = (anchors.get(name) for name in ("anchor_type", "anchor_from", "anchor_to"))
        whom = self.word("enterprise_type", str(kind)) if kind else self.t("各类企业", "every type")
        return f"{whom}, {first or '…'} – {last or '…'}" if first or last else whom

    def monte_carlo(self) -> list[Block]:
        """What was varied."""
        one, t = self.evaluation, self.t
        runs = one.score["monte_carlo"]
        if not one.result or not runs:
            return self.absent("monte_carlo")
        setup = (one.profile.get("monte_carlo") or {}) | {name: runs[0][name] for name in ("runs", "seed")}
        said = [[Cell(name), Cell(value)] for name, value in _flat(self, setup)]
        return [Table(["", ""], said, widths=(1.5, 4)), Text(t("结果见 5.4（均值、标准差、分位数与等级概率）。同一数据、方法与种子给出逐字节相同的结果表。", "The result stands in 5.4 (mean, deviation, quantiles, probabilities of grades). The same data, method and seed give the same tables to the byte."))]  # fmt: skip

    def left_out(self) -> list[Block]:
        """The total without each indicator."""
        t, rows = self.t, self.evaluation.score["left_out"]
        title = Heading(t("逐项剔除", "One indicator left out"))
        if not self.evaluation.result or rows is None:
            return [title, *self.absent("left_out")]
        ordered = sorted(rows, key=lambda row: (-abs(row["difference"] or 0.0), self.of_standard.index(row["indicator_id"])))  # fmt: skip
        listed = [
            [self.ref(row["indicator_id"]), Cell(self.title(row["indicator_id"])), self.plain(row["total"]), Cell(row["grade"] or t("不评级", "none")),
             Cell("–", "none") if row["difference"] is None else Cell(signed(row["difference"]), "n")]
            for row in ordered
        ]  # fmt: skip
        head = self.head(("编号", "Id"), ("剔除的指标", "Indicator left out"), ("综合（分）", "Total (points)"), ("等级", "Grade"), ("综合之差（分）", "Change of total (points)"))  # fmt: skip
        return [title, self.note("被剔除指标的权重按比例归于同维度其余指标。", "The weight of what is left out goes to the rest of its pillar in proportion."),
                self.listed(Table(head, listed, widths=(0.8, 3, 1, 1, 1.2)), ("没有可剔除的指标。", "There is nothing to leave out."))]  # fmt: skip

    # ── G, H ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def definitions(self) -> list[Block]:
        """What is counted, and under which reading."""
        one, t = self.evaluation, self.t
        rows = []
        for key in self.six:
            for row in self.readings(key):
                chosen = Cell(t("采用", "chosen")) if row["is_chosen"] else Cell(t("并列", "beside"), "none")
                rows.append([self.ref(key), Cell(f"{self.policy(row)}"), Cell(row["policy"], "code"), chosen, self.value(row, key), self.of_unit(key), self.side(row, "numerator"), self.side(row, "denominator")])  # fmt: skip
        head = self.head(("编号", "Id"), ("口径", "Reading"), ("代码", "Code"), ("采用", "Chosen"), ("数值", "Value"), ("单位", "Unit"), ("分子", "Numerator"), ("分母", "Denominator"))  # fmt: skip
        policies = [f"{name} = {value}" for name, value in one.enterprise["policies"].items()]
        factors = [f"{name} = {value}" for name, value in one.run.items() if value]
        rules = [
            t("月份按场所当地时间的自然月；期间比率为分子之和除以分母之和。", "A month is a calendar month by the site's local time; a ratio over a period is sum over sum."),
            t("订单 A.2.6 按受理月、A.2.7 按承诺月、A.2.8 按交付月；投诉按收到时间，一案一计，一单可多案，故可高于 100 %。", "Orders count for A.2.6 by acceptance, for A.2.7 by promise, for A.2.8 by delivery; complaints by receipt, one case once, several to an order: above 100 % is possible."),
            t("营业收入不含增值税，集团内抵销，权责发生制，单位万元。", "Revenue is net of VAT, after elimination within the group, on accrual, in 10 000 yuan."),
            t("电力折标按当量值；外售能源扣减一次；外包承运不计入 A1、A2（另列其他间接排放）。", "Electricity counts at its equivalent heat; energy sold on is deducted once; carriers hired are in neither A1 nor A2 (other indirect stands beside)."),
            t("“缺失”：适用而无数据；“不适用”：没有该项活动或由专家组确认；“0”：有记录且为零。", "Missing: applies but there are no data; not applicable: no such activity, or so confirmed by the panel; 0: recorded, and none."),
            *([t("企业所选口径：", "Policies chosen: ") + "; ".join(policies)] if policies else []), *([t("排放因子：", "Factors: ") + "; ".join(factors)] if factors else []),
        ]  # fmt: skip
        return [Points(rules), self.listed(Table(head, rows, widths=(0.7, 2.2, 1.4, 0.7, 0.9, 1.1, 1.3, 1.4)), ("没有数值。", "There are no values."))]  # fmt: skip

    def changes(self) -> list[Block]:
        """What has changed since, and why."""
        one, t = self.evaluation, self.t
        rows = [
            [self.ref(row["indicator_id"]) if row["indicator_id"] in one.indicators else Cell(row["indicator_id"], "code"), Cell(row["period"]), Cell(self.policy(row)), self._of_change(row, "old_value"), self._of_change(row, "new_value"), Cell(self._change_unit(row), "unit"), Cell(row["cause_extracts"] or "–")]
            for row in one.changes
        ]  # fmt: skip
        head = self.head(("编号", "Id"), ("期间", "Period"), ("口径", "Reading"), ("原值", "Old"), ("新值", "New"), ("单位", "Unit"), ("引起变化的文件", "Caused by"))  # fmt: skip
        return [
            Heading(t("自上次发布以来变化的数值", "Figures changed since the publish before")), self.listed(Table(head, rows, widths=(0.7, 0.9, 1.6, 1, 1, 1.1, 3)), ("没有变化的数值。", "None has changed.")),
            Heading(t("关账与重开", "Closing and reopening")), *self._record("meta.closing", ("没有关账记录。", "Nothing has been closed.")),
            Heading(t("重述", "Restatements")), *self._record("meta.restatement", ("没有重述。", "Nothing has been restated.")),
            Heading(t("本报告版本", "This version")), Points([t(f"报告内容指纹 {one.hash}", f"Hash of the content {one.hash}"), t(f"方法指纹 {one.profile_hash}", f"Hash of the method {one.profile_hash}")]),
        ]  # fmt: skip

    def _of_change(self, row: Row, which: str) -> Cell:
        return (
            Cell(self.word("state", "missing"), "lack")
            if row[which] is None
            else Cell(number(row[which], self._raw_unit(row)), "n")
        )

    def _raw_unit(self, row: Row) -> str | None:
        return self.evaluation.indicators.get(row["indicator_id"], {}).get("unit")

    def _change_unit(self, row: Row) -> str:
        return self.unit(self._raw_unit(row))

    def _record(self, table: str, none: tuple[str, str]) -> list[Block]:
        record = self.evaluation.records[table]
        if record is None or not record["rows"]:
            return [Text(self.t(*none))]
        return [Table([self.name(column) for column in record["columns"]], [[Cell(text) for text in row] for row in record["rows"]])]  # fmt: skip


def _flat(cells: Cells, said: Row, path: str = "") -> Iterator[tuple[str, str]]:
    """Every parameter with the way to it; those that are no further divided stand together."""
    for name, value in sorted(said.items(), key=lambda one: _counted(one[0])):
        label = cells.labelled(name) if name in cells.evaluation.indicators else cells.word("setting", str(name))
        way = f"{path} · {label}" if path else label
        if isinstance(value, dict) and any(_is_divided(one) for one in value.values()):
            yield from _flat(cells, value, way)
        else:
            yield way, _leaf(cells, value)


def _counted(name: str) -> list[str | int]:
    """The sort key that puts x60 before x100."""
    return [int(part) if place % 2 else part for place, part in enumerate(re.split(r"(\d+)", str(name)))]


def _is_divided(value: object) -> bool:
    if isinstance(value, list):
        return any(_is_divided(one) for one in value)
    return isinstance(value, dict) and not set(value) <= {"zh", "en"}


def _leaf(cells: Cells, value: object) -> str:
    if isinstance(value, dict):
        if set(value) <= {"zh", "en"}:
            return cells.name(value) if value else "–"
        given = sorted((item for item in value.items() if item[1] not in (None, {}, [])), key=lambda item: _counted(item[0]))  # fmt: skip
        parts = [f"{cells.word('setting', str(name))} {_leaf(cells, one)}" for name, one in given]
        return cells.t("；", "; ").join(parts) or "–"
    if isinstance(value, list | tuple):
        parts = [_leaf(cells, one) for one in value]
        return (" | ".join(parts) if _is_divided(value) else cells.several(parts)) or "–"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return "–" if value is None else cells.word("setting_value", text)
