"""A chain and twenty jobs at once, each as one task and as a task a job."""

import os
from datetime import UTC, datetime
from pathlib import Path

from airflow.providers.common.compat.sdk import DAG

from spectrum_pipelines.airflow import SpectrumPipelineOperator, spectrum_dag

FOLDER = Path(os.environ["SPECTRUM_OVERHEAD"])
START = datetime(2026, 1, 1, tzinfo=UTC)

for file in sorted(FOLDER.glob("*.yaml")):
    with DAG(f"{file.stem}_one", start_date=START, schedule=None) as dag:
        SpectrumPipelineOperator(task_id="run", pipeline=file)
    globals()[dag.dag_id] = dag
    globals()[f"{file.stem}_each"] = spectrum_dag(file, dag_id=f"{file.stem}_each", start_date=START, schedule=None)
