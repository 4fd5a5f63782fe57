"""Findings as GitLab's Code Quality report: a list that a merge request shows beside its changes.

GitLab compares the reports of two branches by fingerprint. So a fingerprint knows the file, the kind of fault and its words, but no
line: a fault that only moved is the same fault. Equal ones within a file are told apart by their order.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from spectrum_pipelines.document.diagnostic import Diagnostic, Severity, in_order
from spectrum_pipelines.words.clean import clean

_SEVERITIES = {Severity.ERROR: "major", Severity.WARNING: "minor"}


def render_gitlab(diagnostics: Iterable[Diagnostic]) -> str:
    """An array, empty without findings, with a line break at its end. Files must be named from the root of the repository."""
    entries = [_entry(it, mark) for it, mark in fingerprints(in_order(diagnostics))]
    # `##vso[` is a command to Azure wherever it stands in a line, and `##` stands in JSON inside of strings only.
    return json.dumps(entries, indent=2).replace("##", "\\u0023\\u0023") + "\n"


def fingerprints(diagnostics: Iterable[Diagnostic]) -> Iterable[tuple[Diagnostic, str]]:
    """Each finding with a name that survives a change of its line; no two are equal. The SARIF log uses them as well."""
    seen: Counter[tuple[str, str, str]] = Counter()
    for it in diagnostics:
        same = (it.file, it.code, it.message)
        text = json.dumps([*same, seen[same]])
        seen[same] += 1
        yield it, hashlib.sha256(text.encode()).hexdigest()[:32]


def _entry(it: Diagnostic, fingerprint: str) -> dict[str, Any]:
    hint = f" ({clean(it.hint)})" if it.hint else ""
    return {
        "description": f"{clean(it.message)}{hint}",
        "check_name": it.code,
        "fingerprint": fingerprint,
        "severity": _SEVERITIES[it.severity],
        "location": {"path": it.file, "lines": {"begin": it.span.start.line, "end": it.span.end.line}},
    }
