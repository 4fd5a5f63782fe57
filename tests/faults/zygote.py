"""A warm process that forks a CLI per order: a real process with a real end, without half a second of imports each time.

Warm is what has done its work once: imports alone leave out what a command imports, compiles and prepares when it comes to it.

Orders come as lines of JSON on stdin; for each, `{"pid": ...}` and later `{"code": ...}` go to stdout. A negative code is a signal.
"""

import gc
import json
import os
import sys
import tempfile
import threading
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

from spectrum_pipelines.cli.commands import adopt, report, resume  # noqa: F401 - to be warm
from spectrum_pipelines.cli.main import main, run
from spectrum_pipelines.engine.requests import Request
from spectrum_pipelines.runner.loop import Heard
from spectrum_pipelines.runner.workers import Workers
from tests.faults import sabotage
from tests.faults.project import pipeline_text
from tests.patience import be_impatient


def serve() -> None:
    _rehearse()
    be_impatient(lookup_first_rest=0.02, longest_silence=0.6)
    for line in sys.stdin:
        order = json.loads(line)
        sys.stdout.flush()
        pid = os.fork()
        if not pid:
            _become(order)
        print(json.dumps({"pid": pid}), flush=True)  # noqa: T201 - the protocol
        _, status = os.waitpid(pid, 0)
        print(json.dumps({"code": os.waitstatus_to_exitcode(status)}), flush=True)  # noqa: T201 - the protocol


def _rehearse() -> None:
    """A run that finds no server, so that its imports, patterns and schemas are there when a child wants them."""
    with tempfile.TemporaryDirectory() as name, Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        file = Path(name) / "rehearsal.yaml"
        file.write_text(pipeline_text(http={"retry": {"limit": 0}}, jobs={"sales": {"trigger": 24}}), encoding="utf-8")
        at_once = patch.object(Workers, "submit", _submit_at_once)
        with at_once, redirect_stdout(nowhere), redirect_stderr(nowhere):
            run(["run", str(file), "--state-dir", str(Path(name) / "state"), "--server", "http://127.0.0.1:9"])
    assert threading.active_count() == 1, "a process with threads is not one to fork"
    gc.collect()
    gc.freeze()  # else the collector of every child looks at all this, and has it copied


def _submit_at_once(workers: Workers, request: Request) -> None:
    workers._outstanding += 1
    workers._arrived.put(Heard(request=request, outcome=workers._perform(request)))


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
