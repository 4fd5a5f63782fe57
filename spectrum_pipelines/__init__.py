"""Declarative pipelines for Datameer Spectrum. The packages read in the order in which the data travels.

::

    errors      whose fault is it: the exception tree and the exit codes
    clock       the only place with a clock or a sleep
    spectrum    Spectrum's own nouns: ids, status words, typed answers
    document/   text -> data with lines -> faults; knows YAML and JSON Schema, not pipelines
    pipeline/   checked document -> frozen model -> DAG; pure
    engine/     events, state, commands, decide; pure
    client/     requests and tenacity around Spectrum's REST API; knows neither pipelines nor the engine
    runner      the loop: decide -> perform -> events -> journal -> apply -> observers
    output/     journal, report, progress, diagnostics: folds of events, and renderings
    cli/        one file per command; the only place that reads argv and environment, prints and exits
    local/      the embedded Spectrum-compatible server (extra `local`); imports nothing else of the package

Imports run down this list only; `tests/test_house.py` holds the package to it.
"""

__version__ = "0.1.0"
