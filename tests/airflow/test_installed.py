"""The provider in a real Airflow of each major: DAG files, forms, and `airflow dags test` against the embedded server.

Airflow needs an environment of its own: `AIRFLOW_VENVS` names those that hold one and the project. Without it these tests are
skipped.
"""

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from spectrum_pipelines import open_store
from spectrum_pipelines.airflow import CONNECTION_FIELDS
from spectrum_pipelines.local.serving import RunningServer
from spectrum_pipelines.store import admin
from spectrum_pipelines.store.leasing import named_run
from tests.airflow.environments import ROOT
from tests.airflow.installed import Airflow
from tests.cli.command_line import embedded
from tests.databases import OWNER, PASSWORDS, DatabaseServer, database_server, why_not

VENVS = [Path(it) for it in os.environ.get("AIRFLOW_VENVS", "").split(":") if it]
PAGES = "https://reports.example.com/spectrum"
DAGS = ROOT / "pipelines" / "airflow"
WHY = "needs an Airflow: AIRFLOW_VENVS=VENV[:VENV] pytest tests/airflow, see tests/README.md"

pytestmark = [pytest.mark.skipif(not VENVS, reason=WHY), pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("workspace")
    shutil.copytree(ROOT / "pipelines" / "workspace", folder, dirs_exist_ok=True)
    with embedded(folder / "workspace.yaml") as running:
        yield running


def connection_to(server: RunningServer, extra: Mapping[str, str]) -> dict[str, Any]:
    return {
        "conn_type": "spectrum",
        "schema": "http",
        "host": "127.0.0.1",
        "port": urlsplit(server.url).port,
        "login": "analyst",
        "password": "analyst",
        "extra": extra,
    }


@pytest.fixture(scope="module", params=VENVS, ids=lambda venv: venv.name)
def airflow(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, server: RunningServer
) -> Iterator[Airflow]:
    home = tmp_path_factory.mktemp("airflow")
    connection = connection_to(server, {"state": str(home / "state")})
    settings = {"AIRFLOW_CONN_SPECTRUM_DEFAULT": json.dumps(connection)}
    with Airflow(request.param, home, DAGS, settings) as installed:
        yield installed


def triggered(server: RunningServer, before: int) -> list[int]:
    """The files of the executions since then, without those that the server starts downstream of them."""
    return sorted(file for one in server.executions()[before:] if (file := int(one.file_id)) in {4, 5, 10})


def answer(airflow: Airflow, script: str, *words: str) -> Any:
    """The last line that a script prints, as JSON."""
    return json.loads(airflow.python(script, *words).strip().rpartition("\n")[2])


BAG = """
import json, sys
from airflow.models import DagBag
bag = DagBag(sys.argv[1])
shown = {
    name: {
        "tasks": {it.task_id: [sorted(it.downstream_task_ids), it.trigger_rule] for it in dag.tasks},
        "max_active_tasks": dag.max_active_tasks,
        "teardowns": [it.task_id for it in dag.tasks if it.is_teardown],
    }
    for name, dag in bag.dags.items()
}
print(json.dumps([shown, {name.rpartition("/")[2]: text for name, text in bag.import_errors.items()}], default=str))
"""


def test_the_dag_files_of_the_examples(airflow: Airflow) -> None:
    dags, errors = answer(airflow, BAG, str(DAGS))
    assert errors == {}
    assert list(dags["nightly_one_task"]["tasks"]) == ["nightly"]
    assert dags["nightly_tasks"] == {
        "tasks": {
            "airports": [["states"], "all_success"],
            "flights": [["states"], "all_success"],
            "states": [[], "all_success"],
        },
        "max_active_tasks": 2,
        "teardowns": [],
    }


GROUP = """
from datetime import datetime
from airflow.providers.common.compat.sdk import DAG
from spectrum_pipelines.airflow import SpectrumTaskGroup, SpectrumPipelineOperator
with DAG("grouped", start_date=datetime(2026, 1, 1), schedule=None):
    group = SpectrumTaskGroup(r"{folder}/good.yaml")
    group >> SpectrumPipelineOperator(task_id="after", pipeline=r"{folder}/good.yaml")
"""
SINGLE = """
from spectrum_pipelines.airflow import spectrum_dag
dag = spectrum_dag(r"{folder}/{name}.yaml")
"""
GOOD = """version: 1
name: good
jobs:
  load: {trigger: 20}
  sales: {needs: [load], run_if: all_done, trigger: 20}
finally:
  cleanup: {delete_data: ["${jobs.load.execution_id}"], if_missing: ok}
"""


def test_a_group_of_tasks_and_one_broken_file(airflow: Airflow, tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "bad.yaml").write_text("version: 1\nname: bad\njobs:\n  load: {triger: 20}\n", encoding="utf-8")
    (tmp_path / "group.py").write_text(GROUP.replace("{folder}", str(tmp_path)), encoding="utf-8")
    for name in ("good", "bad"):
        text = SINGLE.replace("{folder}", str(tmp_path)).replace("{name}", name)
        (tmp_path / f"{name}_dag.py").write_text(text, encoding="utf-8")
    dags, errors = answer(airflow, BAG, str(tmp_path))
    assert list(errors) == ["bad_dag.py"]
    assert f"{tmp_path}/bad.yaml:4:10" in errors["bad_dag.py"]
    assert "did you mean `trigger`?" in errors["bad_dag.py"]
    assert dags["good"]["tasks"] == {
        "load": [["sales"], "all_success"],
        "sales": [["cleanup"], "all_done"],
        "cleanup": [[], "all_done_setup_success"],
    }
    assert dags["good"]["teardowns"] == ["cleanup"]
    assert set(dags["grouped"]["tasks"]) == {"good.load", "good.sales", "good.cleanup", "after"}


def test_the_dag_files_of_the_readme(airflow: Airflow, tmp_path: Path) -> None:
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## In Airflow\n")[2].partition("\n## ")[0]
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", section, re.DOTALL)):
        text = block.replace("/opt/pipelines", str(DAGS))
        (tmp_path / f"readme_{number}.py").write_text(text, encoding="utf-8")
    dags, errors = answer(airflow, BAG, str(tmp_path))
    assert errors == {}
    assert {name: list(dag["tasks"]) for name, dag in dags.items()} == {
        "nightly": ["nightly"],
        "nightly_tasks": ["airports", "flights", "states"],
    }


LIGHT = """
import json, sys
from airflow.providers.common.compat.sdk import DAG, BaseHook, BaseOperator, BaseOperatorLink, TaskGroup, XCom, conf
from airflow.triggers.base import BaseTrigger
before = set(sys.modules)
from spectrum_pipelines.airflow import SpectrumPipelineOperator, spectrum_dag
spectrum_dag(sys.argv[1], dag_id="one")
print(json.dumps(sorted({name.partition(".")[0] for name in set(sys.modules) - before})))
"""


def test_a_dag_file_is_light(airflow: Airflow) -> None:
    brought = answer(airflow, LIGHT, str(DAGS / "nightly.yaml"))
    assert not {"requests", "urllib3", "click", "rich", "jinja2", "duckdb", "psycopg", "tenacity"} & set(brought)


FORM = """
import json
from airflow.providers_manager import ProvidersManager
print(json.dumps(sorted(k for k in ProvidersManager().connection_form_widgets if k.startswith("extra__spectrum__"))))
"""


def test_the_form_of_a_connection_has_our_fields(airflow: Airflow) -> None:
    assert "spectrum_pipelines.airflow.hook.SpectrumHook" in airflow.call("providers", "hooks", "-o", "plain")
    fields = {name.removeprefix("extra__spectrum__") for name in answer(airflow, FORM)}
    assert fields == set(CONNECTION_FIELDS)


HALF = """
import json
from spectrum_pipelines.airflow import SpectrumHook
from spectrum_pipelines.errors import UserError
try:
    SpectrumHook("half").access()
except UserError as error:
    print(json.dumps([error.message, error.hint]))
"""


def test_a_connection_names_the_folder_of_pages_and_its_address(airflow: Airflow, server: RunningServer) -> None:
    half = json.dumps(connection_to(server, {"reports": "/srv/reports"}))
    told, hint = answer(airflow.elsewhere(DAGS, {"AIRFLOW_CONN_HALF": half}), HALF)
    assert told == "the connection `half` has one of `reports` and `reports_url`"
    assert hint.startswith("give both")


@pytest.mark.parametrize("dag", ["nightly_one_task", "nightly_tasks"])
def test_a_dag_of_the_examples_runs(airflow: Airflow, server: RunningServer, dag: str) -> None:
    before = len(server.executions())
    airflow.call("dags", "test", dag)
    assert triggered(server, before) == [4, 5, 10], "each job once"


WIDE = """
import json
from datetime import datetime
from pathlib import Path
from airflow.providers.common.compat.sdk import DAG, BaseOperator
from spectrum_pipelines.airflow import SpectrumPipelineOperator

FOLDER = Path(r"{folder}")

class Note(BaseOperator):
    def execute(self, context):
        ti = context["ti"]
        left = [ti.xcom_pull(task_ids=task, key=key) for task in ("mapped", "templated") for key in KEYS]
        (FOLDER / "left.json").write_text(json.dumps(left, default=list))

KEYS = ("return_value", "spectrum_report_url")
given = {"file": "wide", "environment": "test", "day": "today-1d", "only": "one", "conn": "spectrum_shared"}
with DAG("wide", start_date=datetime(2026, 1, 1), schedule=None, params=given):
    mapped = SpectrumPipelineOperator.partial(
        task_id="mapped", pipeline=FOLDER / "wide.yaml", conn_id="spectrum_shared", only=["one"]
    ).expand(variables=[{"id": 4}, {"id": 5}])
    templated = SpectrumPipelineOperator(
        task_id="templated",
        pipeline=str(FOLDER / "{{ params.file }}.yaml"),
        environment="{{ params.environment }}",
        variables={"day": "{{ params.day }}"},
        only=["{{ params.only }}"],
        conn_id="{{ params.conn }}",
    )
    mapped >> templated >> Note(task_id="note")
"""
PIPELINE = """version: 1
name: wide
variables:
  id: {type: number, default: 20}
  day: {type: date, default: today}
environments:
  test: {variables: {id: 10}}
jobs:
  one: {description: "of ${var.day}", trigger: "${var.id}", on_running: wait}
  two: {trigger: 20}
"""


@pytest.fixture(scope="module")
def database() -> Iterator[DatabaseServer]:
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    with database_server() as server:
        yield server


def test_mapped_and_templated_tasks_with_their_journals_in_a_database(
    airflow: Airflow, server: RunningServer, database: DatabaseServer, tmp_path: Path
) -> None:
    where = database.url(schema=database.new_schema())
    with open_store(where, password=PASSWORDS[OWNER]) as store:
        admin.init(store)
    (tmp_path / "wide.yaml").write_text(PIPELINE, encoding="utf-8")
    (tmp_path / "wide_dag.py").write_text(WIDE.replace("{folder}", str(tmp_path)), encoding="utf-8")
    (tmp_path / "pages").mkdir()
    extra = {
        "state": where,
        "state_password": PASSWORDS[OWNER],
        "reports": str(tmp_path / "pages"),
        "reports_url": PAGES,
    }
    connection = connection_to(server, extra)
    before = len(server.executions())
    airflow.elsewhere(tmp_path, {"AIRFLOW_CONN_SPECTRUM_SHARED": json.dumps(connection)}).call("dags", "test", "wide")
    assert triggered(server, before) == [4, 5, 10]
    mapped, mapped_urls, templated, url = json.loads((tmp_path / "left.json").read_text(encoding="utf-8"))
    assert [one["status"] for one in (*mapped, templated)] == ["succeeded"] * 3
    assert [*mapped_urls, url] == [f"{PAGES}/{one['run_id']}.html" for one in (*mapped, templated)]
    assert {path.stem for path in (tmp_path / "pages").iterdir()} == {one["run_id"] for one in (*mapped, templated)}
    with open_store(where, password=PASSWORDS[OWNER]) as store:
        reports = [json.loads(named_run(store, one["run_id"]).report() or b"") for one in (*mapped, templated)]
    origins = [report["origin"] for report in reports]
    assert [(it["dag"], it["task"], it["map_index"], it["try"]) for it in origins] == [
        ("wide", "mapped", "0", "1"),
        ("wide", "mapped", "1", "1"),
        ("wide", "templated", "-1", "1"),
    ]
    assert [report["run_key"].rpartition("/mapped/")[2] for report in reports[:2]] == ["0", "1"]
    assert (reports[2]["environment"], reports[2]["only"]) == ("test", ["one"])
