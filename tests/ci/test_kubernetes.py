"""The pieces for Kubernetes, Argo CD, Flux and Argo Workflows: their schemas, what starts again, a key for each run."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.command_line import LOGIN, ROOT, call

CI = ROOT / "pipelines" / "ci"
ARGO_CD, FLUX, CRON = (CI / f"kubernetes-{name}.yaml" for name in ("job-argocd", "job-flux", "cronjob"))
ARGO = CI / "argo-workflow.yaml"
JOBS = [ARGO_CD, FLUX, CRON]
by_name = pytest.mark.parametrize("path", JOBS, ids=lambda it: it.stem)


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def job(path: Path) -> Any:
    """The spec of the Job, also of the one that a CronJob makes."""
    spec = loaded(path)["spec"]
    return spec.get("jobTemplate", {}).get("spec", spec)


def container(path: Path) -> Any:
    (found,) = job(path)["template"]["spec"]["containers"]
    return found


@by_name
# Before 1.29 the published schema asks a rule for both of its alternatives, which the server never did.
@pytest.mark.parametrize("version", ["1.29", "1.33"])
def test_kubernetes_own_schema_accepts_it(path: Path, version: str) -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="brings the schemas")
    kubernetes_validate.validate(loaded(path), version, strict=True)


def test_argos_own_models_accept_it_and_know_every_field() -> None:
    models = pytest.importorskip("hera.workflows.models", reason="brings models made from Argo's own schema")
    documents = list(yaml.safe_load_all(ARGO.read_text(encoding="utf-8")))
    assert [it["kind"] for it in documents] == ["WorkflowTemplate", "CronWorkflow"]
    for one in documents:
        model = getattr(models, one["kind"]).model_validate(one)
        # What the models do not know is lost on the way.
        assert model.model_dump(by_alias=True, exclude_unset=True, mode="json") == one


@by_name
def test_a_pod_is_replaced_only_where_the_next_one_can_go_on(path: Path) -> None:
    spec = job(path)
    pod = spec["template"]["spec"]
    disrupted, final = spec["podFailurePolicy"]["rules"]
    assert spec["backoffLimit"] > 0
    assert pod["restartPolicy"] == "Never", "podFailurePolicy wants it"
    assert disrupted["action"] == "Ignore"
    codes = final["onExitCodes"]
    assert (final["action"], codes["operator"], codes["containerName"]) == ("FailJob", "NotIn", container(path)["name"])
    assert set(codes["values"]) == {3, 128 + 9, 128 + 15}, "unreachable, killed, terminated"
    assert spec["activeDeadlineSeconds"] > 8 * 3600 + 600, "above the timeouts that the piece names"
    assert pod["terminationGracePeriodSeconds"] >= 30


@by_name
def test_state_stands_in_a_database_and_no_secret_in_the_file(path: Path) -> None:
    values = {it["name"]: it.get("value") for it in container(path)["env"]}
    assert values["SPECTRUM_STATE"].startswith("postgresql://")
    assert "PASSWORD" not in " ".join(name for name in values if not name.endswith("_FILE"))
    kinds = {kind for volume in job(path)["template"]["spec"]["volumes"] for kind in volume if kind != "name"}
    assert kinds == {"configMap", "secret"}
    assert all(mount["readOnly"] for mount in container(path)["volumeMounts"])


def key(env: list[dict[str, Any]], metadata: dict[str, dict[str, str]]) -> str:
    """SPECTRUM_RUN_KEY as a pod with this metadata sees it."""
    seen: dict[str, str] = {}
    for one in env:
        if "valueFrom" in one:
            match = re.fullmatch(r"metadata\.(annotations|labels)\['(.+)'\]", one["valueFrom"]["fieldRef"]["fieldPath"])
            assert match
            # What a pod does not have comes as an empty text.
            seen[one["name"]] = metadata.get(match[1], {}).get(match[2], "")
        else:
            seen[one["name"]] = one["value"]
    return seen["SPECTRUM_RUN_KEY"]


def flux_key(revision: str | None) -> str:
    """Flux fills `${NAME}` in the whole text; without `postBuild` it fills nothing."""
    text = FLUX.read_text(encoding="utf-8")
    filled = text if revision is None else text.replace("${REVISION}", revision)
    template = yaml.safe_load(filled)["spec"]["template"]
    return key(template["spec"]["containers"][0]["env"], template["metadata"])


def argo_cd_key(revision: str | None) -> str:
    annotations = {} if revision is None else {"spectrum-pipelines/revision": revision}
    return key(container(ARGO_CD)["env"], {"annotations": annotations})


def cron_key(uid: str | None) -> str:
    labels = {} if uid is None else {"batch.kubernetes.io/controller-uid": uid}
    return key(container(CRON)["env"], {"labels": labels})


def argo_key(uid: str | None, pipeline: str) -> str:
    template = next(yaml.safe_load_all(ARGO.read_text(encoding="utf-8")))["spec"]["templates"][1]
    (found,) = [it.partition("=")[2] for it in template["container"]["args"] if it.startswith("--run-key=")]
    if uid is not None:
        found = found.replace("{{workflow.uid}}", uid).replace("{{inputs.parameters.pipeline}}", pipeline)
    return str(found)


def test_each_run_has_a_key_of_its_own_and_each_further_pod_the_same() -> None:
    assert argo_cd_key("4b825dc6") == "4b825dc6"
    assert flux_key("4b825dc6") == "4b825dc6"
    assert cron_key("u-1") == "u-1"
    assert argo_key("u-1", "load") == "u-1-load"
    assert len({argo_key("u-1", "load"), argo_key("u-1", "publish"), argo_key("u-2", "load")}) == 3


UNFILLED = {
    "Argo CD: no annotation": argo_cd_key(None),
    "Argo CD: not substituted": argo_cd_key("$ARGOCD_APP_REVISION"),
    "Flux: no postBuild": flux_key(None),
    "Flux: no such variable": flux_key(""),
    "Argo Workflows: not substituted": argo_key(None, "load"),
    "CronJob: no such label": cron_key(None),
}


@pytest.mark.parametrize("unfilled", UNFILLED.values(), ids=UNFILLED)
def test_a_key_that_nobody_has_filled_in_is_refused_before_anything_is_triggered(unfilled: str, tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("version: 1\nname: one\njobs: {a: {trigger: 1}}\n", encoding="utf-8")
    env = {**LOGIN, "SPECTRUM_URL": "http://127.0.0.1:9", "SPECTRUM_RUN_KEY": unfilled}
    shown = call("run", "one.yaml", cwd=tmp_path, env=env)
    assert shown.code == 2
    assert "key" in shown.stderr
    assert "127.0.0.1" not in shown.stderr, "no server was asked"


def test_argo_repeats_3_only_and_gives_time_to_stop() -> None:
    spec = next(yaml.safe_load_all(ARGO.read_text(encoding="utf-8")))["spec"]
    template = next(it for it in spec["templates"] if it["name"] == "pipeline")
    assert template["retryStrategy"]["expression"] == "asInt(lastRetry.exitCode) == 3"
    assert template["retryStrategy"]["retryPolicy"] == "OnFailure"
    assert yaml.safe_load(template["podSpecPatch"])["terminationGracePeriodSeconds"] >= 30
    assert spec["onExit"] in {it["name"] for it in spec["templates"]}
    for task in spec["templates"][0]["dag"]["tasks"]:
        assert task["template"] == "pipeline", "one container step for each pipeline"
