"""A DAG for each case of `tests.airflow.kills`: one task that runs the pipeline of the same name. Each try notes its processes."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import DAG

from spectrum_pipelines.airflow import SpectrumPipelineOperator

FOLDER = Path(os.environ["SPECTRUM_KILLS"])


def note(context: Any) -> None:
    """Who works on this try: the task's process and the one that supervises it."""
    ti = context["ti"]
    path = FOLDER / "processes" / f"{ti.dag_id}-{ti.try_number}.json"
    path.write_text(json.dumps([os.getpid(), os.getppid()]), encoding="utf-8")


for case in json.loads((FOLDER / "cases.json").read_text(encoding="utf-8")):
    with DAG(case["name"], start_date=datetime(2026, 1, 1, tzinfo=UTC), schedule=None) as dag:
        SpectrumPipelineOperator(
            task_id="run",
            pipeline=FOLDER / f"{case['name']}.yaml",
            conn_id=case["conn_id"],
            deferrable=case["deferrable"],
            retries=3,
            retry_delay=timedelta(seconds=2),
            pre_execute=note,
        )
    globals()[case["name"]] = dag
