"""The evaluation report of clause 6.3, section by section: puts `Evaluation` into words, tables and charts.

It reckons nothing but what printing needs: differences to the period before, and the gain of a next step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from indicators.report import chart
from indicators.report.document import (
    Block,
    Cell,
    Chart,
    Document,
    Heading,
    Points,
    Section,
    Signatures,
    Table,
    Text,
    Tiles,
)
from indicators.report.evaluation import Evaluation, Row
from indicators.report.evaluation_annexes import Annexes
from indicators.report.evaluation_cells import FULL, Cells, Step
from indicators.report.words import Language, number, percent, score_text, signed

_STRENGTHS = 3
_LISTED = 10
_MOVES = 8


def document(evaluation: Evaluation, language: Language = "zh") -> Document:
    """The report as a document, in the reader's language."""
    return _Layout(evaluation, language).document()


@dataclass
class _Layout(Cells):
    # ── the whole ────────────────────────────────────────────────────────────────────────────────────────────────

    def document(self) -> Document:
        one, t = self.evaluation, self.t
        sections = [
            ("", "摘要", "Executive summary", self.summary()), ("", "评价机构声明", "Assessor's statement", self.statement()),
            ("1", "评价目的", "Purpose", self.purpose()), ("2", "评价范围", "Scope", self.scope()), ("3", "数据来源", "Data sources", self.sources()),
            ("4", "评价内容", "Content and method", self.content()), ("5", "评价结论", "Conclusions", self.conclusions()),
            ("6", "重点关注", "Key matters", self.matters()), ("7", "建议意见", "Recommendations", self.recommendations()),
            *Annexes(one, self.language).sections(), ("", "签字", "Signatures", self.signatures()),
        ]  # fmt: skip
        other: Language = "en" if self.language == "zh" else "zh"
        title = {"zh": "环境、社会和公司治理（ESG）评价报告", "en": "Environmental, social and governance (ESG) evaluation report"}  # fmt: skip
        facts = [
            (t("评价期", "Period"), self.period_of()),
            (t("评价方法", "Method"), f"{one.profile.get('id')} · {t('版本', 'version')} {one.profile.get('version')}"),
            (t("方法指纹", "Profile hash"), one.profile_hash[:16]), (t("指标体系版本", "Indicator tree"), str(one.profile.get("tree"))),
            (t("评价机构", "Assessor"), self.given(one.enterprise["evaluation"]["assessor"])), (t("专家组", "Panel"), self._panel()),
            (t("报告指纹", "Report hash"), one.hash[:16]),
        ]  # fmt: skip
        foot = t(f"由已发布数据文件生成。报告内容指纹 sha256 {one.hash}（同时载于 report.json）；方法指纹 {one.profile_hash}。",
                 f"Made from the published file. Hash of the content: sha256 {one.hash} (as in report.json); hash of the method: {one.profile_hash}.")  # fmt: skip
        return Document(
            self.language, self.name(one.enterprise["name"]), title[self.language], title[other], facts, self.notice(),
            [Section(mark, t(zh, en), t(en, zh), blocks) for mark, zh, en, blocks in sections], foot, has_contents=True,
        )  # fmt: skip

    def _panel(self) -> str:
        """How many experts are on the panel, and how many were excluded from all of it."""
        experts = {row["expert_id"] for row in self.evaluation.sheets or []}
        if not experts:
            return self.t("未评分", "has not scored")
        out = len({row["expert_id"] for row in self.evaluation.sheets or [] if row["is_out"]})
        said = self.t(f"{len(experts) - out} 名专家", f"{len(experts) - out} experts")
        return said + (self.t(f"（另有 {out} 名全部回避）", f" ({out} more excluded from all)") if out else "")

    def notice(self) -> list[str]:
        t = self.t
        said = [
            t("所依据的《物流企业环境、社会和公司治理（ESG）评价指南》为征求意见稿，不是现行有效标准；正式文本发布后须按其复核。",
              "The evaluation guide it follows is a draft for comment, not a standard in force; when the final text appears, the result is to be checked against it."),
            t("征求意见稿未规定锚点、权重、专家组规模、缺失规则与等级；所用各项均为本报告声明的选择，等级与其他评级机构不可比。",
              "The draft sets no anchors, weights, panel size, missing-data rule or grades; all of them are choices declared here, and the grades cannot be compared with other raters'."),
            t("由数据与专家评分自动汇总，经评价机构复核签字后方为评价结论。", "Compiled from data and expert levels; a finding only after review and signature by the assessor."),
        ]  # fmt: skip
        if not self.evaluation.is_declared_profile:
            said.append(t("得分所用方法与企业目录现声明的方法不同，请核对。", "The scores were made with another method than the enterprise declares now."))  # fmt: skip
        return said

    # ── summary, statement, purpose ──────────────────────────────────────────────────────────────────────────────

    def summary(self) -> list[Block]:
        t, total = self.t, self.total
        if total is None:
            return [Text(t("本期间尚未评分，仅列示数值与数据状况。", "The period has not been scored; values and the state of the data only.")), self._six_table()]  # fmt: skip
        tiles = [(t("等级", "Grade"), total["grade"] or self.withheld(total), self._sureness(total)),
                 (t("综合得分（分）", "Total score (points)"), score_text(total["score"]), self._interval())]  # fmt: skip
        tiles += [(f"{self.pillar(row['id'])}{t('（分）', ' (points)')}", self.points(row).text, f"{t('等级', 'grade')} {self.grade(row, row['id'])}{self._limited(row)}") for row in self.pillars]  # fmt: skip
        best, worst = self.leaders()[:_STRENGTHS], self.gaps()[:_STRENGTHS]
        strengths = [self._one_of(row, t("贡献", "contributes"), row["weight"] * row["score"]) for row in best]
        gaps = [self._one_of(row, t("可提升", "could add"), row["weight"] * (FULL - row["score"])) for row in worst]
        return [
            Tiles(tiles), *self._open_gate(), self._pillar_chart(), self._pillar_table(),
            Heading(t("对总分贡献最大的三项", "Three that contribute most")), Points(strengths) if strengths else self._no_leader(),
            Heading(t("提升空间最大的三项", "Three with the most to gain")), Points(gaps),
        ]  # fmt: skip

    def _limited(self, row: Row) -> str:
        """The mark of a pillar of which much does not apply, and of the total it is part of."""
        marked = [one["id"] for one in self.pillars if one["reason"] == "limited_scope"]
        if row["level"] == "pillar":
            return self.t("，范围受限", ", limited scope") if row["id"] in marked else ""
        return (
            self.t(f"，范围受限（{self.several(marked)}）", f", limited scope ({self.several(marked)})")
            if marked
            else ""
        )

    def _sureness(self, total: Row) -> str:
        """What stands under the grade: why it is withheld, the next probable one, how probable it is, or what it follows from."""
        return self._reasoned(total) + self._limited(total)

    def _reasoned(self, total: Row) -> str:
        if total["reason"]:
            return self.reason(total["reason"])
        shown = self.grade(total)
        for chance in self.evaluation.of("grade_probability", id="total", grade=total["grade"]):
            return (f"{shown}, " if shown != total["grade"] else "") + f"P = {percent(chance['probability'], 1)}"
        return self.t("按声明的等级下限", "by the edges declared")

    def _interval(self) -> str:
        for row in self.evaluation.of("monte_carlo", id="total"):
            return f"5–95 %: {score_text(row['p05'])} – {score_text(row['p95'])}"
        total = self.total or {}
        return self.t("缺失数据的可能区间 ", "left open by missing data ") + f"{score_text(total['lower'])} – {score_text(total['upper'])}"  # fmt: skip

    def _one_of(self, row: Row, what: str, points: float) -> str:
        unit = self.t("分", "points")
        score = self.missing_points() if row["state"] == "missing" else f"{score_text(row['score'])} {unit}"
        return f"{self.labelled(row['id'])}{self.t('：', ': ')}{score}{self.t('，', ', ')}{what} {score_text(points)} {unit}"

    def _pillar_chart(self) -> Chart:
        rows = [
            chart.Score(self.pillar(row["id"]) if row["level"] == "pillar" else self.t("综合", "Total"), row["score"], f"{self.points(row).text} {self.grade(row, row['id'])}",
                        row["id"], 1, row["lower"], row["upper"], self._last("score", row))
            for row in (*self.pillars, self.total) if row is not None
        ]  # fmt: skip
        caption = self.t("维度与综合得分（0–100 分）；竖虚线为等级下限，横线为缺失数据的上下界，菱形为上年同期",
                         "Scores of pillars and in total (0–100 points); dashed: edges of grades, line: bounds left by missing data, diamond: a year before")  # fmt: skip
        return Chart(caption, chart.scores(rows, self.edges, caption, 150), wide=True)

    def _last(self, what: str, row: Row) -> float | None:
        before = self.evaluation.scored(row["level"], row["id"], last=True)
        return None if before is None else before[what]

    def _pillar_table(self) -> Table:
        t = self.t
        head = self.head(("维度", "Pillar"), ("得分（分）", "Score (points)"), ("扣减前（分）", "Before events (points)"), ("等级", "Grade"), ("下界（分）", "Lower (points)"), ("上界（分）", "Upper (points)"),
                         ("覆盖率", "Coverage"), ("权重", "Weight"), ("上年（分）", "Year before (points)"), ("变化（分）", "Change (points)"))  # fmt: skip
        rows = []
        for row in (*self.pillars, self.total):
            if row is None:
                continue
            last = self._last("score", row)
            nothing = Cell(t("无", "none"), "none")
            change = nothing if last is None or row["score"] is None else Cell(signed(row["score"] - last), "n")
            name = self.pillar(row["id"]) if row["level"] == "pillar" else t("综合", "Total")
            rows.append([Cell(name), self.points(row), self.plain(row.get("before_events")), Cell(self.grade(row, row["id"]) + self._limited(row)), self.plain(row["lower"]), self.plain(row["upper"]),
                         self.share(row["coverage"]), self.share(row["weight"], 2), nothing if last is None else self.plain(last), change])  # fmt: skip
        return self.compact(Table(head, rows, strong=[len(rows) - 1], widths=(1.4, 1, 1.2, 1.2, 1, 1, 0.9, 1, 1.1, 1)))

    def statement(self) -> list[Block]:
        t = self.t
        facts = self.evaluation.enterprise["evaluation"]
        sheets = self.evaluation.sheets or []
        conflicts = sum(bool(row["is_conflicted"] or row["is_out"]) for row in sheets)
        if facts["assessor"] and not all(row["is_declared"] for row in sheets):
            who = t(f"本评价由{self.name(facts['assessor'])}组织实施。部分或全部专家评分未附利益声明；在专家书面声明与被评价企业无持股、任职、咨询、亲属及供应关系之前，不得称为独立评价。",
                    f"This evaluation was carried out by {self.name(facts['assessor'])}. Some or all levels came without a declaration of ties: until the experts have declared in writing that they have no ownership, employment, consulting, family or supply tie to the enterprise, it must not be called independent.")  # fmt: skip
        elif facts["assessor"]:
            who = t(f"本评价由{self.name(facts['assessor'])}组织实施。评价机构与专家声明：最近三年内在被评价企业无持股、任职或咨询关系，无亲属关系，亦非其供应商或客户；存在上述关系者已按规则回避。",
                    f"This evaluation was carried out by {self.name(facts['assessor'])}. The assessor and the experts declare no ownership, employment or consulting in the last three years, no family tie and no supply relation to the enterprise; whoever has one has been excluded by rule.")  # fmt: skip
        else:
            who = t("未指定评价机构：在指定并签字之前，本稿为企业自评，不得称为独立评价。", "No assessor is named: until one is, and has signed, this is the enterprise's own assessment and must not be called independent.")  # fmt: skip
        return [
            Text(who),
            Points([
                t(f"声明利益冲突并被排除的评分：{conflicts} 条。", f"Levels left out because their expert declared a conflict: {conflicts} in number."),
                t("评价机构对评价过程与方法的执行负责；企业对所提供数据与材料的真实、完整、准确负责。", "The assessor answers for process and method; the enterprise for the truth, completeness and accuracy of data and papers."),
                t("使用限制：仅用于第 1 章所列用途；不构成投资建议、信用评级或合规证明；引用须同时注明评价期、方法指纹与征求意见稿性质。",
                  "Limits of use: for the use named in section 1 only; no investment advice, credit rating or proof of compliance; whoever quotes it names period, profile hash and that the standard is a draft."),
            ]),
        ]  # fmt: skip

    def purpose(self) -> list[Block]:
        t, facts = self.t, self.evaluation.enterprise["evaluation"]
        rows = [(t("委托方", "Commissioned by"), facts["commissioner"]), (t("评价目的", "Purpose"), facts["purpose"]), (t("用途", "Use"), facts["use"]), (t("预期读者", "Intended readers"), facts["readers"])]  # fmt: skip
        blocks: list[Block] = [self.facts((name, self.given(said)) for name, said in rows)]
        if not all(said for _, said in rows):
            blocks.append(self.note("“未填写”的各项由企业在 enterprise.yaml 的 evaluation 段填写后重新生成。", "What is not given is filled in under `evaluation` in enterprise.yaml, and the report written again."))  # fmt: skip
        return blocks

    # ── 2 scope ──────────────────────────────────────────────────────────────────────────────────────────────────

    def scope(self) -> list[Block]:
        one, t = self.evaluation, self.t
        entities = {entity["id"]: self.name(entity["name"] or entity["id"]) for entity in one.enterprise["legal_entities"]}  # fmt: skip
        profile = [(t("企业", "Enterprise"), f"{self.name(one.enterprise['name'])} ({one.enterprise['id']})"), (t("企业类型", "Type"), self.word("enterprise_type", one.enterprise["enterprise_type"])),
                   (t("法人主体", "Legal entities"), self.several(f"{name} ({key})" for key, name in entities.items()) or "–"), (t("组织边界", "Organisational boundary"), self.word("approach", one.enterprise["approach"]))]  # fmt: skip
        period = t(f"{self.period_of()}，共 {len(one.months)} 个月，按场所当地时间（{one.enterprise['timezone']}）划分。", f"{self.period_of()}, {len(one.months)} months, cut by the local time of sites ({one.enterprise['timezone']}).")  # fmt: skip
        services = one.enterprise["evaluation"]["services"]
        return [
            Heading(t("2.1 企业概况", "2.1 Profile")), self.facts(profile),
            Heading(t("2.2 组织与运营边界", "2.2 Boundary")), *self._sites(entities), *self._boundaries(),
            Heading(t("2.3 产品和服务", "2.3 Products and services")), Text(self.given(services)),
            Heading(t("2.4 评价期", "2.4 Period")), Text(period),
            Heading(t("2.5 除外", "2.5 Exclusions")), self._exclusions(),
        ]  # fmt: skip

    def _sites(self, entities: dict[str, str]) -> list[Block]:
        t, sites = self.t, self.evaluation.sites
        if not sites:
            return [Text(t("没有场所登记。", "No sites are registered."))]
        names = ("revenue_cny", "energy_tce", "emission_tco2e")
        totals = {name: self._together(sites, name) for name in names}
        head = self.head(("场所", "Site"), ("法人", "Legal entity"), ("类型", "Kind"), ("地区", "Region"), ("营业收入（元）", "Revenue (CNY)"), ("能耗（tce）", "Energy (tce)"), ("排放（tCO2e）", "Emissions (tCO2e)"), ("数据月数", "Months with data"))  # fmt: skip
        rows = [
            [Cell(f"{row['name'] or row['site_id']} ({row['site_id']})"), Cell(entities.get(row["legal_entity_id"], row["legal_entity_id"] or "–")), Cell(self.word("site_kind", row["site_kind"])),
             Cell(row["region"] or "–"), *[self._part(row, name, totals[name]) for name in names], Cell(" / ".join(f"{row[f'{name}_months']}" for name in names), "n")]
            for row in sites
        ]  # fmt: skip
        last: list[Cell] = [Cell(t("场所合计", "sites together")), Cell(""), Cell(""), Cell("")]
        last += [self._part({name: totals[name], f"{name}_months": max(row[f"{name}_months"] for row in sites)}, name, None) for name in names]  # fmt: skip
        note = self.note("括号内为占场所合计的比例；数据月数依次为收入、能耗、排放。未归属到场所的收入只计入法人与企业，故不在本表；“无记录”不是 0。",
                         "In brackets: share of the sites together; months with data of revenue, energy and emissions. Revenue attributed to no site counts for entity and enterprise and is not here; 'no record' is not 0.")  # fmt: skip
        return [Table(head, [*rows, [*last, Cell("–", "none")]], strong=[len(rows)], widths=(1.8, 1.7, 0.8, 0.75, 1.8, 1.35, 1.35, 1.1)), note]  # fmt: skip

    def _together(self, sites: list[Row], name: str) -> float | None:
        """The sum over sites; None where that of one with records is not known, or none has any."""
        recorded = [row[name] for row in sites if row[f"{name}_months"]]
        return None if not recorded or None in recorded else sum(recorded)

    def _part(self, row: Row, name: str, total: float | None) -> Cell:
        if not row[f"{name}_months"]:
            return Cell(self.t("无记录", "no record"), "none")
        if row[name] is None:
            return Cell(self.word("state", "missing"), "lack")
        return Cell(number(row[name]) + (f" ({percent(row[name] / total, 1)})" if total else ""), "n")

    def _boundaries(self) -> list[Block]:
        t, one = self.t, self.evaluation
        rows = [[self.ref(key), Cell(self.title(key)), Cell(self.boundary(one.values[key]["boundary"]))] for key in self.six if key in one.values]  # fmt: skip
        blocks: list[Block] = [Table(self.head(("编号", "Id"), ("指标", "Indicator"), ("数值覆盖的范围", "What the figure covers")), rows, widths=(0.7, 1.6, 4))]  # fmt: skip
        if one.boundary is None:
            return [*blocks, Text(t("排放、能耗与收入的边界一致性未核对。", "Whether emissions, energy and revenue cover the same has not been checked."))]  # fmt: skip
        odd = [row for row in one.boundary if row["verdict"] != "ok"]
        fits = len({row["site_id"] for row in one.boundary} - {row["site_id"] for row in odd})
        said = t(f"边界恒等式（A1、A2、C1 覆盖同一范围）：{fits} 个场所逐月相符。", f"Identity of boundaries (A1, A2 and C1 cover the same): {fits} sites fit in every month.")  # fmt: skip
        blocks.append(Text(said))
        if odd:
            listed = [[Cell(row["site_id"] or "–", "code"), Cell(self.word("verdict", row["verdict"]), "warn"), Cell(self.reason(row["reason"]) if row["reason"] else "–"), self.count(row["months"])] for row in odd]  # fmt: skip
            blocks.append(Table(self.head(("场所", "Site"), ("核对结果", "Verdict"), ("原因", "Reason"), ("月数（个）", "Months (n)")), listed, widths=(1, 1, 3, 0.8)))  # fmt: skip
        return blocks

    def _exclusions(self) -> Block:
        t = self.t
        share = {"revenue": t("收入", "revenue"), "energy": t("能耗", "energy"), "headcount": t("人数", "headcount")}
        left_out = self.evaluation.enterprise["evaluation"]["exclusions"]
        rows = [
            [Cell(self.name(one["what"])), Cell(self.name(one["reason"])), Cell(self.several(f"{share[name]} {number(points)} %" for name, points in one["share_pct"].items()) or t("占比未填写", "shares not given"), "text" if one["share_pct"] else "warn")]
            for one in left_out
        ]  # fmt: skip
        return self.listed(Table(self.head(("除外对象", "Left out"), ("原因", "Reason"), ("占企业的比例", "Share of the enterprise")), rows, widths=(2, 3, 2)),
                           ("企业未声明除外；第 2.2 节所列场所全部纳入。", "The enterprise declares none; all sites of 2.2 are in."))  # fmt: skip

    # ── 3 data sources ───────────────────────────────────────────────────────────────────────────────────────────

    def sources(self) -> list[Block]:
        t, one = self.t, self.evaluation
        facts = one.enterprise["evaluation"]
        documents = [self.name(paper) for paper in facts["documents"]]
        visits = [[Cell(visit["date"]), Cell(self.name(visit["where"])), Cell(self.name(visit["what"]))] for visit in facts["visits"]]  # fmt: skip
        register = t(f"证据登记 {len(one.evidence)} 份，逐份列于附录 B。", f"{len(one.evidence)} papers are in the register of evidence, each listed in annex B.")  # fmt: skip
        return [
            Heading(t("3.1 资料清单", "3.1 Documents")), Points([*documents, register]) if documents else Text(t("社会责任报告、年度报告、可持续发展报告：未填写。", "Reports on social responsibility, annual and sustainability reports: not given. ") + register),
            Heading(t("3.2 系统数据与合同版本", "3.2 System data and their contracts")), *self._deliveries(),
            Heading(t("3.3 现场考察与访谈", "3.3 Site visits and interviews")),
            self.listed(Table(self.head(("日期", "Date"), ("地点", "Where"), ("内容", "What")), visits, widths=(1, 2, 4)), ("未填写；须由评价机构补充。", "Not given; for the assessor to add.")),
            Heading(t("3.4 数据质量", "3.4 Data quality")), *self._quality(),
        ]  # fmt: skip

    def _deliveries(self) -> list[Block]:
        rows = [
            [Cell(self.contract(row["contract"])), Cell(row["source"], "code"), self.count(row["files"]), self.count(row["rows"]), self.count(row["accepted"]), self.count(row["refused"]), self.count(row["duplicates"]),
             Cell(row["last_received"][:10]), Cell(row["fingerprint"][:12], "code")]
            for row in self.evaluation.sources
        ]  # fmt: skip
        head = self.head(("数据合同", "Contract"), ("来源系统", "Source"), ("文件（个）", "Files (n)"), ("读取（行）", "Rows (n)"), ("接受（行）", "Accepted (n)"), ("拒绝（行）", "Refused (n)"), ("重复（行）", "Duplicates (n)"), ("最近接收", "Last received"), ("指纹", "Fingerprint"))  # fmt: skip
        links = [
            [self.ref(key), Cell(self.title(key)), Cell(self.several(self.word("system", system) for system in self.evaluation.indicators[key]["sources"])), Cell(self.several(self.contract(name) for name in self._contracts(key)) or "–"), Cell(self.word("owner", self.evaluation.indicators[key]["owner"]))]
            for key in self.six
        ]  # fmt: skip
        return [
            Table(head, rows, widths=(1.5, 1.7, 0.8, 1, 1, 0.8, 0.8, 1.1, 1.3)),
            self.note("行 = 接受 + 拒绝 + 完全重复。指纹：各文件 sha256 排序后逐行相连的 sha256（前 12 位）；逐文件的 sha256 与接收时间见 report.json。",
                      "Rows = accepted + refused + exact duplicates. Fingerprint: sha256 of the files' sorted sha256, one to a line (first 12 digits); sha256 and time of receipt of each file are in report.json."),
            Table(self.head(("编号", "Id"), ("指标", "Indicator"), ("系统", "Systems"), ("数据合同", "Contracts"), ("责任部门", "Owner")), links, widths=(0.7, 1.5, 1.5, 3, 1.2)),
        ]  # fmt: skip

    def _contracts(self, key: str) -> list[str]:
        return sorted(
            {name for term in self.evaluation.terms if term["indicator_id"] == key for name in term["contracts"]}
        )

    def _quality(self) -> list[Block]:
        t, one = self.t, self.evaluation
        incomplete = [key for key in (*self.six, *self.metrics) if (row := one.values.get(key)) is None or row["state"] not in ("measured", "calculated")]  # fmt: skip
        states = [[self.ref(key), Cell(self.title(key)), self.state(one.values.get(key)), self.share(None if key not in one.values else one.values[key]["coverage"])] for key in incomplete]  # fmt: skip
        refused = [[Cell(self.contract(row["contract"])), Cell(row["source"], "code"), Cell(self.refusal(row["contract"], row["reason"])), self.count(row["lines"])] for row in one.refused[:_LISTED]]  # fmt: skip
        more = sum(row["lines"] for row in one.refused[_LISTED:])
        factors = [[Cell(row["factor_id"], "code"), Cell(row["source"] or "–")] for row in one.unverified]
        whole = len(self.six) + len(self.metrics)
        blocks: list[Block] = [
            Text(t(f"{whole} 项由数据计算的指标与运营指标中，{whole - len(incomplete)} 项完整（实测或计算），{len(incomplete)} 项为估算、部分、缺失或不适用：",
                   f"Of {whole} indicators and metrics computed from data, {whole - len(incomplete)} are complete (measured or calculated), {len(incomplete)} estimated, partial, missing or not applicable:")),
        ]  # fmt: skip
        if states:
            blocks.append(Table(self.head(("编号", "Id"), ("指标", "Indicator"), ("状态与原因", "State and reason"), ("覆盖率", "Coverage")), states, widths=(0.7, 2, 3.2, 0.8)))  # fmt: skip
        if refused:
            blocks += [Text(t("被合同拒绝的行（原文保留在隔离区，未进入任何数值）：", "Rows refused by their contract (kept in quarantine, in no figure):")),
                       Table(self.head(("数据合同", "Contract"), ("来源系统", "Source"), ("原因", "Reason"), ("拒绝（行）", "Refused (n)")), refused, widths=(1.5, 1.6, 3, 0.8))]  # fmt: skip
        if more:
            blocks.append(self.note(f"其余原因共 {more} 行，见隔离区表 quarantine.row。", f"Other reasons: {more} rows, see quarantine.row."))  # fmt: skip
        if factors:
            blocks += [Text(t(f"尚未与原文核对的因子 {len(factors)} 条：", f"{len(factors)} factors not yet compared with their source:")),
                       Table(self.head(("因子", "Factor"), ("所列出处", "Source named")), factors, widths=(1.4, 4))]  # fmt: skip
        return blocks

    # ── 4 content ────────────────────────────────────────────────────────────────────────────────────────────────

    def content(self) -> list[Block]:
        t = self.t
        return [
            Heading(t("4.1 前期准备", "4.1 Preparation")), *self._preparation(),
            Heading(t("4.2 指标筛选", "4.2 Selection of indicators")), *self._selection(),
            Heading(t("4.3 计算方法", "4.3 Calculation")), *self._formulas(),
            Heading(t("4.4 定性评分", "4.4 Expert scoring")), *self._rubric(),
            Heading(t("4.5 权重", "4.5 Weights")), *self._weights(),
            Heading(t("4.6 缺失、否决与等级规则", "4.6 Missing data, veto and grades")), *self._rules(),
            Heading(t("4.7 与征求意见稿的差异", "4.7 Deviations from the draft")), Points(self._deviations()),
        ]  # fmt: skip

    def _preparation(self) -> list[Block]:
        t, one = self.t, self.evaluation
        duties = [self.name(duty) for duty in one.enterprise["evaluation"]["duties"]]
        rounds = sorted({row["round"] for row in one.sheets or []})
        said = [
            t(f"专家组：{self._panel()}，评分轮次 {self.several(str(each) for each in rounds) or '无'}。", f"Panel: {self._panel()}; rounds: {self.several(str(each) for each in rounds) or 'none'}."),
            *(duties or [t("分工：未填写。", "Duties: not given.")]),
            t(f"资料：证据 {len(one.evidence)} 份，系统数据 {len(one.extracts)} 个文件。", f"Papers: {len(one.evidence)} pieces of evidence, {len(one.extracts)} files of system data."),
        ]  # fmt: skip
        return [Points(said)]

    def _selection(self) -> list[Block]:
        t = self.t
        out = [key for key in self.of_standard if (row := self.evaluation.scored("indicator", key)) and row["state"] == "not_applicable"]  # fmt: skip
        reasons = self.evaluation.profile.get("not_applicable") or {}
        rows = [[self.ref(key), Cell(self.title(key)), Cell(self._why_out(key, reasons))] for key in out]
        scored = len([row for row in self.evaluation.result if row["level"] == "indicator"]) - len(out)
        whole = len(self.of_standard)
        if self.total is None:
            return [Text(t(f"表 1 共 {whole} 项；本期尚未筛选与评分。", f"Table 1 has {whole} indicators; none has been selected or scored yet."))]  # fmt: skip
        return [Text(t(f"表 1 共 {whole} 项，适用 {scored} 项，不适用 {len(out)} 项。", f"Table 1 has {whole} indicators; {scored} apply, {len(out)} do not.")),
                self.listed(Table(self.head(("编号", "Id"), ("指标", "Indicator"), ("不适用的理由", "Why it does not apply")), rows, widths=(0.7, 2, 4)), ("没有不适用的指标。", "All of them apply."))]  # fmt: skip

    def _why_out(self, key: str, reasons: dict[str, Row]) -> str:
        row = self.evaluation.scored("indicator", key) or {}
        return self.name(reasons[key]) if key in reasons else self.reason(row["reason"]) if row["reason"] else self.t("未说明", "not said")  # fmt: skip

    def _formulas(self) -> list[Block]:
        t, one = self.t, self.evaluation
        formulas = [[self.ref(key), Cell(self.word("formula", key)), Cell(self.unit(one.indicators[key]["unit"]), "unit"), Cell(self.policy(one.values[key]) if key in one.values else "–")] for key in self.six]  # fmt: skip
        return [
            Text(t("六项定量指标按附录 A 公式 (A.1)–(A.6) 计算；分子、分母先在评价期内分别累计，再相除，不取各月比率的平均。口径定义见附录 G。",
                   "The six computed indicators follow formulas (A.1)–(A.6); numerators and denominators are summed over the period, then divided: no mean of monthly ratios. Definitions in annex G.")),
            Table(self.head(("编号", "Id"), ("公式", "Formula"), ("单位", "Unit"), ("采用口径", "Reading chosen")), formulas, widths=(0.7, 4, 1.1, 1.8)),
            Text(t("得分：在 0、60、80、100 分锚点之间分段线性，超出取端值；锚点及其依据见附录 E。", "Scores: straight lines between the anchors of 0, 60, 80 and 100 points, clipped at the ends; anchors and their basis in annex E.") + self._among_peers()),
        ]  # fmt: skip

    def _among_peers(self) -> str:
        """Which indicators are judged among peers instead, and how."""
        said = [f"{self.labelled(key)} ({self.word('setting_value', how)})" for key, how in (self.evaluation.profile.get("normalisation") or {}).items()]  # fmt: skip
        return self.t(f"以同业数值代替锚点的指标：{self.several(said)}。", f" Among peers instead: {self.several(said)}.") if said else ""  # fmt: skip

    def _rubric(self) -> list[Block]:
        t = self.t
        panel = self.evaluation.profile.get("panel", {})
        rows = [[Cell(level, "n"), Cell(str(20 * int(level)), "n"), Cell(self.word("level", level))] for level in "012345"]  # fmt: skip
        return [
            Text(t(f"其余指标由专家按 0–5 级评分，每级 20 分；有效专家少于 {panel.get('minimum')} 名视为缺失；{self._aggregate()}{self._without_evidence()}",
                   f"Experts give the others levels 0–5, 20 points each; with fewer than {panel.get('minimum')} valid experts the indicator is missing; {self._aggregate()} {self._without_evidence()}")),
            Table(self.head(("等级（级）", "Level (0–5)"), ("得分（分）", "Score (points)"), ("须出示", "What must be shown")), rows, widths=(0.8, 0.9, 6.5)),
        ]  # fmt: skip

    def _aggregate(self) -> str:
        """How the levels of several experts become one."""
        panel = self.evaluation.profile.get("panel", {})
        how, since = panel.get("aggregate", "trimmed"), panel.get("trimmed_from")
        if how != "trimmed":
            return self.t(f"取{self.word('setting_value', how)}。", f"their {self.word('setting_value', how)} counts.")
        return self.t(f"取平均，{since} 名及以上先各去掉一个最高与最低。", f"their mean counts, from {since} experts on without one highest and one lowest level.")  # fmt: skip

    def _without_evidence(self) -> str:
        """What a level without evidence counts: by the method, and where that asks for it, by whether any is kept."""
        t, one = self.t, self.evaluation
        rule = one.profile.get("panel", {}).get("evidence", "where_kept")
        is_kept = bool(one.evidence) or any(row["evidence_ids"] for row in one.sheets or [])
        if rule == "always" or (rule == "where_kept" and is_kept):
            return t("无可采信证据者不高于 1 级。", "Without admissible evidence, level 1 at most.")
        if rule == "never":
            return t("按所用方法，无证据者不封顶。", "By this method no level is capped for want of evidence.")
        return t("本次评价未登记也未引用任何证据，按所用方法不因缺证据封顶。", "No evidence is registered or cited in this evaluation; by this method no level is then capped for want of it.")  # fmt: skip

    def _weights(self) -> list[Block]:
        t, one = self.t, self.evaluation
        blocks: list[Block] = [Text(t(f"{self._pillar_weights()}；维度内：{self.word('setting_value', self.weighting)}。不适用者退出，其余重新归一。逐项有效权重见 5.2，原始权重与判断矩阵见附录 D。",
                                      f"{self._pillar_weights()}; inside a pillar: {self.word('setting_value', self.weighting)}. What does not apply leaves, the rest is made to sum to 1 again. Effective weights in 5.2, raw weights and judgements in annex D."))]  # fmt: skip
        ratios = [row for row in one.score["weight"] or [] if row["consistency_ratio"] is not None]
        if ratios:
            worst = max(ratios, key=lambda row: row["consistency_ratio"])
            node = worst["parent"] or worst["id"]
            where = self.pillar(node) if node in ("E", "S", "G") else node
            blocks.append(Text(t(f"判断矩阵最大一致性比率 CR = {worst['consistency_ratio']:.4f}（{where}，随机指标表 {worst['random_index']}）。",
                                 f"Largest consistency ratio CR = {worst['consistency_ratio']:.4f} ({where}, random index {worst['random_index']}).")))  # fmt: skip
        return blocks

    def _pillar_weights(self) -> str:
        """The weights of the pillars as they were made; where none were, the proportions the method declares."""
        made = {row["id"]: row["raw"] for row in self.evaluation.of("weight", node="pillar") if row["raw"] is not None}
        if made:
            said = self.several(f"{name} {percent(made[name], 2)}" for name in ("E", "S", "G") if name in made)
            return self.t(f"维度权重 {said}", f"Weights of the pillars: {said}")
        weights = self.evaluation.profile.get("weights")
        if self.weighting in ("ahp", "combined") or (isinstance(weights, dict) and "total" in weights.get("fixed", {})):
            how = self.word("setting_value", self.weighting)
            return self.t(f"维度权重按{how}", f"Weights of the pillars: {how}")
        shares = " : ".join(f"{name} {share}" for name, share in self.evaluation.profile.get("pillars", {}).items())
        return self.t(f"维度权重之比 {shares}", f"Pillars in proportion {shares}")

    def _rules(self) -> list[Block]:
        t, profile = self.t, self.evaluation.profile
        edges = self.several(f"{name} ≥ {number(edge)}" for name, edge in self.edges.items())
        checks = self.several(self.word("check", name) for name in profile.get("integrity", ()))
        checks_zh, checks_en = (
            (f"或下列核对失败（{checks}）", f", or one of these checks fails ({checks})") if checks else ("", "")
        )
        classes = (profile.get("events") or {}).get("classes") or {}
        vetoes = self.several(self.word("event", name) for name, does in classes.items() if does.get("not_rated"))
        veto_zh, veto_en = (
            (f"、存在 {vetoes}事件", f", an event of class {vetoes} is on record") if vetoes else ("", "")
        )
        sure, limited = percent(self.sure), percent(float(profile.get("limited_scope_above", 1)))
        return [Points([
            t(f"缺失规则：{self.word('setting_value', str(profile.get('missing')))}，并给出按 0 与 100 计的上下界；不适用不计权重；0 是数值。", f"Missing: {self.word('setting_value', str(profile.get('missing')))}, with bounds for 0 and 100; what does not apply has no weight; 0 is a value."),
            t(f"任一维度覆盖率低于 {percent(float(profile.get('coverage_gate', 0)))}、专家不足{veto_zh}{checks_zh}时不评级；月数少于 {profile.get('scored_from_months')} 的年度值视为缺失。", f"No grade where the coverage of a pillar is below {percent(float(profile.get('coverage_gate', 0)))}, experts are too few{veto_en}{checks_en}; a year with fewer than {profile.get('scored_from_months')} months counts as missing."),
            t("负面事件只计有官方来源的最终决定：得分 → 扣减 → 封顶 → 综合 → 定级；未决指控仅列于第 6 章，不扣分。", "Events count when finally decided by an official source: scores → deductions → caps → total → grade; allegations are listed in section 6 and deduct nothing.")
            if classes else t("所用方法不因负面事件扣减或封顶，事件仅列于第 6 章。", "By this method events deduct and cap nothing; they are listed in section 6."),
            t(f"某维度不适用指标超过 {limited} 时，该维度与综合等级旁标注“范围受限”。", f"Where more than {limited} of a pillar's indicators do not apply, its grade and that of the total are marked 'limited scope'."),
            t(f"得分四舍五入到两位小数一次后定级；等级下限（含，分）：{edges}。", f"Scores are rounded half up to two decimals once, then graded; from (inclusive, points): {edges}."),
            t(f"等级概率低于 {sure} 时并列另一可能等级。以上各项均为方法选择；全部参数列于附录 D。", f"A grade less probable than {sure} is printed with the next. All of these are choices; every parameter is in annex D."),
        ])]  # fmt: skip

    def _deviations(self) -> list[str]:
        t = self.t
        return [
            t("表 1 版面错位，二级分组据附录 A 次序重建；A.1.14、A.2.8、A.2.9 的归组为推断，维度内等权时不影响得分，另以备选树复算。", "Table 1 is misprinted; its groups were rebuilt from the order of Appendix A. The groups of A.1.14, A.2.8 and A.2.9 are inferred: without effect under flat weights, and tried as alternatives."),
            t("名称以附录 A 为准：A.3.6 数据安全治理（表 1 分为两格），A.2.5 “与”（表 1 为“或”）；“治理机制”三处合为一组。", "Names follow Appendix A: A.3.6 is one indicator (two cells in table 1), A.2.5 reads 'and' (table 1: 'or'); the group printed three times is one."),
            t("6.2.1 举例的“可再生资源使用率”在表 1 与附录 A 中均无，不作为指标。", "The 'use of renewable resources', an example of 6.2.1, is neither in table 1 nor in Appendix A and is no indicator."),
            t("式 (A.4) 与 (A.5) 共用 C3：A.2.6 取受理的订单，A.2.7 取应交付的订单；按单一 C3 的数值并列于附录 G。", "C3 stands in (A.4) and (A.5): A.2.6 takes orders accepted, A.2.7 orders due; the value with one C3 is in annex G."),
            t("A1、A2、C1 的单位原文未给出，取 tCO2e、tce、万元（营业收入不含增值税、合并抵销后）。", "The draft gives no units of A1, A2 and C1; taken are tCO2e, tce and 10 000 yuan (revenue net of VAT, after elimination)."),
            t("A.1.8 与 A.1.9、A.1.10 与 A.1.13 等内容交叉处，一份证据宜只在一处计分；专家可重复引用，重复者仅予提示，不扣减。", "Where indicators overlap (A.1.8 and A.1.9, A.1.10 and A.1.13, …) a piece of evidence is meant to score in one place; experts may cite it in several, which is noted and changes no level."),
        ]  # fmt: skip

    # ── 5 conclusions ────────────────────────────────────────────────────────────────────────────────────────────

    def conclusions(self) -> list[Block]:
        t, one = self.t, self.evaluation
        scored: list[Block] = [self._pillar_table()] if self.total else [Text(t("本期间尚未评分。", "The period has not been scored."))]  # fmt: skip
        return [
            Heading(t("5.1 综合与三维度得分", "5.1 Scores")), *scored, *self._open_gate(), *(self._moves() if self.total else []),
            Heading(t("5.2 指标明细", "5.2 Indicators")), self._six_table(), *self._trends(), *(self._fifty() if self.total else []), self._metrics_table(),
            Heading(t("5.3 专家一致性", "5.3 Agreement of experts")), *self._agreement(),
            Heading(t("5.4 不确定性与敏感性", "5.4 Uncertainty and sensitivity")), *self._uncertainty(), *self._alternatives(), *self._swings(), *self._without(), *self._definitions(),
            Heading(t("5.5 验证材料", "5.5 Verification material")),
            Text(t(f"证据登记（附录 B，{len(one.evidence)} 份，附 sha256）；专家评分表（附录 C）；系统数据 {len(one.extracts)} 个文件（第 3.2 节，逐文件 sha256 见 report.json）；机器可读的全部数据 report.json，其内容指纹与本报告一致。任一数值可用 esg trace 追溯到原始行（附录 A）。",
                   f"Register of evidence (annex B, {len(one.evidence)} papers with sha256); sheets of the experts (annex C); {len(one.extracts)} files of system data (3.2; sha256 of each in report.json); report.json with all of it for machines, its hash that of this report. esg trace walks any value down to its original lines (annex A).")),
        ]  # fmt: skip

    def _moves(self) -> list[Block]:
        """What moved since the period before: the change of each indicator's contribution, and what is left."""
        t, total = self.t, self.total
        before = self.evaluation.scored("total", "total", last=True)
        title = Heading(t("与上期相比的变动", "What moved since the period before"))
        if total is None or before is None or total["score"] is None or before["score"] is None:
            return [title, Text(t("上年同期没有按同一方法评分的结果，不作比较。", "The year before has no result under the same method; nothing is compared."))]  # fmt: skip
        now, then = ({row["id"]: row for row in rows if row["level"] == "indicator"} for rows in (self.evaluation.result, self.evaluation.last_result))  # fmt: skip
        changes = {key: _contribution(now.get(key)) - _contribution(then.get(key)) for key in self.of_standard}
        moved = sorted((key for key in changes if changes[key]), key=lambda key: (-abs(changes[key]), self.of_standard.index(key)))  # fmt: skip
        shown, rest = moved[:_MOVES], sum(changes[key] for key in moved[_MOVES:])
        other = total["score"] - before["score"] - sum(changes.values())
        steps = [(self.labelled(key), changes[key]) for key in shown]
        steps += [(t("其余指标", "other indicators"), rest)] if moved[_MOVES:] else []
        steps += [(t("扣减、封顶与汇总方式", "deductions, caps, aggregation"), other)] if abs(other) > 1e-9 else []
        caption = t("综合得分自上年同期的变动（分；横轴不从 0 起，斜纹为减少）", "From last year's total to this one (points; the axis does not begin at 0, stripes take away)")  # fmt: skip
        drawn = chart.waterfall((t("上年综合", "total a year before"), before["score"], score_text(before["score"])), [(label, change, signed(change)) for label, change in steps],
                                (t("本期综合", "total now"), total["score"], score_text(total["score"])), caption)  # fmt: skip
        rows = [
            [self.ref(key), Cell(self.title(key)), self.points(then.get(key)), self.points(now.get(key)), Cell(signed(changes[key]), "n")] for key in shown
        ] + [[Cell(""), Cell(label), Cell("–", "none"), Cell("–", "none"), Cell(signed(change), "n")] for label, change in steps[len(shown):]]  # fmt: skip
        whole = [Cell(""), Cell(t("综合", "Total")), self.plain(before["score"]), self.plain(total["score"]), Cell(signed(total["score"] - before["score"]), "n")]  # fmt: skip
        head = self.head(("编号", "Id"), ("指标", "Indicator"), ("上年得分（分）", "Score a year before (points)"), ("本期得分（分）", "Score now (points)"), ("对综合的影响（分）", "Effect on the total (points)"))  # fmt: skip
        return [title, Chart(caption, drawn, wide=True), Table(head, [*rows, whole], strong=[len(rows)], widths=(0.7, 2.6, 1.2, 1.2, 1.3))]  # fmt: skip

    def _six_table(self) -> Table:
        one = self.evaluation
        rows = []
        for key in self.six:
            row = one.values.get(key)
            score = one.scored("indicator", key)
            rows.append([
                self.ref(key), Cell(self.title(key)), self.value(row, key), self.of_unit(key), self.side(row, "numerator"), self.side(row, "denominator"), self.state(row),
                self.share(None if row is None else row["coverage"]), self.value(one.last_year.get(key), key) if key in one.last_year else Cell(self.t("无", "none"), "none"), self._goal(key), self.points(score, key),
            ])  # fmt: skip
        head = self.head(("编号", "Id"), ("指标", "Indicator"), ("数值", "Value"), ("单位", "Unit"), ("分子", "Numerator"), ("分母", "Denominator"), ("状态", "State"), ("覆盖率", "Coverage"), ("上年", "Year before"), ("目标", "Target"), ("得分（分）", "Score (points)"))  # fmt: skip
        return Table(head, rows, widths=(0.75, 1.3, 0.85, 1.15, 1.25, 1.35, 1.2, 0.75, 0.75, 0.8, 1.15))

    def _goal(self, key: str) -> Cell:
        for row in self.evaluation.of("normalised", indicator_id=key):
            if row["target"] is not None:
                return Cell(number(row["target"], self.evaluation.indicators[key]["unit"]), "n")
        return Cell(self.t("未设定", "not set"), "none")

    def _trends(self) -> list[Block]:
        t, one = self.t, self.evaluation
        if len(one.months) < 2:
            return []
        charts = [self._trend(key) for key in self.six if self._known_months(key)]
        head = [*self.head(("编号", "Id"), ("单位", "Unit")), *[month[2:].replace("-", "/") for month in one.months]]
        rows = [
            [self.ref(key), self.of_unit(key), *[self._month(key, month) for month in one.months]] for key in self.six
        ]
        return [
            Heading(t("逐月走势", "Month by month")), *charts,
            self.note("纵轴不从 0 起，按最低与最高值展开；虚线为全期值；空心点为部分或估算；× 为缺失，– 为不适用。", "The vertical axis spans lowest to highest, not from 0; dashed: the whole period; hollow dots are partial or estimated; × is missing, – not applicable."),
            Table(head, rows, widths=(0.8, 1.1, *[0.95] * len(one.months))),
        ]  # fmt: skip

    def _known_months(self, key: str) -> list[float]:
        found = self.evaluation.monthly.get(key, {})
        return [row["value"] for row in found.values() if row["value"] is not None]

    def _trend(self, key: str) -> Chart:
        one, unit = self.evaluation, self.evaluation.indicators[key]["unit"]
        dots = []
        for month in one.months:
            row = one.monthly.get(key, {}).get(month)
            is_out = row is not None and row["state"] == "not_applicable"
            value = None if row is None else row["value"]
            said = "" if value is None else f"{month}: {number(value, unit)} {self.unit(unit)}"
            dots.append(chart.Dot(month[5:], value, "–" if is_out else "×", row is not None and row["state"] in ("partial", "estimated"), said))  # fmt: skip
        known, whole = self._known_months(key), one.values.get(key)
        line = None if whole is None or whole["value"] is None else (whole["value"], f"{self.t('全期', 'period')} {number(whole['value'], unit)}")  # fmt: skip
        caption = f"{self.labelled(key)} ({self.unit(unit)})"
        return Chart(caption, chart.trend(dots, number(min(known), unit), number(max(known), unit), line, one.indicators[key]["pillar"], caption), half=True)  # fmt: skip

    def _month(self, key: str, month: str) -> Cell:
        row = self.evaluation.monthly.get(key, {}).get(month)
        return self.value(row, key, linked=False)

    def _fifty(self) -> list[Block]:
        t, one = self.t, self.evaluation
        blocks: list[Block] = [
            Heading(t(f"全部 {len(self.of_standard)} 项指标", f"All {len(self.of_standard)} indicators"))
        ]
        for pillar in ("E", "S", "G"):
            keys = [key for key in self.of_standard if one.indicators[key]["pillar"] == pillar]
            rows = [self._bar(key) for key in keys]
            caption = t(f"{self.pillar(pillar)}：各指标得分（分）与权重；条越粗权重越大", f"{self.pillar(pillar)}: scores (points) and weights; the thicker, the heavier")  # fmt: skip
            blocks += [
                Chart(caption, chart.scores(rows, self.edges, caption), wide=True),
                self._pillar_indicators(keys),
            ]
        return blocks

    def _bar(self, key: str) -> chart.Score:
        row = self.evaluation.scored("indicator", key)
        if row is None or row["state"] in ("missing", "not_applicable"):
            return chart.Score(self.labelled(key), None, self.points(row).text, "lack" if row and row["state"] == "missing" else "none", 0 if row is None else row["weight"])  # fmt: skip
        last = self._last("score", row)
        return chart.Score(self.labelled(key), row["score"], f"{score_text(row['score'])} · {percent(row['weight'], 2)}", self.evaluation.indicators[key]["pillar"], row["weight"], row["lower"], row["upper"], last)  # fmt: skip

    def _pillar_indicators(self, keys: Sequence[str]) -> Table:
        one = self.evaluation
        rows: list[list[Cell]] = []
        strong = []
        group = None
        for key in keys:
            declared = one.indicators[key]
            if declared["group"] != group:
                group = declared["group"]
                strong.append(len(rows))
                sums = one.scored("group", group["zh"])
                rows.append([Cell(""), Cell(self.name(group)), Cell(""), self.points(sums), self.share(None if sums is None else sums["weight"], 2), Cell(""), Cell("", "none"), Cell("", "none"), Cell("")])  # fmt: skip
            row = one.scored("indicator", key)
            before = one.scored("indicator", key, last=True)
            rows.append([self.ref(key), Cell(self.title(key)), Cell(self.word("kind", declared["kind"])), self.points(row, key), self.share(None if row is None else row["weight"], 2), self._scored_state(key, row),
                         self.points(before) if before else Cell(self.t("无", "none"), "none"), self._goal(key), self._evidence(key)])  # fmt: skip
        head = self.head(("编号", "Id"), ("指标", "Indicator"), ("方式", "By"), ("得分（分）", "Score (points)"), ("占总分权重", "Weight of total"), ("状态", "State"), ("上年（分）", "Year before (points)"), ("目标（值）", "Target (value)"), ("证据", "Evidence"))  # fmt: skip
        return Table(head, rows, strong=strong, widths=(0.75, 2.2, 0.9, 1.25, 0.85, 1.5, 1.25, 0.85, 1.2))

    def _scored_state(self, key: str, row: Row | None) -> Cell:
        reasons = self.evaluation.profile.get("not_applicable") or {}
        if row is None:
            return Cell(self.t("未评分", "not scored"), "none")
        if row["state"] == "not_applicable":
            return Cell(self._why_out(key, reasons), "none")
        if row["state"] == "measured" and not self.evaluation.indicators[key]["is_computed"]:
            return Cell(self.t("已评", "scored"))
        return self.state(row)

    def _evidence(self, key: str) -> Cell:
        if self.evaluation.indicators[key]["is_computed"]:
            return Cell(self.t("系统数据", "system data"), "text", link=key)
        ids = [row["evidence_ids"] for row in self.evaluation.of("panel_item", indicator_id=key)]
        if ids:
            return self.papers(ids[-1])
        return self.papers([row["evidence_id"] for row in self.evaluation.evidence if key in str(row["indicator_ids"] or "").split("|")])  # fmt: skip

    def _metrics_table(self) -> Table:
        one = self.evaluation
        rows = [
            [self.ref(key), Cell(self.title(key)), self.value(one.values.get(key), key), self.of_unit(key), self.side(one.values.get(key), "numerator"), self.side(one.values.get(key), "denominator"), self.state(one.values.get(key)), Cell(", ".join(one.indicators[key]["serves"]), "code")]
            for key in self.metrics
        ]  # fmt: skip
        head = self.head(("编号", "Id"), ("运营指标（不计分）", "Metric (not scored)"), ("数值", "Value"), ("单位", "Unit"), ("分子", "Numerator"), ("分母", "Denominator"), ("状态", "State"), ("支撑指标", "Serves"))  # fmt: skip
        return Table(head, rows, widths=(0.6, 1.8, 0.9, 1.1, 1.3, 1.5, 1.5, 1))

    def _agreement(self) -> list[Block]:
        one = self.evaluation
        if not one.result or one.score["agreement"] is None:
            return self.absent("agreement")
        rows = [
            [self.count(row["round"]), Cell(self.word("statistic", row["statistic"])), self.ratio(row["value"]), self.ratio(row["lower"]), self.ratio(row["upper"]), self.count(row["items"]), self.count(row["experts"]),
             Cell(self.word("verdict", row["verdict"])), Cell(self.reason(row["reason"]) if row["reason"] else "–")]
            for row in one.score["agreement"]
        ]  # fmt: skip
        head = self.head(("轮次（轮）", "Round (no.)"), ("统计量（无量纲）", "Statistic (dimensionless)"), ("值（1）", "Value (1)"), ("95 % 下限（1）", "95 % lower (1)"), ("95 % 上限（1）", "95 % upper (1)"), ("指标（项）", "Items (n)"), ("专家（人）", "Experts (n)"), ("判断", "Verdict"), ("说明", "Note"))  # fmt: skip
        return [self.listed(Table(head, rows, widths=(0.7, 1.8, 0.8, 0.9, 0.9, 0.8, 0.8, 0.9, 2)), ("没有可计算一致性的评分。", "No levels to reckon agreement from.")), Text(self._disagreement())]  # fmt: skip

    def _apart(self) -> list[Row]:
        """The indicators whose levels lie far apart after their latest round."""
        latest: dict[str, Row] = {}
        for row in sorted(self.evaluation.score["panel_item"] or [], key=lambda row: row["round"]):
            latest[row["indicator_id"]] = row
        return [latest[key] for key in self.of_standard if key in latest and latest[key]["is_flagged"]]

    def _disagreement(self) -> str:
        """What the panel's latest gate leaves open; that nothing is only where it is passed."""
        t, apart = self.t, self._apart()
        names = self.several(self.labelled(row["indicator_id"]) for row in apart)
        if any(row["is_contested"] for row in apart):
            return t(f"分歧未消除的指标：{names}。", f"Contested items: {names}.")
        if apart:
            return t(f"等级相差过大、待第二轮评分的指标：{names}。", f"Far apart, second round due: {names}.")
        gate = self.gate
        if gate is not None and gate["verdict"] == "passed":
            return t("没有分歧未消除的指标。", "No item is contested.")
        why = self.reason(gate["reason"] if gate and gate["reason"] else "no_expert_score")
        return t(f"专家分歧尚未判定：{why}。", f"Whether items are contested has not been judged: {why}.")

    def _open_gate(self) -> list[Block]:
        """That the panel has still to meet, where it has."""
        gate = self.gate
        if gate is None or gate["verdict"] not in ("second_round", "discuss_flagged"):
            return []
        verdict = self.word("verdict", gate["verdict"])
        return [Text(self.t(f"专家组尚未结束评分（{verdict}），得分与等级为暂定。", f"The panel has not closed ({verdict}): scores and grade are provisional. ") + self._disagreement())]  # fmt: skip

    def _uncertainty(self) -> list[Block]:
        t, one = self.t, self.evaluation
        runs = one.score["monte_carlo"]
        if not one.result or runs is None:
            return self.absent("monte_carlo", "grade_probability")
        if not runs:
            return [Text(t("本期没有模拟结果。", "There are no simulations of the period."))]
        order = [row for name in ("total", "E", "S", "G") for row in runs if row["id"] == name]
        spreads = [chart.Spread(self._subject(row["id"]), (row["p05"], row["p25"], row["p50"], row["p75"], row["p95"]), self._score_of(row["id"]), f"{score_text(row['p05'])} – {score_text(row['p95'])}", row["id"]) for row in order]  # fmt: skip
        caption = t(f"得分的不确定性（分；{runs[0]['runs']:,} 次模拟）：线为 5–95 %，框为 25–75 %，竖线为中位数，菱形为点得分", f"Uncertainty of scores (points; {runs[0]['runs']:,} runs): line 5–95 %, box 25–75 %, bar median, diamond the score itself")  # fmt: skip
        rows = [[Cell(self._subject(row["id"])), *[self.plain(row[name]) for name in ("mean", "sd", "p05", "p25", "p50", "p75", "p95")]] for row in sorted(runs, key=self._place)]  # fmt: skip
        head = self.head(("对象", "Of"), ("均值（分）", "Mean (points)"), ("标准差（分）", "SD (points)"), ("5 %（分）", "5 % (points)"), ("25 %（分）", "25 % (points)"), ("50 %（分）", "50 % (points)"), ("75 %（分）", "75 % (points)"), ("95 %（分）", "95 % (points)"))  # fmt: skip
        chances = {(row["id"], row["grade"]): row["probability"] for row in one.score["grade_probability"] or []}
        likely = [[Cell(self._subject(row["id"])), *[self.share(chances.get((row["id"], grade)), 1) for grade in self.edges]] for row in sorted(runs, key=self._place)]  # fmt: skip
        blocks: list[Block] = [Chart(caption, chart.spreads(spreads, self.edges, caption), wide=True), Table(head, rows, widths=(2, 1, 1, 1, 1, 1, 1, 1)),
                               self.note(f"随机种子 {runs[0]['seed']}；设置见附录 F。", f"Seed {runs[0]['seed']}; set-up in annex F.")]  # fmt: skip
        if chances:
            head = [t("等级的概率（%）", "Probability of grades (%)"), *self.edges]
            blocks.append(Table(head, likely, widths=(2.4, *[1] * len(self.edges))))
        return blocks

    def _place(self, row: Row) -> tuple[bool, int]:
        """Where a result of simulations stands: total, E, S, G, then those in which what is missing is drawn, too."""
        name, _, variant = row["id"].partition(".")
        return bool(variant), ("total", "E", "S", "G").index(name)

    def _subject(self, name: str) -> str:
        name, _, variant = name.partition(".")
        label = self.t("综合", "Total") if name == "total" else self.pillar(name)
        return label + (self.t("（缺失取 0–100 随机值）", " (missing drawn from 0–100)") if variant else "")

    def _score_of(self, name: str) -> float | None:
        row = self.total if name == "total" else self.evaluation.scored("pillar", name)
        return None if row is None else row["score"]

    def _alternatives(self) -> list[Block]:
        t, rows = self.t, self.evaluation.score["alternative"]
        title = Heading(t("换一种方法", "Other methods"))
        if not self.evaluation.result or rows is None:
            return [title, *self.absent("alternative")]
        listed = [[Cell(self.t(row["title_zh"], row["title_en"])), self.plain(row["total"]), Cell(row["grade"] or self.t("不评级", "none")), Cell("–", "none") if row["difference"] is None else Cell(signed(row["difference"]), "n")] for row in sorted(rows, key=lambda row: (row["name"] != "profile", -abs(row["difference"] or 0.0), row["name"]))]  # fmt: skip
        head = self.head(
            ("方法", "Method"),
            ("综合（分）", "Total (points)"),
            ("等级", "Grade"),
            ("与采用方法之差（分）", "Difference (points)"),
        )
        return [
            title,
            self.listed(Table(head, listed, widths=(3, 1, 1, 1.3)), ("没有备选运行。", "There are no such runs.")),
        ]

    def _swings(self) -> list[Block]:
        t, rows = self.t, self.evaluation.score["swing"]
        title = Heading(t("逐项敏感性", "One at a time"))
        if not self.evaluation.result or rows is None:
            return [title, *self.absent("swing")]
        top = sorted((row for row in rows if row["swing"] is not None), key=lambda row: (-row["swing"], str(row["indicator_id"])))[:_LISTED]  # fmt: skip
        if not top:
            return [title, Text(t("没有可变动的项目。", "There is nothing to vary."))]
        label = {id(row): self._what(row) for row in top}
        caption = t("单独变动一项时综合得分的范围（分；虚线为点得分）", "Range of the total when one thing alone is varied (points; dashed: the score itself)")  # fmt: skip
        centre = self._score_of("total") or 0.0
        drawn = chart.swings([(label[id(row)], row["low_total"], row["high_total"], score_text(row["swing"])) for row in top], centre, caption)  # fmt: skip
        listed = [[self.ref(row["indicator_id"]) if row["indicator_id"] in self.evaluation.indicators else Cell("–", "none"), Cell(label[id(row)]), self.plain(row["low_total"]), self.plain(row["high_total"]), self.plain(row["swing"])] for row in top]  # fmt: skip
        head = self.head(("编号", "Id"), ("变动项", "What is varied"), ("最低（分）", "Lowest (points)"), ("最高（分）", "Highest (points)"), ("幅度（分）", "Swing (points)"))  # fmt: skip
        return [title, Chart(caption, drawn, wide=True), Table(head, listed, widths=(0.8, 3, 1, 1, 1))]

    def _without(self) -> list[Block]:
        """What leaving one indicator out does at most; every one of them in annex F."""
        t, rows = self.t, self.evaluation.score["left_out"]
        moved = [row for row in rows or [] if row["difference"] is not None]
        if not moved:
            return []
        most = max(moved, key=lambda row: (abs(row["difference"]), -self.of_standard.index(row["indicator_id"])))
        grade = self.total["grade"] if self.total else None
        others = [f"{row['indicator_id']} ({row['grade'] or t('不评级', 'none')})" for row in sorted(moved, key=lambda row: self.of_standard.index(row["indicator_id"])) if row["grade"] != grade]  # fmt: skip
        said = t(f"影响最大的是剔除 {self.labelled(most['indicator_id'])}：综合 {signed(most['difference'])} 分。", f"Leaving out {self.labelled(most['indicator_id'])} matters most: {signed(most['difference'])} points of the total.")  # fmt: skip
        changed = t(f"剔除后等级改变的指标：{self.several(others)}。", f"The grade changes without: {self.several(others)}.") if others else t("剔除任何一项均不改变等级。", "No single indicator changes the grade by being left out.")  # fmt: skip
        return [Heading(t("逐项剔除", "One indicator left out")), Text(said + t("", " ") + changed + t("逐项结果见附录 F。", " All of them in annex F."))]  # fmt: skip

    def _what(self, row: Row) -> str:
        name = self.labelled(row["indicator_id"]) if row["indicator_id"] in self.evaluation.indicators else ""
        return " · ".join(part for part in (name, self.word("swing", row["what"]) if row["what"] else "") if part)

    def _definitions(self) -> list[Block]:
        t, rows = self.t, self.evaluation.score["definition"]
        title = Heading(t("对指标定义的敏感性", "Sensitivity to definitions"))
        if self.evaluation.result and rows is not None:
            rows = sorted(
                rows,
                key=lambda row: (self.of_standard.index(row["indicator_id"]), not row["is_chosen"], row["reading"]),
            )
            listed = [
                [self.ref(row["indicator_id"]), Cell(self.t(row["title_zh"], row["title_en"])), self._reading(row), Cell(self.unit(row["unit"]), "unit"), self.plain(row["score"]), self.plain(row["total"]), Cell(row["grade"]) if row["grade"] else Cell("–", "none"),
                 Cell(t("采用", "chosen"), "none") if row["is_chosen"] else Cell(self.reason(row["reason"]) if row["reason"] else "–", "none") if row["difference"] is None else Cell(signed(row["difference"]), "n")]
                for row in rows
            ]  # fmt: skip
            head = self.head(("编号", "Id"), ("口径", "Reading"), ("数值", "Value"), ("单位", "Unit"), ("得分（分）", "Score (points)"), ("综合（分）", "Total (points)"), ("等级", "Grade"), ("综合之差（分）", "Change of total (points)"))  # fmt: skip
            return [title, self.listed(Table(head, listed, strong=[place for place, row in enumerate(rows) if row["is_chosen"]], widths=(0.7, 2.6, 1, 1.1, 0.9, 0.9, 0.8, 1.1)), ("没有其他口径。", "There are no other readings."))]  # fmt: skip
        return [title, *self.absent("definition"), *self._readings()]

    def _reading(self, row: Row) -> Cell:
        return Cell(self.word("state", "missing"), "lack") if row["value"] is None else Cell(number(row["value"], row["unit"]), "n")  # fmt: skip

    def _readings(self) -> list[Block]:
        """The values under every reading, where their effect on the score has not been evaluated."""
        rows: list[list[Cell]] = []
        strong = []
        for key in self.six:
            for row in self.readings(key):
                if row["is_chosen"]:
                    strong.append(len(rows))
                rows.append([self.ref(key), Cell(self.policy(row)), self.value(row, key, linked=False), self.of_unit(key), self.side(row, "numerator"), self.side(row, "denominator"), self.state(row)])  # fmt: skip
        head = self.head(("编号", "Id"), ("口径（加粗为采用）", "Reading (bold: chosen)"), ("数值", "Value"), ("单位", "Unit"), ("分子", "Numerator"), ("分母", "Denominator"), ("状态", "State"))  # fmt: skip
        return [self.listed(Table(head, rows, strong=strong, widths=(0.7, 2.4, 0.9, 1.1, 1.3, 1.4, 1.6)), ("没有数值。", "There are no values."))]  # fmt: skip

    # ── 6, 7 ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def matters(self) -> list[Block]:
        t = self.t
        return [
            Heading(t("6.1 得分贡献与差距", "6.1 Contributions and gaps")), *self._leaders(),
            Heading(t("6.2 专家分歧", "6.2 Contested items")), *self._contested(),
            Heading(t("6.3 负面事件与未决指控", "6.3 Negative events and pending allegations")), *self._events(),
            Heading(t("6.4 边界与数据风险", "6.4 Risks of boundary and data")), *self._risks(),
            Heading(t("6.5 期后事项", "6.5 Subsequent events")), self._said("subsequent", ("企业未声明期后事项。", "The enterprise declares none.")),
        ]  # fmt: skip

    def _said(self, what: str, none: tuple[str, str]) -> Block:
        said = [self.name(one) for one in self.evaluation.enterprise["evaluation"][what]]
        return Points(said) if said else Text(self.t(*none))

    def _no_leader(self) -> Text:
        return Text(self.t("没有指标贡献得分。", "No indicator contributes anything."))

    def _leaders(self) -> list[Block]:
        t = self.t
        if self.total is None:
            return [Text(t("本期间尚未评分。", "The period has not been scored."))]
        head = self.head(
            ("编号", "Id"), ("指标", "Indicator"), ("得分（分）", "Score (points)"), ("占总分权重", "Weight of total")
        )
        rows = [[self.ref(row["id"]), Cell(self.title(row["id"])), self.points(row), self.share(row["weight"], 2), self.plain(row["weight"] * row["score"])] for row in self.leaders()[:5]]  # fmt: skip
        gaps = [[self.ref(row["id"]), Cell(self.title(row["id"])), self.points(row), self.share(row["weight"], 2), self.plain(row["weight"] * (FULL - row["score"]))] for row in self.gaps()[:_LISTED]]  # fmt: skip
        widths = (0.8, 3, 1.2, 1.2, 1.6)
        most = (
            Table([*head, t("贡献 w·s（分）", "Contribution w·s (points)")], rows, widths=widths)
            if rows
            else self._no_leader()
        )
        return [most, Table([*head, t("提升潜力 w·(100 – s)（分）", "Potential w·(100 – s) (points)")], gaps, widths=widths)]  # fmt: skip

    def _contested(self) -> list[Block]:
        if not self.evaluation.result or self.evaluation.score["panel_item"] is None:
            return self.absent("panel_item")
        open_, over = self.t("待第二轮评分", "second round due"), self.t("分歧未消除", "contested")
        rows = [
            [self.ref(row["indicator_id"]), Cell(self.title(row["indicator_id"])), self.count(row["round"]), self.count(row["lowest"]), self.count(row["highest"]), self.count(row["spread"]),
             Cell(over if row["is_contested"] else open_, "warn")]
            for row in self._apart()
        ]  # fmt: skip
        head = self.head(("编号", "Id"), ("指标", "Indicator"), ("轮次（轮）", "Round (no.)"), ("最低（级）", "Lowest (level)"), ("最高（级）", "Highest (level)"), ("极差（级）", "Range (levels)"), ("状态", "State"))  # fmt: skip
        return [Table(head, rows, widths=(0.8, 3, 1, 1, 1, 1, 1.3)) if rows else Text(self._disagreement())]

    def _events(self) -> list[Block]:
        t, rows = self.t, self.evaluation.score["event"]
        blocks: list[Block] = []
        if not self.evaluation.result or rows is None:
            blocks += self.absent("event")
        else:
            listed = [
                [Cell(row["event_id"], "code"), Cell(row["title"] or "–"), Cell(self.word("event", row["class"])), self.ref(row["indicator_id"]) if row["indicator_id"] in self.evaluation.indicators else Cell("–", "none"), Cell(str(row["decided_on"] or "–")),
                 self._counts(row), self.plain(row["deduction"]) if row["share"] else Cell("–", "none"), self._limits(row), Cell(row["source"] or "–")]
                for row in rows
            ]  # fmt: skip
            head = self.head(("编号", "Id"), ("事件", "Event"), ("级别", "Class"), ("指标", "Indicator"), ("决定日期", "Decided on"), ("计入比例", "Counts"), ("扣减（分）", "Deduction (points)"), ("封顶（分）", "Cap (points)"), ("来源", "Source"))  # fmt: skip
            blocks.append(self.listed(Table(head, listed, widths=(0.8, 2, 1, 0.8, 1, 1.2, 0.9, 1.3, 1.5)), ("期内没有登记的负面事件。", "No event is registered for the period.")))  # fmt: skip
        pending = [self.name(one) for one in self.evaluation.enterprise["evaluation"]["pending"]]
        if pending:
            blocks += [
                Text(t("企业声明的未决事项（不扣分）：", "Declared as pending (deduct nothing):")),
                Points(pending),
            ]
        return blocks

    def _counts(self, event: Row) -> Cell:
        """How much of an event counts in the period, or why nothing does."""
        t = self.t
        if event["is_pending"]:
            return Cell(t("未决，不扣分", "pending, deducts nothing"), "warn")
        if event["share"]:
            return self.share(event["share"])
        if str(event["decided_on"])[:7] > self.evaluation.months[-1]:
            return Cell(t("评价期后决定，本期不计", "decided after the period, does not count in it"), "warn")
        return Cell(t("同一事故只计最重的一项", "the gravest of its incident counts"), "none")

    def _limits(self, event: Row) -> Cell:
        """The most that an event leaves of its indicator, its pillar and the total."""
        names = (
            ("linked_at_most", "指标", "indicator"),
            ("pillar_at_most", "维度", "pillar"),
            ("total_at_most", "综合", "total"),
        )
        does = self.effect(event) if event["share"] else {}
        said = [
            f"{self.t(zh, en)} {score_text(float(does[name]))}" for name, zh, en in names if does.get(name) is not None
        ]
        return Cell(self.several(said), "n") if said else Cell("–", "none")

    def _risks(self) -> list[Block]:
        t, one = self.t, self.evaluation
        risks = [row for row in one.checks if row["verdict"] != "ok"]
        said = [self.t(f"因数据自相矛盾不评级：{row['zh']}。", f"No grade, since data contradict themselves: {row['en']}.") for row in one.of("integrity")]  # fmt: skip
        said += [t(f"核对“{self.word('check', row['check_name'])}”：{row['lines']} 处{self.word('verdict', row['verdict'])}（{self._why(row)}）。", f"Check of {self.word('check', row['check_name'])}: {self.word('verdict', row['verdict'])} in {row['lines']} places ({self._why(row)}).") for row in risks]  # fmt: skip
        missing = [row["id"] for row in one.result if row["level"] == "indicator" and row["state"] == "missing"]
        if missing:
            said.append(t(f"缺失的指标：{self.several(self.labelled(key) for key in missing)}；按 0 与 100 计，综合得分相差 {score_text(self._gap())} 分。", f"Missing indicators: {self.several(self.labelled(key) for key in missing)}; counted 0 or 100, the total differs by {score_text(self._gap())} points."))  # fmt: skip
        if one.unverified:
            said.append(t(f"{len(one.unverified)} 条在用因子尚未与原文核对（3.4）。", f"{len(one.unverified)} factors in use are not yet compared with their source (3.4)."))  # fmt: skip
        refused = sum(row["refused"] for row in one.sources)
        if refused:
            said.append(
                t(
                    f"{refused:,} 行被合同拒绝，未进入数值（3.4）。",
                    f"{refused:,} rows were refused and are in no figure (3.4).",
                )
            )
        return [Points(said) if said else Text(t("数据核对未发现异常。", "The checks of the data found nothing."))]

    def _why(self, row: Row) -> str:
        return self.reason(row["reason"]) if row["reason"] else self.t("未说明", "not said")

    def _gap(self) -> float:
        total = self.total
        return 0.0 if total is None else total["upper"] - total["lower"]

    def recommendations(self) -> list[Block]:
        t = self.t
        steps = self.steps()[:_LISTED]
        agreed = {one["indicator_id"]: one for one in self.evaluation.enterprise["evaluation"]["measures"]}
        rows = [self._measure(step, agreed.get(step.key)) for step in steps]
        head = self.head(("编号", "Id"), ("指标", "Indicator"), ("得分 → 目标（分）", "Score → target (points)"), ("措施", "Measure"), ("责任", "Owner"), ("期限", "Due"), ("费用", "Cost"), ("综合预期提升（分）", "Expected gain of total (points)"), ("跟踪指标", "Follow"))  # fmt: skip
        table = Table(head, rows, widths=(0.75, 1.3, 1, 3.4, 1.1, 1.15, 0.6, 1, 0.95))
        return [
            Heading(t("7.1 管理改进", "7.1 Management")),
            self.listed(table, ("本期间尚未评分，没有可计算提升的建议。", "The period has not been scored; no gain can be reckoned.")),
            self.note("目标为下一锚点（60、80、100 分）或下一级，受负面事件限制者取所限；缺失者按达到 60 分计。预期提升 = 权重 ×（目标 – 得分），其他不变，且不计维度与综合的封顶。期限与费用由企业在 evaluation.measures 中约定，未约定者留空待填。",
                      "Target: the next anchor (60, 80, 100 points) or the next level, as far as events allow; what is missing is taken to reach 60. Expected gain = weight × (target – score), all else equal and caps of pillar and total aside. Due date and cost are agreed by the enterprise under evaluation.measures; what is not agreed is left to be filled in."),
            Heading(t("7.2 数据治理", "7.2 Governance of data")), *self._data_items(),
        ]  # fmt: skip

    def _measure(self, step: Step, agreed: Row | None) -> list[Cell]:
        one = self.evaluation.indicators[step.key]
        said = self.name(agreed["measure"]) if agreed else self._proposal(step)
        owner = self.name(agreed["owner"]) if agreed and agreed["owner"] else self.word("owner", one["owner"])
        follow = ([step.key] if one["is_computed"] else []) + [key for key in self.metrics if step.key in self.evaluation.indicators[key]["serves"]]  # fmt: skip
        row = self.evaluation.scored("indicator", step.key)
        now = self.word("state", "missing") if row and row["state"] == "missing" else score_text(step.score)
        blank = Cell(self.t("待定", "open"), "warn")
        return [
            self.ref(step.key), Cell(self.title(step.key)), Cell(f"{now} → {score_text(step.target)}"), Cell(said), Cell(owner), Cell(agreed["due"]) if agreed and agreed["due"] else blank,
            Cell(self.word("cost", agreed["cost"])) if agreed and agreed["cost"] else blank, Cell(f"+{score_text(step.gain)}", "n", link=step.key), Cell(", ".join(follow[:4]) or self.t("等级", "level"), "code", link=follow[0] if follow else step.key),
        ]  # fmt: skip

    def _proposal(self, step: Step) -> str:
        """What the next step takes, from the indicator's own declaration."""
        t, one = self.t, self.evaluation.indicators[step.key]
        row = self.evaluation.scored("indicator", step.key) or {}
        if one["is_computed"]:
            return self._to_anchor(step, row)
        papers = self.several(self.one_of_two(paper) for paper in one["evidence"][:3])
        level = round(step.aim / 20)
        ask = t(f"达到第 {level} 级：{self.level_text(step.key, level)}", f"Reach level {level}: {self.level_text(step.key, level)}")  # fmt: skip
        return ask + (t(f"（材料：{papers}）", f" (papers: {papers})") if papers else "")

    def _to_anchor(self, step: Step, row: Row) -> str:
        t, key = self.t, step.key
        unit, value, anchors = self.evaluation.indicators[key]["unit"], self.evaluation.values.get(key), self.anchors(step.key)  # fmt: skip
        if anchors is None and key in self.evaluation.profile.get("normalisation", {}):
            return t("改善至优于更多同业的水平。", "Improve beyond more of the peers.")
        if anchors is None:
            return t("声明自身基准（三年均值）并经专家组确认锚点，使该指标可以评分。", "Declare the own baseline (mean of three years) and let the panel confirm the anchors, so that it can be scored.")  # fmt: skip
        goal = dict(zip((60.0, 80.0, FULL), anchors[1:], strict=True)).get(step.aim, anchors[1])
        if value is None or value["value"] is None or row.get("state") == "missing":
            reason = self.reason(row["reason"]) if row.get("reason") else self.word("state", "missing")
            return t(f"补齐数据（{reason}），并达到 {number(goal, unit)} {self.unit(unit)}。", f"Complete the data ({reason}) and reach {number(goal, unit)} {self.unit(unit)}.")  # fmt: skip
        way = t("降至", "down to") if goal < value["value"] else t("升至", "up to")
        said = self.name(self.evaluation.indicators[key]["says"])
        return t(f"由 {number(value['value'], unit)} {self.unit(unit)} {way} {number(goal, unit)} {self.unit(unit)}（{step.aim:g} 分锚点）。口径：{said}", f"From {number(value['value'], unit)} {self.unit(unit)} {way} {number(goal, unit)} {self.unit(unit)} (anchor of {step.aim:g} points). It is: {said}")  # fmt: skip

    def _data_items(self) -> list[Block]:
        t, one = self.t, self.evaluation
        said = []
        worst = sorted(
            (row for row in one.sources if row["refused"]), key=lambda row: (-row["refused"], row["source"])
        )[:3]
        said += [t(f"来源 {row['source']}（{self.contract(row['contract'])}）：更正并交回 {row['refused']} 行被拒绝数据（esg quarantine --source {row['source']} --export）。", f"Source {row['source']} ({self.contract(row['contract'])}): correct and hand back {row['refused']} refused rows (esg quarantine --source {row['source']} --export).") for row in worst]  # fmt: skip
        lacking = [key for key in self.metrics if (row := one.values.get(key)) is None or row["state"] in ("missing", "partial", "estimated")]  # fmt: skip
        if lacking:
            said.append(t(f"补齐运营指标的数据：{self.several(self.labelled(key) for key in lacking)}。", f"Complete the data of metrics: {self.several(self.labelled(key) for key in lacking)}."))  # fmt: skip
        if one.unverified:
            said.append(t("由气候与碳管理部门将未核对因子与原文比对后签认。", "Climate and carbon: compare the unchecked factors with their source and sign them off."))  # fmt: skip
        no_papers = [key for key in self.of_standard if not one.indicators[key]["is_computed"] and self._evidence(key).kind == "none"]  # fmt: skip
        if no_papers:
            said.append(
                t(
                    f"登记证据：{self.several(no_papers)} 目前没有任何证据编号。",
                    f"Register evidence: {self.several(no_papers)} have none.",
                )
            )
        return [Points(said) if said else Text(t("没有待办的数据事项。", "Nothing is open."))]

    def signatures(self) -> list[Block]:
        t = self.t
        return [
            Text(t("以下人员确认：评价按所列方法进行，所列得分与证据编号一致，利益冲突已声明并回避。", "The undersigned confirm that the evaluation followed the method named, that scores and evidence agree, and that conflicts were declared and excluded.")),
            Signatures([t("专家组组长：", "Lead of the panel: "), t("成员：", "Member: "), t("成员：", "Member: "), t("成员：", "Member: "), t("复核：", "Reviewer: "), t("评价机构（盖章）：", "Assessor (seal): "), t("企业确认（盖章）：", "For the enterprise (seal): "), t("日期：", "Date: ")]),
        ]  # fmt: skip


def _contribution(row: Row | None) -> float:
    """What an indicator adds to the total; nothing where it does not apply."""
    return 0.0 if row is None or row["score"] is None else row["weight"] * row["score"]
