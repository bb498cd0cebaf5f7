"""The whole graph in one screen: what Dagster loads.

    source → mart → indicator → score → published                                       the job `monthly`
    value → normalised → panel → weights → score → sensitivity → report → package       the job `evaluation`, by year

The enterprise is the folder ESG_ENTERPRISE names, else `examples/demo`. Loading reads declarations only.
"""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg

from pipelines import schedules
from pipelines.assets import EVALUATION, assets, evaluation_assets, run_of
from pipelines.checks import now
from schemas.enterprise import Enterprise


def definitions(enterprise: Enterprise) -> dg.Definitions:
    """Assets with their checks, the monthly job over them, its schedule and its sensor, and the job that evaluates a year."""
    present = now(enterprise.timezone)
    months = schedules.partitions(enterprise, present)
    job = dg.define_asset_job(
        "monthly", selection=dg.AssetSelection.all() - dg.AssetSelection.groups(EVALUATION), executor_def=dg.in_process_executor,
        tags={"esg/enterprise": enterprise.id}, description="从来源到分析文件 | From sources to the published file",
    )  # fmt: skip
    evaluation = dg.define_asset_job(
        EVALUATION, selection=dg.AssetSelection.groups(EVALUATION), executor_def=dg.in_process_executor,
        tags={"esg/enterprise": enterprise.id}, description="评价一个年度 | Evaluate a year",
    )  # fmt: skip
    return dg.Definitions(
        assets=[*assets(enterprise, months), *evaluation_assets(enterprise, schedules.years(months, present))],
        jobs=[job, evaluation],
        schedules=[schedules.monthly(job, enterprise, months)],
        sensors=[schedules.late_extracts(job, enterprise, months)],
        resources={"run": run_of(enterprise.folder)},
        executor=dg.in_process_executor,
    )


defs = definitions(
    Enterprise(Path(os.environ.get("ESG_ENTERPRISE") or Path(__file__).parents[1] / "examples" / "demo").absolute())
)
