"""The embedded server behind a network that cuts, resets, drips, hangs and truncates; the server counts what was started."""

from collections.abc import Callable

import pytest

from spectrum_pipelines.engine import facts as ev
from tests.faults.embedded import Embedded
from tests.faults.project import Project
from tests.faults.proxy import FaultProxy

JOBS = {
    "load": {"trigger": "/Data/orders.imp", "retry": {"limit": 1, "interval": "10ms"}},
    "sales": {"trigger": 24, "needs": ["load"]},
    "more": {"trigger": 22},
}


@pytest.mark.parametrize("seed", range(12))
def test_fault_19_a_broken_network_costs_no_job_and_doubles_none(beside: Callable[[], Project], seed: int) -> None:
    project = beside()
    assert isinstance(project.judge, Embedded)
    with FaultProxy(project.judge.url, seed=seed) as proxy:
        project.url = proxy.url
        http = {"connect_timeout": "300ms", "read_timeout": "200ms", "retry": {"limit": 8, "interval": "20ms"}}
        project.pipeline(http=http, jobs=JOBS)
        outcome = project.run()
    # A POST that was refused a connection is sent again, one that was lost is looked for: nothing is left unknown here,
    # unless the network swallowed the request itself.
    lost = [one.job for one in outcome.events(ev.TriggerAmbiguous)]
    assert outcome.code in ({0, 5} if lost else {0}), f"{proxy.done} {outcome.stderr}"
    if outcome.code == 0:
        assert project.judge.started() == {20: 2, 24: 1, 22: 1}


def test_fault_54_the_embedded_server_is_started_for_a_run_on_loopback_only(
    beside: Callable[[], Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its gate (loopback, Host, no CORS) is held by its own tests; here a whole run goes through it, with its own login."""
    project = beside()
    workspace = project.folder / "workspace.yaml"
    workspace.write_text(
        "version: 1\nusers: [{name: analyst, password: analyst}]\n"
        "files: [{id: 48, path: /x.wbk, simulate: {duration: 50ms}}]\n"
    )
    project.url, project.judge = None, None
    project.jobs(load={"trigger": 48})
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    for name in ("SPECTRUM_USERNAME", "SPECTRUM_PASSWORD"):
        monkeypatch.delenv(name)
    outcome = project.run("--local", str(workspace))
    assert outcome.code == 0, outcome.stderr
    assert outcome.report is not None
    assert outcome.report["server"].startswith("http://127.0.0.1:")
