"""Declarative pipelines for Datameer Spectrum. The names of the Python API stand here; `api` explains them.

The rooms read in the order in which the data travels; each imports only what stands above it.

::

    errors      whose fault is it: the exception tree and the exit codes
    clock       the only place with a clock or a sleep
    spectrum    Spectrum's own nouns: ids, status words, typed answers
    redaction   secrets out of texts, in every spelling
    address     where a server is
    files       files that are on disk when the function returns
    document/   text -> data with lines -> faults; knows YAML and JSON Schema, not pipelines
    pipeline/   checked document -> frozen model -> graph; pure
    engine/     facts, state, decisions; pure
    words/      how numbers, statuses and foreign text are written for people
    client/     Spectrum's REST API over HTTP; knows neither pipelines nor the engine
    runner/     the loop: decide -> perform -> facts -> journal -> apply -> observers
    report/     what a run did, as data
    store/      what outlives a process: journals, run keys, leases
    plan/       what a run would do, as data
    progress/   a run while it goes on
    render/     reports, plans and findings for people and for other programs
    local/      the embedded Spectrum-compatible server (extra `local`); imports nothing else of the package
    telemetry/  spans of a run for a collector (extra `otel`)
    app/        what one can do: load, start, go on, settle, look ahead, validate; never prints, reads no environment
    api         the functions of `app/` for other programs
    cli/        argv, terminal, signals, exit codes: one file per command
    airflow/    the provider for Apache Airflow (extra `airflow`)

`tests/test_house.py` holds the package to it.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spectrum_pipelines.api import Abort as Abort
    from spectrum_pipelines.api import Connection as Connection
    from spectrum_pipelines.api import InvalidFile as InvalidFile
    from spectrum_pipelines.api import Loaded as Loaded
    from spectrum_pipelines.api import Report as Report
    from spectrum_pipelines.api import Store as Store
    from spectrum_pipelines.api import Waiting as Waiting
    from spectrum_pipelines.api import adopt as adopt
    from spectrum_pipelines.api import advance as advance
    from spectrum_pipelines.api import load as load
    from spectrum_pipelines.api import open_store as open_store
    from spectrum_pipelines.api import resume as resume
    from spectrum_pipelines.api import retry as retry
    from spectrum_pipelines.api import run as run

__version__ = "0.2.0"

_API = frozenset(
    {"Abort", "Connection", "InvalidFile", "Loaded", "Report", "Store", "Waiting"}
    | {"adopt", "advance", "load", "open_store", "resume", "retry", "run"}
)


def __getattr__(name: str) -> object:
    """Import the API when one of its names is used: the command line starts without it."""
    if name in _API:
        return getattr(importlib.import_module("spectrum_pipelines.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """The names of the API among the others."""
    return sorted([*globals(), *_API])
