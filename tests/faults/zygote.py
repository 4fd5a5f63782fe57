"""A warm process that forks a CLI per order: a real process with a real end, without half a second of imports each time.

Orders come as lines of JSON on stdin; for each, `{"pid": ...}` and later `{"code": ...}` go to stdout. A negative code is a signal.
"""

import json
import os
import sys
from typing import Any

import requests  # noqa: F401 - to be warm
import tenacity  # noqa: F401 - to be warm

from spectrum_pipelines.cli import adopt, report, resume, run  # noqa: F401 - to be warm
from spectrum_pipelines.cli.main import main
from spectrum_pipelines.client import transport  # noqa: F401 - to be warm
from spectrum_pipelines.engine import following, looking, lookup, triggering
from spectrum_pipelines.output import progress_json, progress_plain, report_text  # noqa: F401 - to be warm
from tests.faults import sabotage


def serve() -> None:
    lookup._FIRST_REST = 0.02
    for module in (following, looking, triggering):
        module.LONGEST_SILENCE = 0.6  # type: ignore[attr-defined]
    for line in sys.stdin:
        order = json.loads(line)
        sys.stdout.flush()
        pid = os.fork()
        if not pid:
            _become(order)
        print(json.dumps({"pid": pid}), flush=True)  # noqa: T201 - the protocol
        _, status = os.waitpid(pid, 0)
        print(json.dumps({"code": os.waitstatus_to_exitcode(status)}), flush=True)  # noqa: T201 - the protocol


def _become(order: dict[str, Any]) -> None:
    code = 99
    try:
        os.setpgid(0, 0)
        for number, name, flags in (
            (0, os.devnull, os.O_RDONLY),
            (1, order["stdout"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
            (2, order["stderr"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
        ):
            os.dup2(os.open(name, flags, 0o600), number)
        sys.stdin = open(0, closefd=False, encoding="utf-8")  # noqa: SIM115 - a descriptor, for the life of the process
        sys.stdout = open(1, "w", closefd=False, encoding="utf-8")  # noqa: SIM115
        sys.stderr = open(2, "w", closefd=False, encoding="utf-8", buffering=1)  # noqa: SIM115
        os.environ.clear()
        os.environ.update(order["environment"])
        os.chdir(order["folder"])
        if order["sabotage"] is not None:
            sabotage.install(**order["sabotage"])
        main(order["arguments"])
    except SystemExit as ended:
        code = int(ended.code or 0)
        sys.stderr.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    serve()
