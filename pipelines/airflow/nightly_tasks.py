"""One task a job: to see, pause and repeat the jobs in Airflow's grid, at the price of Airflow's time between two tasks."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from spectrum_pipelines.airflow import spectrum_dag

dag = spectrum_dag(
    Path(__file__).with_name("nightly.yaml"),
    dag_id="nightly_tasks",
    conn_id="spectrum_default",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    schedule="0 2 * * *",
    default_args={"retries": 3, "retry_delay": timedelta(minutes=1)},
)
