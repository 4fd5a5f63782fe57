"""A plan as JSON, for scripts: one object, keys in a fixed order, secrets as `***`, durations in seconds.

::

    {"plan_version": 1,
     "pipeline": {"name", "file", "digest", "description"},
     "server", "environment", "timezone" (where it is not UTC), "variables": {name: value},
     "timeouts": {"pipeline", "finally"},
     "concurrency": {"group", "behavior", "max_parallel", "timeout" (where it is not a day)},
     "fail_fast", "on_abort",
     "waves": [[job id]], "finally_waves": [[job id]],
     "jobs": [{"id", "line", "description", "finally", "wave", "action", "target", "variables", "if_missing", "needs", "dependents",
               "run_if", "allow_failure", "expect", "policy": {key: {"value", "from", "line", "environment"}},
               "max_triggers", "max_executions", "worst_case_seconds"}],
     "off" (where there is any): [{"id", "line", "environment", "condition"}],
     "critical_path": [job id],
     "totals": {"jobs", "max_triggers", "max_executions", "worst_case_seconds"}}

`target` is a text, or a list of ids for `sequence` and `delete_data`. `from` is `tool`, `defaults` or `job`. What only the run will
know is written as the reference that stands for it. `max_executions` is null where a sequence starts what stands downstream of it.
"""

import json
from collections.abc import Mapping
from typing import Any

from spectrum_pipelines.pipeline.form.origin import Origin
from spectrum_pipelines.pipeline.model.pipeline import UTC, Concurrency, Job, SwitchedOff
from spectrum_pipelines.pipeline.model.policy import Policy
from spectrum_pipelines.plan.facts import PlanFacts, expect_facts, policy_facts
from spectrum_pipelines.plan.waves import JobPlan
from spectrum_pipelines.words.clean import readable


def render_json(facts: PlanFacts) -> str:
    """Write a plan as indented JSON with a line break at its end; ASCII only, so that no foreign text acts on a terminal."""
    # `##vso[` is a command to Azure wherever it stands in a line; within JSON, `##` stands in strings only.
    return json.dumps(plan_data(facts), indent=2).replace("##", "\\u0023\\u0023") + "\n"


def stored_json(data: Mapping[str, Any]) -> str:
    """What `plan_data` gives as JSON, for programs: a plan of ten thousand jobs is written in a fifth of the time."""
    return json.dumps(data).replace("##", "\\u0023\\u0023") + "\n"


def plan_data(facts: PlanFacts) -> dict[str, Any]:
    """The plan as data. Jobs with the same policy share it: not to be changed."""
    pipeline, plan = facts.pipeline, facts.plan
    policies: dict[Policy, Mapping[str, Any]] = {}
    concurrency = pipeline.concurrency
    return {
        "plan_version": 1,
        "pipeline": {
            "name": pipeline.name,
            "file": readable(facts.file),
            "digest": facts.digest,
            **({"fragments": facts.fragments} if facts.fragments else {}),
            "description": facts.shown(pipeline.description),
        },
        "server": facts.shown(pipeline.server.url),
        "environment": pipeline.environment,
        **({"timezone": pipeline.timezone} if pipeline.timezone != UTC else {}),
        "variables": facts.variables(),
        "timeouts": {"pipeline": pipeline.timeout, "finally": pipeline.finally_timeout},
        "concurrency": {
            "group": facts.shown(concurrency.group),
            "behavior": concurrency.behavior.value,
            "max_parallel": concurrency.max_parallel,
            **({"timeout": concurrency.timeout} if concurrency.timeout != Concurrency().timeout else {}),
        },
        "fail_fast": pipeline.fail_fast,
        "on_abort": pipeline.on_abort.value,
        "waves": [list(wave) for wave in plan.waves],
        "finally_waves": [list(wave) for wave in plan.finally_waves],
        "jobs": [_job(facts, job, plan.jobs[job.id], policies) for job in pipeline.jobs.values()],
        **({"off": [_off(it) for it in pipeline.off]} if pipeline.off else {}),
        "critical_path": list(plan.critical_path),
        "totals": {
            "jobs": len(pipeline.jobs),
            "max_triggers": plan.max_triggers,
            "max_executions": plan.max_executions,
            "worst_case_seconds": plan.worst_case,
        },
    }


def _job(facts: PlanFacts, job: Job, planned: JobPlan, policies: dict[Policy, Mapping[str, Any]]) -> dict[str, Any]:
    action = facts.action(job)
    return {
        "id": job.id,
        "line": job.line,
        **({"file": job.file} if job.file else {}),
        "description": facts.shown(job.description),
        "finally": job.is_finally,
        "wave": planned.wave,
        "action": action.word,
        "target": action.target,
        "variables": action.variables,
        "if_missing": action.if_missing,
        "needs": list(job.needs),
        "dependents": list(planned.dependents),
        "run_if": job.run_if.value,
        "allow_failure": job.allow_failure,
        "expect": expect_facts(job.expect),
        "policy": _policy(facts, job, policies),
        "max_triggers": planned.max_triggers,
        "max_executions": planned.max_executions,
        "worst_case_seconds": planned.worst_case,
    }


def _off(job: SwitchedOff) -> dict[str, Any]:
    file = {"file": job.file} if job.file else {}
    return {"id": job.id, "line": job.line, **file, "environment": job.environment, "condition": job.condition}


def _policy(facts: PlanFacts, job: Job, shared: dict[Policy, Mapping[str, Any]]) -> Mapping[str, Any]:
    origins = facts.origins.of(job.id, is_finally=job.is_finally)
    if origins is not facts.origins.defaults:
        return _policy_entry(origins, job.policy)
    if job.policy not in shared:
        shared[job.policy] = _policy_entry(origins, job.policy)
    return shared[job.policy]


def _policy_entry(origins: Mapping[str, Origin], policy: Policy) -> Mapping[str, Any]:
    return {
        key: {
            "value": value,
            "from": origins[key].layer.value,
            "line": origins[key].line,
            "environment": origins[key].environment,
            **({"file": origins[key].file} if origins[key].file else {}),
        }
        for key, value in policy_facts(policy).items()
    }
