"""Traces of runs, for people who look at many systems at once (extra `otel`). OpenTelemetry is imported only where it is wanted.

::

    spans    pure: which span a fact ends, under which ids, with which attributes
    export   the observer that sends them to a collector
"""
