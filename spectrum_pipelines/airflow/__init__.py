"""The provider for Apache Airflow 2.11 and 3.x (extra `airflow`).

::

    verdict    pure: run keys, what a try does with an earlier run, what the end of a run means for the task
    mapping    pure: the jobs of a pipeline as tasks, and what Airflow cannot express
    hook       SpectrumHook: Airflow's connection of type `spectrum` as a `spectrum_pipelines.Connection`
    journal    where the journal of a task is: a store, or Airflow's own task state store
    task_state Airflow's task state store as a store of runs
    task       one try of a run, in a thread that Airflow's signals cannot break
    operators  SpectrumPipelineOperator (one task is one run), SpectrumJobOperator (one task is one job of a pipeline)
    triggers   SpectrumTrigger: wakes a deferred task up, judges nothing
    dags       spectrum_dag, SpectrumTaskGroup: one task for each job of a file

A DAG file imports this package in a hundredth of a second: requests, click and the transport are imported when a task runs.
"""

import importlib
from typing import Any

from spectrum_pipelines import __version__

_PLACES = {
    "SpectrumHook": "hook",
    "SpectrumJobOperator": "operators",
    "SpectrumPipelineOperator": "operators",
    "SpectrumTaskGroup": "dags",
    "SpectrumTrigger": "triggers",
    "spectrum_dag": "dags",
}

__all__ = [*_PLACES, "get_provider_info"]  # noqa: PLE0604 - the keys are texts


def __getattr__(name: str) -> Any:
    """Import a part of the provider when it is asked for."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)


def get_provider_info() -> dict[str, Any]:
    """What Airflow's provider manager asks for (entry point `apache_airflow_provider`)."""
    hook = f"{__name__}.hook.SpectrumHook"
    return {
        "package-name": "spectrum-pipelines",
        "name": "Datameer Spectrum",
        "description": "Runs pipelines of Datameer Spectrum jobs, and starts none of them twice.",
        "versions": [__version__],
        "connection-types": [{"hook-class-name": hook, "connection-type": "spectrum"}],
        "extra-links": [f"{__name__}.operators.SpectrumReportLink"],
    }
