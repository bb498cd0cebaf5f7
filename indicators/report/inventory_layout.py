"""The greenhouse-gas inventory report, section by section: puts `Inventory` into words, tables and charts.

It reckons nothing but what printing needs: where rounded parts do not add up to their rounded total, the rest has a row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from indicators.report.chart import Bar, bars, stacks
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
    figure,
    quantity,
    rest_of_rounding,
)
from indicators.report.inventory import PARTS, Amount, Inventory, Row, together
from indicators.report.words import Language, Wording, vocabulary

MAIN = ("scope1", "scope2_location")


def document(inventory: Inventory, language: Language = "zh") -> Document:
    """The report as a document, in the reader's language."""
    return _Layout(inventory, language).document()


@dataclass
class _Layout(Wording):
    inventory: Inventory
    language: Language

    # ── words ────────────────────────────────────────────────────────────────────────────────────────────────────

    def reasons(self, codes: Iterable[str]) -> str:
        return self.t("；", "; ").join(sorted(self.reason(code) for code in codes))

    def site(self, site: str | None) -> str:
        if site is None:
            return self.t("未归属场所", "no site named")
        return next((row["name"] or site for row in self.inventory.sites if row["site_id"] == site), site)

    def span(self, months: Sequence[str]) -> str:
        return months[0] if len(months) == 1 else f"{months[0]} – {months[-1]}"

    # ── cells ────────────────────────────────────────────────────────────────────────────────────────────────────

    def amount(self, amount: Amount) -> Cell:
        """A figure; or missing, with what of it is known; or nothing of the kind."""
        if not amount.missing:
            return figure(amount.known)
        known = "" if amount.known is None else self.t("，已知 ", ", known ") + figure(amount.known).text
        return Cell(self.t("缺失", "missing") + known, "lack")

    def why(self, amounts: Iterable[Amount]) -> Cell:
        codes = together(amounts).missing
        return Cell(self.reasons(codes), "warn") if codes else Cell("")

    def compact(self, head: Sequence[str], rows: list[list[Cell]], widths: Sequence[float]) -> Table:
        """A table without the columns in which nothing stands."""
        kept = [place for place in range(len(head)) if any(row[place].text for row in rows)]
        return Table([head[place] for place in kept], [[row[place] for place in kept] for row in rows], widths=[widths[place] for place in kept])  # fmt: skip

    def paths(self, paths: Sequence[str] | None) -> str:
        """How factors were chosen; regions that were led to the same value by the same way stand together."""
        found: dict[str, list[str]] = {}
        for path in paths or []:
            way = re.fullmatch(r"no (.+) for (\S+) -> (.+)", path)
            if way is None:
                found[path] = []
            else:
                what = {"province or grid value": "省级与区域值", "province value": "省级值", "value": "本地值"}.get(
                    way[1], way[1]
                )
                found.setdefault(f"{self.t('无' + what, 'no ' + way[1])} → {way[3]}", []).append(way[2])
        return "; ".join(f"{', '.join(regions)}: {path}" if regions else path for path, regions in found.items())

    def yes(self, is_so: bool | None) -> Cell:
        return Cell(self.t("已核", "yes")) if is_so else Cell(self.t("未核", "no"), "warn")

    def adding(self, head: Sequence[str], rows: Sequence[tuple[Sequence[Cell], Sequence[Amount]]], totals: Sequence[Amount], cross: bool = False,
               widths: Sequence[float] = ()) -> Table:  # fmt: skip
        """A table whose rows add up to the totals in its last row, to the printed digit.

        Args:
            head: names of all columns but the last two, which are added where they are needed.
            rows: cells before the figures, and the figures.
            totals: of each column of figures.
            cross: the third figure of a row is the sum of its first two.
            widths: shares of the page's width.
        """
        lead = len(rows[0][0]) if rows else 1
        every = [amounts for _, amounts in rows] + [totals]
        has_rest = cross and any(self._rest(row[2], row[:2]) for row in every)
        has_why = any(amount.missing for row in every for amount in row)
        made = []
        for cells, amounts in [*rows, ([Cell(self.t("合计", "total")), *[Cell("")] * (lead - 1)], totals)]:
            rest = [figure(self._rest(amounts[2], amounts[:2]) or None)] if has_rest else []
            made.append([*cells, *map(self.amount, amounts), *rest, *([self.why(amounts)] if has_why else [])])
        rests = [self._rest(total, [row[1][place] for row in rows]) for place, total in enumerate(totals)]
        if any(rests):
            blank = [Cell("", "none")] * (len(made[0]) - lead - len(totals))
            made.insert(
                -1,
                [
                    Cell(self.t("尾差", "rounding")),
                    *[Cell("")] * (lead - 1),
                    *[figure(rest or None) for rest in rests],
                    *blank,
                ],
            )
        names = [
            *head,
            *([self.t("尾差（一 + 二）", "rounding (1 + 2)")] if has_rest else []),
            *([self.t("缺失原因", "why missing")] if has_why else []),
        ]
        return Table(names, made, strong=[len(made) - 1], widths=widths)

    def _rest(self, total: Amount, parts: Iterable[Amount]) -> Decimal:
        return rest_of_rounding(total.known, [part.known for part in parts])

    # ── the whole ────────────────────────────────────────────────────────────────────────────────────────────────

    def document(self) -> Document:
        one, t = self.inventory, self.t
        facts = [
            (t("报告期", "Period"), self.span(one.months)),
            (t("范围一 + 范围二（位置法）", "Scopes 1 + 2 (location)"), self._headline(one.own("location"))),
            (t("范围一 + 范围二（市场法）", "Scopes 1 + 2 (market)"), self._headline(one.own("market"))),
            ("GWP", t(f"{one.run['gwp_set']}，100 年", f"{one.run['gwp_set']}, 100 years")),
        ]
        sections = [
            ("企业概况", "The enterprise", self.profile()), ("核算边界与报告期", "Boundary and period", self.boundary()),
            ("排放源", "Sources of emissions", self.sources()), ("活动数据及来源", "Activity data and where they come from", self.activities()),
            ("排放因子及来源", "Factors and where they come from", self.factors()), ("核算结果", "Results", self.results()),
            ("未计入与缺失", "Exclusions and what is missing", self.missing()), ("数据质量与不确定度", "Data quality and uncertainty", self.quality()),
            ("同比、基准年与重算规则", "Last year, base year and recalculation", self.changes()), ("真实性声明", "Statement of authenticity", self.statement()),
        ]  # fmt: skip
        other: Language = "en" if self.language == "zh" else "zh"
        title = {"zh": "温室气体排放清单报告", "en": "Greenhouse-gas inventory report"}
        return Document(
            self.language, self.name(one.enterprise.name), title[self.language], title[other], facts, self.notice(),
            [Section(str(place), t(zh, en), t(en, zh), blocks) for place, (zh, en, blocks) in enumerate(sections, 1)],
            t("由已发布数据文件生成；因子截止日 ", "Made from the published file; factors as of ") + f"{one.run['factors_as_of']}"
            + t("；运行编号 ", "; run ") + ", ".join(one.run_ids),
        )  # fmt: skip

    def _headline(self, amount: Amount) -> str:
        shown = self.amount(amount)
        return shown.text if shown.kind == "none" else f"{shown.text} tCO2e"

    def notice(self) -> list[str]:
        one, t = self.inventory, self.t
        said = [t("章节依通行的温室气体清单报告内容编排，未与 WB/T 1135-2023、GB/T 32150 原文逐条核对；未经核查机构核查。",
                  "Laid out after common inventory reports, not checked clause by clause against WB/T 1135-2023 or GB/T 32150; not verified by a third party.")]  # fmt: skip
        codes = (one.own("location") + one.own("market")).missing
        if codes:
            said.append(
                t("范围一、二有缺失，合计不成立：", "Scopes 1 and 2 lack something, so there is no total: ")
                + self.reasons(codes)
            )
        unverified = sum(not row["verified"] for row in one.factors)
        if unverified:
            said.append(t(f"所用 {len(one.factors)} 条因子中 {unverified} 条尚未核对原文（见第 5 节）。",
                          f"{unverified} of the {len(one.factors)} factors used are not yet checked against their source (section 5)."))  # fmt: skip
        if one.flagged:
            said.append(
                t(
                    "部分 CO2e 因子采用另一套 GWP，已逐条列出（见第 5 节）。",
                    "Some CO2e factors rest on another GWP set; they are listed (section 5).",
                )
            )
        return said

    # ── 1, 2 ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def profile(self) -> list[Block]:
        one, t = self.inventory, self.t
        entities = {entity.id: self.name(entity.name or entity.id) for entity in one.enterprise.legal_entities}
        facts = [
            (t("企业", "Enterprise"), f"{self.name(one.enterprise.name)} ({one.enterprise.id})"),
            (t("类型", "Type"), self.word("enterprise_type", one.enterprise.enterprise_type)),
            (t("法人主体", "Legal entities"), self.several(entities.values()) or "–"),
            (t("责任人", "Responsible"), one.enterprise.inventory.responsible or t("未填写", "not named")),
        ]
        sites = [
            [Cell(row["site_id"], "code"), Cell(row["name"] or "–"), Cell(entities.get(row["legal_entity_id"], row["legal_entity_id"] or "–")),
             Cell(self.word("site_kind", row["site_kind"])), Cell(row["region"] or "–"), quantity(row["floor_area_m2"]),
             Cell(t("有", "yes")) if row["has_lines"] else Cell(t("无排放记录", "no emission line"), "warn")]
            for row in one.sites
        ]  # fmt: skip
        head = [t("编号", "Id"), t("场所", "Site"), t("法人", "Legal entity"), t("类型", "Kind"), t("地区", "Region"), t("面积 m²", "Area m²"), t("排放记录", "Emissions")]  # fmt: skip
        return [Table(["", ""], [[Cell(name), Cell(value)] for name, value in facts], widths=(1, 4)),
                Heading(t("报告期内的场所", "Sites of the period")), Table(head, sites, widths=(1.2, 1.4, 2, 0.9, 0.9, 0.9, 1))]  # fmt: skip

    def boundary(self) -> list[Block]:
        one, t = self.inventory, self.t
        policies = ", ".join(f"{name} = {value}" for name, value in one.enterprise.policies.items())
        facts = [
            (t("组织边界", "Organisational boundary"), self.word("approach", one.enterprise.inventory.approach)),
            (t("报告期", "Period"), f"{self.span(one.months)} ({len(one.months)} {t('个月', 'months')}; {one.run['timezone']})"),
            (t("运营边界", "Operational boundary"), t("直接排放、能源间接排放（位置法与市场法并列）、有记录的其他间接排放；生物源二氧化碳单列，不计入合计",
                                                     "direct, energy indirect (by location and by market), other indirect as far as recorded; biogenic CO2 apart, in no total")),
            (t("气体", "Gases"), self.several(sorted({row["gas"] for row in one.gases}))),
            ("GWP", t(f"{one.run['gwp_set']}（100 年），一份清单一套", f"{one.run['gwp_set']} (100 years), one set for the inventory")),
            (t("因子选取", "Choice of factors"), f"{one.run['factors']}; {t('截止', 'as of')} {one.run['factors_as_of']}; {t('参数集', 'parameter set')} {one.run['parameter_set']}"),
            (t("所选口径", "Policies chosen"), policies or t("全部默认", "defaults")),
        ]  # fmt: skip
        return [Table(["", ""], [[Cell(name), Cell(value)] for name, value in facts], widths=(1, 4))]

    # ── 3, 4, 5 ──────────────────────────────────────────────────────────────────────────────────────────────────

    def sources(self) -> list[Block]:
        t = self.t
        head = [t("类别", "Part"), t("排放源类别", "Category"), t("排放源", "Sources"), t("气体", "Gases"), t("环节", "Stage"), t("场所数", "Sites"), t("明细行", "Lines")]  # fmt: skip
        rows = [
            [Cell(self.word("short_part", row["part"])), Cell(self.word("category", row["category"])), Cell(self.several(self.word("subject", one) for one in row["subjects"])),
             Cell(self.several(row["gases"])), Cell(row["lifecycle_scope"]), Cell(f"{row['sites']:,}", "n"), Cell(f"{row['lines']:,}", "n")]
            for row in self.inventory.lines
        ]  # fmt: skip
        return [Table(head, rows, widths=(1.4, 1.1, 2.4, 1.2, 0.9, 0.7, 0.8)),
                Text(t("环节：TTW 使用，WTT 上游供应，WTW 全程，LCA 生命周期，generation 发电产热。", "Stage: TTW use, WTT supply, WTW both, LCA life cycle, generation of power or heat."), small=True)]  # fmt: skip

    def activities(self) -> list[Block]:
        t = self.t
        head = [t("类别", "Part"), t("排放源", "Source"), t("活动量", "Activity"), t("单位", "Unit"), t("用于气体", "For gases"), t("数据", "Data"), t("来源系统", "Systems"), t("记录数", "Records"), t("说明", "Note")]  # fmt: skip
        by_site = [t("场所", "Site"), *head[:6]]
        return [
            self.compact(head, [self._activity(row) for row in self.inventory.activities], (1.3, 1.7, 1.1, 0.6, 0.9, 1, 1.1, 0.7, 1.3)),
            Text(t("活动量为进入计算的数量；燃料由体积换算为质量时按密度换算后列示。同一活动用于使用与上游两环节时各列一行。",
                   "Activities are as they enter the calculation; volumes turned into mass are shown as mass. One that counts in use and in supply has a row for each."), small=True),
            Heading(t("按场所", "By site")),
            Table(by_site, [[Cell(self.site(row["site_id"])), *self._activity(row)[:6]] for row in self.inventory.site_activities], widths=(1.2, 1.4, 1.7, 1.1, 0.6, 1, 1.1)),
        ]  # fmt: skip

    def _activity(self, row: Row) -> list[Cell]:
        lost = row["lines"] - row["known_lines"]
        amount = quantity(row["activity"]) if not lost else self._lacking(row["activity"])
        notes = (
            [
                f"{lost:,} {self.t('条无活动量', 'without an amount')}"
                + (f" ({self.reasons(row['reasons'])})" if row["reasons"] else "")
            ]
            if lost
            else []
        )
        notes += [self.t("含估算", "partly estimated")] if row["has_estimates"] else []
        systems = [source for source in row["sources"] or [] if source]
        parts = [self.word("scope", "2")] if len(row["parts"]) > 1 and row["scope"] == 2 else [self.word("short_part", part) for part in row["parts"]]  # fmt: skip
        return [
            Cell(self.several(parts)), Cell(f"{self.word('category', row['category'])} · {self.word('subject', row['subject'])}"), amount,
            Cell(row["activity_unit"] or "–"), Cell(self.several(row["gases"])), Cell(f"{self.word('activity_table', row['activity_table'])} ({self.word('quality', row['activity_quality'])})"),
            Cell(self.several(systems) or self.t("见第 8 节", "section 8"), "code" if systems else "text"), Cell(f"{row['lines']:,}", "n"), Cell("; ".join(notes), "warn"),
        ]  # fmt: skip

    def _lacking(self, known: Decimal | None) -> Cell:
        """An amount in which something is missing: no total, but what is known of it."""
        rest = "" if known is None else self.t("，已知 ", ", known ") + quantity(known).text
        return Cell(self.t("缺失", "missing") + rest, "lack")

    def factors(self) -> list[Block]:
        one, t = self.inventory, self.t
        head = [t("排放源", "Source"), t("气体", "Gas"), t("口径", "Basis"), t("因子", "Factor"), t("数值", "Value"), t("单位", "Unit"), t("选取路径", "How chosen"), t("核对", "Checked")]  # fmt: skip
        applied = [
            [Cell(f"{self.word('category', row['category'])} · {self.word('subject', row['subject'])}"), Cell(row["gas"]), Cell(f"{row['basis']} {row['lifecycle_scope']}"),
             Cell(row["factor_id"], "code"), quantity(row["factor_value"]), Cell(row["factor_unit"]), Cell(self.paths(row["rule_paths"])), self.yes(row["is_verified"])]
            for row in one.applied
        ]  # fmt: skip
        library = [
            [Cell(row["factor_id"], "code"), Cell(row["label"] or "–"), Cell(row["value_text"], "n"), Cell(row["unit"]), Cell(row["region"] or "–"),
             Cell(str(row["data_year"] or "–")), Cell(" / ".join({part.lower(): part for part in (row["parameter_set"], row["gwp_set"]) if part}.values()) or "–"),
             Cell(" · ".join(part for part in (row["source"], row["locator"]) if part)), self.yes(row["verified"])]
            for row in one.factors
        ]  # fmt: skip
        gwps = [[Cell(row["gas"]), quantity(row["gwp"]), Cell(row["gwp_set"] or "–"), Cell(row["factor_id"] or "–", "code"), self.yes(row["verified"])] for row in one.gwps]  # fmt: skip
        blocks: list[Block] = [
            Heading(t("所用因子", "Factors as applied")), Table(head, applied, widths=(1.7, 0.5, 1, 1.9, 0.8, 1, 1.9, 0.5)),
            Heading(t("因子库条目", "Rows of the factor library")),
            Table([t("编号", "Id"), t("名称", "Label"), t("数值", "Value"), t("单位", "Unit"), t("地区", "Region"), t("数据年", "Data year"), t("参数集 / GWP", "Set / GWP"), t("出处", "Source"), t("核对", "Checked")],
                  library, widths=(1.5, 1.2, 0.8, 1, 0.8, 0.6, 0.7, 3.6, 0.6)),
            Text(t("“核对”指数值已与所列出处原文核对。因子编号中的 44/12、44/60 为二氧化碳与碳、尿素的摩尔质量之比。",
                   "“Checked” says that the value was compared with the source named. 44/12 and 44/60 are the molar masses of carbon dioxide over carbon and over urea."), small=True),
        ]  # fmt: skip
        if gwps:
            blocks += [Heading(t("所用 GWP（100 年）", "GWP used (100 years)")),
                       Table([t("气体", "Gas"), "GWP", t("套别", "Set"), t("因子", "Factor"), t("核对", "Checked")], gwps, widths=(1, 1, 1, 2, 1))]  # fmt: skip
        blocks.append(Heading(t("采用另一套 GWP 的因子", "Factors of another GWP set")))
        if not one.flagged:
            return [*blocks, Text(t("无。", "None."))]
        flagged = [
            [Cell(f"{self.word('category', row['category'])} · {self.word('subject', row['subject'])}"), Cell(row["factor_id"], "code"),
             Cell(row["flag"].removeprefix("other_gwp_set: "), "warn"), Cell(f"{row['lines']:,}", "n"), figure(row["known"])]
            for row in one.flagged
        ]  # fmt: skip
        return [*blocks, Table([t("排放源", "Source"), t("因子", "Factor"), t("所含 GWP", "Its GWP set"), t("明细行", "Lines"), "tCO2e"], flagged, widths=(2, 3, 1, 1, 1))]  # fmt: skip

    # ── 6 ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def results(self) -> list[Block]:
        one, t = self.inventory, self.t
        parts = {part: one.part(part) for part in PARTS}
        unit = "tCO2e"
        both = self.adding(
            ["", t("位置法", "location-based"), t("市场法", "market-based")],
            [([Cell(t("直接排放（范围一）", "Direct (scope 1)"))], [parts["scope1"], parts["scope1"]]),
             ([Cell(t("能源间接排放（范围二）", "Energy indirect (scope 2)"))], [parts["scope2_location"], parts["scope2_market"]])],
            [one.own("location"), one.own("market")], widths=(2, 1.4, 1.4),
        )  # fmt: skip
        apart = Table(
            [t("合计以外", "Beside the totals"), unit, t("缺失原因", "why missing")],
            [[Cell(self.word("part", part)), self.amount(parts[part]) if parts[part] != Amount() else Cell(t("无记录", "no record"), "none"), self.why([parts[part]])]
             for part in ("scope3", "biogenic")], widths=(2, 1.4, 1.4),
        )  # fmt: skip
        shares: list[Bar] = [(self.word("short_part", part), parts[part].total, self.t("缺失", "missing")) for part in PARTS[:4] if parts[part] != Amount()]  # fmt: skip
        blocks: list[Block] = [
            Text(t("单位：tCO2e，三位小数（千克），四舍五入；各行与合计之差另列为尾差。“缺失”不是 0，“–”为无此类记录。",
                   "Unit: tCO2e with three decimals (kilograms), rounded half up; where rounded rows do not add up, the rest has a row. Missing is not 0; – is no record of the kind."), small=True),
            Heading(t("按范围", "By scope")), both, apart,
            Chart(t("按范围（tCO2e）", "By scope (tCO2e)"), bars(shares, t("按范围", "by scope"))),
            Chart(t("按排放源，不含缺失类别（tCO2e）", "By source, without categories that are missing (tCO2e)"), bars(self._by_category(), t("按排放源", "by source"))),
            Heading(t("按类别", "By category")), *self._categories(),
            Heading(t("按气体", "By gas")), *self._gases(),
            Heading(t("按场所", "By site")), self._matrix([(site, self.site(site)) for site in self._places()], t("场所", "Site")),
            Chart(t("按场所，范围一 + 范围二（位置法）（tCO2e）", "By site, scopes 1 + 2 (location) (tCO2e)"),
                  bars([(self.site(site), one.own("location", site).total, t("缺失", "missing")) for site in self._places() if site], t("按场所", "by site"))),
        ]  # fmt: skip
        if len(one.months) > 1:
            months = [(month, [one.part(part, month=month).known for part in MAIN] if not one.own("location", month=month).missing else None) for month in one.months]  # fmt: skip
            short = [
                (month[2:].replace("-", "/") if len({each[:4] for each in one.months}) > 1 else month[5:], parts_)
                for month, parts_ in months
            ]
            blocks += [
                Heading(t("按月", "By month")), self._matrix([(month, month) for month in one.months], t("月份", "Month")),
                Chart(t("按月，范围一 + 范围二（位置法）（tCO2e）；× 为缺失", "By month, scopes 1 + 2 (location) (tCO2e); × is missing"),
                      stacks(short, [self.word("short_part", part) for part in MAIN], t("按月", "by month")), wide=True),
                Heading(t("场所 × 月份，范围一 + 范围二（位置法）", "Site by month, scopes 1 + 2 (location)")), *self._site_months(),
            ]  # fmt: skip
        return blocks

    def _places(self) -> list[str | None]:
        found = {site for site, _, _ in self.inventory.cells}
        return [*sorted(site for site in found if site), *([None] if None in found else [])]

    def _by_category(self) -> list[Bar]:
        sums: dict[str, Amount] = {}
        for row in self.inventory.lines:
            if row["part"] in (*MAIN, "scope3"):
                sums[row["category"]] = sums.get(row["category"], Amount()) + _of(row)
        found = [(self.word("category", category), amount.total, "") for category, amount in sums.items() if amount.total is not None]  # fmt: skip
        return sorted(found, key=lambda row: -(row[1] or 0))

    def _categories(self) -> list[Block]:
        t = self.t
        blocks: list[Block] = []
        for part in PARTS:
            rows = [row for row in self.inventory.lines if row["part"] == part]
            if rows:
                made = [([Cell(self.word("category", row["category"])), Cell(row["lifecycle_scope"]), Cell(self.several(row["gases"]))], [_of(row)]) for row in rows]  # fmt: skip
                head = [self.word("part", part), t("环节", "Stage"), t("气体", "Gases"), "tCO2e"]
                table = self.adding(head, made, [self.inventory.part(part)])
                table.widths = (2, 0.8, 1.2, 1.4, 1.6)[: len(table.head)]
                blocks.append(table)
        return blocks

    def _gases(self) -> list[Block]:
        t = self.t
        gases = sorted({row["gas"] for row in self.inventory.gases}, key=lambda gas: (("CO2", "CH4", "N2O").index(gas) if gas in ("CO2", "CH4", "N2O") else 9, gas))  # fmt: skip
        cells = {(row["gas"], row["part"]): row for row in self.inventory.gases}
        columns = [part for part in PARTS if any(row["part"] == part for row in self.inventory.gases)]
        rows = [
            ([Cell(gas)], [_of(cells[gas, part]) if (gas, part) in cells else Amount() for part in columns])
            for gas in gases
        ]
        masses = [
            [Cell(gas), Cell(self.word("short_part", part)), quantity(row["gas_kg"]) if not row["unknown_masses"] else Cell(t("缺失", "missing"), "lack")]
            for gas in gases for part in columns if (row := cells.get((gas, part))) and gas != "CO2e"
        ]  # fmt: skip
        return [
            self.adding([t("气体", "Gas"), *[self.word("short_part", part) for part in columns]], rows, [self.inventory.part(part) for part in columns]),
            Text(t("CO2e：因子本身以二氧化碳当量发布，不再乘 GWP。", "CO2e: the factor was published as CO2 equivalent, and no GWP is applied again."), small=True),
            Table([t("气体", "Gas"), t("类别", "Part"), t("质量 kg", "Mass kg")], masses, widths=(1, 2, 1.4)),
        ]  # fmt: skip

    def _matrix(self, rows: Sequence[tuple[str | None, str]], head: str) -> Table:
        one, t = self.inventory, self.t

        columns = ["scope1", "scope2_location", "own", *(part for part in PARTS[2:] if one.part(part) != Amount())]

        def of(sums: dict[str, Amount]) -> list[Amount]:
            return [sums["scope1"] + sums["scope2_location"] if part == "own" else sums[part] for part in columns]

        def sums(name: str | None) -> dict[str, Amount]:
            mine = [(part, amount) for (site, month, part), amount in one.cells.items() if name in (site, month)]
            return {part: together(amount for what, amount in mine if what == part) for part in PARTS}

        names = [t("一 + 二（位置法）", "1 + 2 (location)") if part == "own" else self.word("short_part", part) for part in columns]  # fmt: skip
        rows_ = [([Cell(label)], of(sums(key))) for key, label in rows]
        return self.adding([head, *names], rows_, of({part: one.part(part) for part in PARTS}), cross=True)

    def _site_months(self) -> list[Block]:
        one, t = self.inventory, self.t
        sites = self._places()
        blocks: list[Block] = []
        for start in range(0, len(sites), 6):
            some = sites[start : start + 6]
            rows = [([Cell(month)], [self._cell(site, month) for site in some]) for month in one.months]
            totals = [together(self._cell(site, month) for month in one.months) for site in some]
            blocks.append(self.adding([t("月份", "Month"), *[self.site(site) for site in some]], rows, totals))
        return blocks

    def _cell(self, site: str | None, month: str) -> Amount:
        return together(self.inventory.cells.get((site, month, part), Amount()) for part in MAIN)

    # ── 7, 8 ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def missing(self) -> list[Block]:
        one, t = self.inventory, self.t
        seen = {row["category"] for row in one.lines}
        declared = {item.category: self.name(item.reason) for item in one.enterprise.inventory.exclusions}
        left_out = [[Cell(self.word("category", category)), Cell(t("不适用", "not applicable")), Cell(reason)] for category, reason in declared.items() if category not in seen]  # fmt: skip
        left_out += [[Cell(self.word("category", category)), Cell(t("缺失", "missing"), "warn"), Cell(t("无活动记录，企业未说明是否适用", "no activity recorded; the enterprise has not said whether it applies"))]
                     for category in vocabulary()["category"] if category not in seen and category not in declared]  # fmt: skip
        left_out += [[Cell(self.word("category", category)), Cell(t("有记录", "recorded"), "warn"), Cell(t("声明为不纳入，但有活动记录，已计入：", "declared as left out, yet recorded and counted: ") + reason)]
                     for category, reason in declared.items() if category in seen]  # fmt: skip
        blocks: list[Block] = [Heading(t("未计入的类别", "Categories not counted"))]
        blocks.append(
            Table([t("类别", "Category"), t("状态", "State"), t("原因", "Reason")], left_out, widths=(1.3, 0.8, 3))
            if left_out
            else Text(t("无。", "None."))
        )
        blocks.append(Heading(t("没有数值的明细", "Lines without a figure")))
        if one.unknown:
            rows = [
                [Cell(self.word("short_part", row["part"])), Cell(f"{self.word('category', row['category'])} · {self.word('subject', row['subject'])}"), Cell(row["gas"]),
                 Cell(t("缺失", "missing"), "lack"), Cell(self.reason(row["reason"]), "warn"), Cell(f"{row['lines']:,}", "n"),
                 Cell(self.several(self.site(site) if site != "?" else self.site(None) for site in row["sites"])), Cell(self.span(row["months"]))]
                for row in one.unknown
            ]  # fmt: skip
            blocks.append(Table([t("类别", "Part"), t("排放源", "Source"), t("气体", "Gas"), t("排放量", "Emission"), t("原因", "Reason"), t("明细行", "Lines"), t("场所", "Sites"), t("月份", "Months")],
                                rows, widths=(0.8, 1.5, 0.6, 0.7, 1.2, 0.7, 2.2, 1.2)))  # fmt: skip
        else:
            blocks.append(Text(t("无。", "None.")))
        gaps = [[Cell(self.site(row["site_id"])), Cell(row["subject"], "code"), Cell(self.reason(row["reason"]), "warn"), Cell(self.several(row["months"]))] for row in one.gaps]  # fmt: skip
        absent: dict[str, list[str]] = {}
        for (site, month, _), amount in one.cells.items():
            if site and "no_emission" in amount.missing and month not in absent.setdefault(site, []):
                absent[site].append(month)
        gaps += [[Cell(self.site(site)), Cell("–", "none"), Cell(self.reason("no_emission"), "warn"), Cell(self.several(months))] for site, months in absent.items()]  # fmt: skip
        blocks.append(Heading(t("场所缺数据的月份", "Months in which a site lacks data")))
        blocks.append(Table([t("场所", "Site"), t("缺什么", "What lacks"), t("原因", "Reason"), t("月份", "Months")], gaps, widths=(1.2, 1, 1.2, 3)) if gaps else Text(t("无。", "None.")))  # fmt: skip
        return blocks

    def quality(self) -> list[Block]:
        one, t = self.inventory, self.t
        whole = sum((row["known"] for row in one.quality), Decimal(0))
        verified = sum((row["verified"] or Decimal(0) for row in one.quality), Decimal(0))

        def shares(column: str, label: str, words: dict[str, str]) -> Table:
            sums: dict[str, Decimal] = {}
            for row in one.quality:
                key = str(row[column] or self.t("不明", "unknown"))
                sums[key] = sums.get(key, Decimal(0)) + row["known"]
            keys = sorted(sums)
            table = self.adding([label, "tCO2e"], [([Cell(words.get(key, key))], [Amount(sums[key])]) for key in keys], [Amount(whole)])  # fmt: skip
            amounts = dict(enumerate(sums[key] for key in keys)) | {len(table.rows) - 1: whole}
            for place, cells in enumerate(table.rows):
                cells.append(Cell(f"{amounts[place] / whole * 100:.2f} %", "n") if whole and place in amounts else Cell("–", "none"))  # fmt: skip
            return Table([*table.head, t("占比", "Share")], table.rows, table.strong, (2, 1, 1))

        spread = t("缺失", "missing") if one.uncertainty_pct is None else f"± {one.uncertainty_pct:.1f} %"
        note = t("（仅已知部分）", " (of the known part only)") if one.own("location").missing else ""
        files = [
            [Cell(row["contract"], "code"), Cell(row["source"], "code"), *[Cell(f"{row[name]:,}", "n") for name in ("files", "rows", "accepted", "refused", "duplicates")]]
            for row in one.deliveries
        ]  # fmt: skip
        tiers = {
            "1": t("第 1 级（缺省因子）", "1 (default factors)"),
            "2": t("第 2 级（自有或实测因子）", "2 (own or measured factors)"),
            "3": t("第 3 级", "3"),
        }
        return [
            Heading(t("活动数据的质量（范围一 + 范围二位置法）", "Quality of activities (scopes 1 + 2, location)")),
            shares("quality", t("数据来源", "Data"), {key: self.word("quality", key) for key in vocabulary()["quality"]}),
            Heading(t("方法层级", "Method tiers")), shares("tier", t("层级", "Tier"), tiers),
            Points([
                t("合成不确定度（95 %）", "Combined uncertainty (95 %)") + f": {spread}{note}" + t("；类别之间按平方和合成，同类别同气体按完全相关。", "; categories by root of squares, within one category and gas wholly dependent."),
                t("使用已核对因子的排放占比", "Share of emissions with checked factors") + f": {verified / whole * 100:.2f} %" if whole else t("无已知排放。", "no known emissions."),
                t("优先级：计量实测 > 票据 > 估算；估算部分按明细计入“估算”。", "Measured before invoiced before estimated; what of a line is estimated counts as estimated."),
                t("每行数据经合同校验，不合格行被拒绝并留原文；计量器具检定台账、人员职责与归档年限由企业的数据质量计划规定，随本报告另附。",
                  "Every row is judged by its contract, refused ones are kept as received; calibration of meters, responsibilities and archiving are in the enterprise's data-quality plan, to be attached."),
            ]),
            Heading(t("收到的数据与拒绝的行", "What was delivered and what of it was refused")),
            Table([t("数据合同", "Contract"), t("来源", "Source"), t("文件", "Files"), t("行", "Rows"), t("接受", "Accepted"), t("拒绝", "Refused"), t("重复", "Duplicates")], files, widths=(1.6, 1.8, 0.7, 1, 1, 0.8, 0.8)),
            Text(t("行 = 接受 + 拒绝 + 完全重复。按文件计，一个文件可含其他月份。", "Rows = accepted + refused + exact duplicates. Counted by file; a file may hold other months too."), small=True),
        ]  # fmt: skip

    # ── 9, 10 ────────────────────────────────────────────────────────────────────────────────────────────────────

    def changes(self) -> list[Block]:
        one, t = self.inventory, self.t
        base = one.enterprise.inventory.base_year
        now = {part: one.part(part) for part in PARTS}
        before = one.years["last"]
        rows = []
        for part in (*PARTS[:3], "own", *PARTS[3:]):
            this, last = _of_year(now, part), None if before is None else _of_year(before, part)
            if this == Amount() and last in (None, Amount()):
                continue
            name = (
                t("范围一 + 范围二（位置法）", "Scopes 1 + 2 (location)") if part == "own" else self.word("part", part)
            )
            cells = [Cell(name), self.amount(this), self._year(last), self._change(this, last)]
            if base is not None:
                values = one.years["base"]
                reference = None if values is None else _of_year(values, part)
                cells += [self._year(reference), self._change(this, reference)]
            rows.append(cells)
        head = ["tCO2e", t("本期", "This period"), t("上年同期", "A year before"), t("变化", "Change")] + ([t(f"基准年 {base}", f"Base year {base}"), t("变化", "Change")] if base is not None else [])  # fmt: skip
        threshold = f"{one.enterprise.inventory.recalculation_threshold_pct:g} %"
        notes = []
        if before is None:
            notes.append(
                t("上年同期无数值，不作比较。", "There are no values of the year before; nothing is compared.")
            )
        if base is None:
            notes.append(t("企业未设定基准年。", "The enterprise has set no base year."))
        elif one.years["base"] is None:
            notes.append(t(f"数据中没有基准年 {base} 的数值。", f"The data hold no values of the base year {base}."))
        elif len(one.months) != 12:
            notes.append(
                t(
                    "本期不足十二个月，与基准年全年不可直接比较。",
                    "The period has not twelve months and cannot be compared with the whole base year.",
                )
            )
        return [
            Table(head, rows, widths=(2.2, 1.2, 1.2, 0.9, 1.2, 0.9)[: len(head)]), *[Text(note, small=True) for note in notes],
            *self._changed_factors(),
            Heading(t("重算规则", "Recalculation")),
            Points([
                t("触发条件：并购、剥离、内外包等结构变化，核算方法或因子变化，边界变化，发现差错。业务自然增减不触发。",
                  "Triggers: structural change (acquisition, divestment, outsourcing), change of method or factor, of boundary, errors found. Organic growth is none."),
                t(f"影响达到基准年总量的 {threshold} 时重算基准年，并同时保留原值、重算值、原因与日期。",
                  f"Where the effect reaches {threshold} of the base year's total, the base year is reckoned anew; original, new value, reason and date are kept."),
                t("各年数值由同一次运行按同一方法、参数集与 GWP 计算，故口径一致；因子年份依所选政策。",
                  "All years shown are reckoned in one run with one method, parameter set and GWP set; the year of factors follows the policy chosen."),
            ]),
        ]  # fmt: skip

    def _changed_factors(self) -> list[Block]:
        """Factors that are not those of the year before, with what that alone made of this period's activity."""
        one, t = self.inventory, self.t
        if one.years["last"] is None:
            return []
        heading = Heading(t("与上年同期不同的因子", "Factors that are not those of the year before"))
        if not one.changed_factors:
            return [heading, Text(t("无。", "None."))]
        head = [t("排放源", "Source"), t("口径", "Basis"), t("上年", "Year before"), t("本期", "This period"), t("单位", "Unit"), t("影响 tCO2e", "Effect, tCO2e")]  # fmt: skip
        rows = [
            [Cell(f"{self.word('category', row['category'])} · {self.word('subject', row['subject'])} {row['gas']}"),
             Cell(f"{row['basis']} {row['lifecycle_scope']}"), *(Cell(_factors(row, side), "code") for side in ("old", "new")), Cell(row["factor_unit"]),
             Cell(t("无法判断", "cannot be told"), "lack") if row["effect"] is None else figure(row["effect"])]
            for row in one.changed_factors
        ]  # fmt: skip
        note = t("影响 = 本期活动量 × 因子之差；同一活动有多个因子时无法判断。", "Effect = this period's activity x the difference of the factors; it cannot be told where an activity has several.")  # fmt: skip
        return [heading, Table(head, rows, widths=(1.8, 1.0, 1.6, 1.6, 0.9, 0.9)), Text(note, small=True)]

    def _year(self, amount: Amount | None) -> Cell:
        return Cell(self.t("缺失", "missing"), "lack") if amount is None else self.amount(amount)

    def _change(self, now: Amount, before: Amount | None) -> Cell:
        if before is None or now.total is None or not before.total:
            return Cell("–", "none")
        return Cell(f"{(now.total / before.total - 1) * 100:+.1f} %", "n")

    def statement(self) -> list[Block]:
        one, t = self.inventory, self.t
        return [
            Text(t(f"本报告由{self.name(one.enterprise.name)}编制。本企业对报告所载数据的真实性、完整性和准确性负责，所依据的原始记录、票据与计量资料均予留存备查；如有虚假或隐瞒，愿承担相应责任。",
                   f"This report was compiled by {self.name(one.enterprise.name)}, which answers for the truth, completeness and accuracy of its data and keeps the records, invoices and meter files they rest on for inspection.")),
            Signatures([t("编制人：", "Compiled by: "), t("审核人：", "Reviewed by: "), t("负责人（签章）：", "Responsible (signature, seal): "), t("日期：", "Date: ")]),
        ]  # fmt: skip


def _factors(row: Row, side: str) -> str:
    """The factors of one side of a change with their values, as `grid_cn_2022: 0.5366`."""
    return f"{', '.join(row[f'{side}_ids'])}: {', '.join(f'{value:.7g}' for value in row[f'{side}_values'])}"


def _of(row: Row) -> Amount:
    return Amount(row["known"], frozenset(row["reasons"] or ()))


def _of_year(values: dict[str, Amount], part: str) -> Amount:
    return values["scope1"] + values["scope2_location"] if part == "own" else values[part]
