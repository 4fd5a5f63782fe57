"""Findings as a SARIF 2.1.0 log: what GitHub's code scanning, Azure DevOps and editors read.

SARIF's end of a region is exclusive, as ours is, and its columns may be told to count characters. A message may hold links in
Markdown's way (`[text](target)`), so foreign text that looks like one is taken apart by a space.
"""

import json
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from spectrum_pipelines.document.diagnostic import Diagnostic, in_order
from spectrum_pipelines.document.position import Span
from spectrum_pipelines.render.findings.gitlab import fingerprints
from spectrum_pipelines.words.clean import clean

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def render_sarif(diagnostics: Iterable[Diagnostic], *, version: str, complete: bool = True) -> str:
    """A log with one run and a line break at its end. `version` is this program's.

    `complete` is False when a file could not be read. Files must be named from the root of the repository.
    """
    every = in_order(diagnostics)
    rules = {code: number for number, code in enumerate(sorted({it.code for it in every}))}
    driver = {
        "name": "spectrum-pipelines",
        "version": version,
        "rules": [{"id": code, "shortDescription": {"text": code.replace("-", " ")}} for code in rules],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": complete}],
        "results": [_result(it, rules, mark) for it, mark in fingerprints(every)],
    }
    text = json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)
    # `##vso[` is a command to Azure wherever it stands in a line, and `##` stands in JSON inside of strings only.
    return text.replace("##", "\\u0023\\u0023") + "\n"


def _result(it: Diagnostic, rules: dict[str, int], fingerprint: str) -> dict[str, Any]:
    hint = f"\nhint: {_plain(it.hint)}" if it.hint else ""
    result: dict[str, Any] = {
        "ruleId": it.code,
        "ruleIndex": rules[it.code],
        "level": it.severity.value,
        "message": {"text": f"{_plain(it.message)}{hint}"},
        "locations": [_location(it.file, it.span)],
        "partialFingerprints": {"spectrumPipelines/v1": fingerprint},
    }
    if it.related:
        result["relatedLocations"] = [
            {"id": number, **_location(other.file or it.file, other.span), "message": {"text": _plain(other.message)}}
            for number, other in enumerate(it.related)
        ]
    return result


def _location(file: str, span: Span) -> dict[str, Any]:
    region = {
        "startLine": span.start.line,
        "startColumn": span.start.column,
        "endLine": span.end.line,
        "endColumn": span.end.column,
    }
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(file)}, "region": region}}


def _uri(file: str) -> str:
    path = PurePath(file)
    # A name that is no UTF-8 came in as surrogates; its own bytes are what a URI wants.
    return path.as_uri() if path.is_absolute() else quote(path.as_posix(), errors="surrogateescape")


def _plain(text: str) -> str:
    return clean(text).replace("](", "] (")
