"""The provider for Apache Airflow 2.11 and 3.x (extra `airflow`).

::

    verdict    pure: run keys, what a try does with an earlier run, what the end of a run means for the task
    mapping    pure: the jobs of a pipeline as tasks, and what Airflow cannot express
    faults     pure: errors as Airflow shows them
    hook       SpectrumHook: Airflow's connection of type `spectrum` as a `spectrum_pipelines.Connection`
    journal    where the journal of a task is: a store, or Airflow's own task state store
    task_state Airflow's task state store as a store of runs
    pages      pages of runs in a folder that somebody serves
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

#: The extra fields of a connection, with their labels.
CONNECTION_FIELDS = {
    "path": "Base path",
    "ca_bundle": "CA bundle (file)",
    "client_cert": "Client certificate (file)",
    "client_key": "Client key (file)",
    "insecure": "Accept any certificate",
    "timezone": "Time zone of the server's dates",
    "state": "State (folder or postgresql:// URL)",
    "state_password": "Password of the state",
    "reports": "Folder for the pages of runs",
    "reports_url": "URL under which that folder is served",
}
CONNECTION_LABELS = {"schema": "Scheme (http or https)"}
CONNECTION_PLACEHOLDERS = {
    "host": "spectrum.example.com",
    "port": "8080",
    "schema": "https",
    "state": "postgresql://ci@db.example.com/spectrum",
    "reports_url": "https://reports.example.com/spectrum",
}

__all__ = [*_PLACES, "get_provider_info"]  # noqa: PLE0604 - the keys are texts


def __getattr__(name: str) -> Any:
    """Import a part of the provider when it is asked for."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)


def get_provider_info() -> dict[str, Any]:
    """What Airflow's provider manager asks for (entry point `apache_airflow_provider`)."""
    text, flag = {"type": ["string", "null"]}, {"type": ["boolean", "null"], "default": False}
    kinds = {"insecure": flag, "state_password": text | {"format": "password"}}
    return {
        "package-name": "spectrum-pipelines",
        "name": "Datameer Spectrum",
        "description": "Runs pipelines of Datameer Spectrum jobs, and starts none of them twice.",
        "versions": [__version__],
        "connection-types": [
            {
                "hook-class-name": f"{__name__}.hook.SpectrumHook",
                "hook-name": "Datameer Spectrum",
                "connection-type": "spectrum",
                # Airflow 3 takes the form from here, Airflow 2 from the hook.
                "conn-fields": {
                    name: {"label": label, "schema": kinds.get(name, text)} for name, label in CONNECTION_FIELDS.items()
                },
                "ui-field-behaviour": {
                    "hidden-fields": [],
                    "relabeling": CONNECTION_LABELS,
                    "placeholders": CONNECTION_PLACEHOLDERS,
                },
            }
        ],
        "extra-links": [f"{__name__}.operators.SpectrumReportLink"],
    }
