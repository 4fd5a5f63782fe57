"""One task is the whole pipeline: the usual way. A further try of the task goes on with the run; nothing is triggered twice."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow.providers.common.compat.sdk import DAG

from spectrum_pipelines.airflow import SpectrumPipelineOperator

with DAG("nightly_one_task", start_date=datetime(2026, 1, 1, tzinfo=UTC), schedule="0 2 * * *", catchup=False):
    SpectrumPipelineOperator(
        task_id="nightly",
        pipeline=Path(__file__).with_name("nightly.yaml"),
        conn_id="spectrum_default",
        retries=3,
        retry_delay=timedelta(minutes=1),
    )
