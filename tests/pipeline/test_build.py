import pytest

from spectrum_pipelines.document.diagnostic import Severity
from spectrum_pipelines.pipeline.build import Given, check, digest
from spectrum_pipelines.pipeline.model.action import (
    Action,
    Check,
    DeleteData,
    IfMissing,
    JobId,
    JobOutput,
    Sequence,
    Stop,
    Template,
    Trigger,
    WaitFor,
)
from spectrum_pipelines.pipeline.model.pipeline import (
    Concurrency,
    GroupBehavior,
    Http,
    OnAbort,
    Pipeline,
    Poll,
    RunIf,
    Server,
)
from spectrum_pipelines.pipeline.model.policy import Bound, Expect, OnRunning, Policy, Retry, RetryReason
from tests.pipeline.conftest import built, read, tried


@pytest.mark.parametrize(
    ("body", "action"),
    [
        pytest.param("{trigger: /Data/orders.imp}", Trigger(target="/Data/orders.imp"), id="path"),
        pytest.param("{trigger: 48}", Trigger(target="48"), id="a file id is text in a URI"),
        pytest.param("{trigger: 48.0}", Trigger(target="48"), id="48.0 is an integer to JSON Schema, not to Spectrum"),
        pytest.param("{sequence: [51, 52.0]}", Sequence(file_ids=(51, 52)), id="sequence"),
        pytest.param("{sequence: [1], variables: {a: x}}", Sequence(file_ids=(1,), variables={"a": "x"}), id="variables"),
        pytest.param("{wait_for: 7}", WaitFor(target="7", if_missing=IfMissing.FAIL), id="wait_for"),
        pytest.param("{wait_for: 7, if_missing: ok}", WaitFor(target="7", if_missing=IfMissing.OK), id="wait_for, if any"),
        pytest.param("{check: 7}", Check(target="7"), id="check"),
        pytest.param("{stop: 7}", Stop(target="7", if_missing=IfMissing.OK), id="stop"),
        pytest.param("{stop: 7, if_missing: fail}", Stop(target="7", if_missing=IfMissing.FAIL), id="stop for sure"),
        pytest.param("{delete_data: [272]}", DeleteData(data_ids=(272,), if_missing=IfMissing.FAIL), id="delete_data"),
    ],
)  # fmt: skip
def test_actions(body: str, action: Action) -> None:
    assert built(f"jobs: {{a: {body}}}").jobs[JobId("a")].action == action


def test_what_is_not_said_is_the_default_of_the_model() -> None:
    assert built("jobs: {a: {trigger: 1}}") == Pipeline(name="test", jobs=built("jobs: {a: {trigger: 1}}").jobs), (
        "the model's defaults are the tool's, in one place"
    )
    assert built("jobs: {a: {trigger: 1}}").jobs[JobId("a")].policy == Policy()


def test_settings() -> None:
    pipeline = built("""
description: d
server: {url: "https://h", sequence_path: /x, timezone: UTC}
timeouts: {pipeline: 8h, finally: 1m}
concurrency: {group: g, behavior: fail, max_parallel: 8}
poll: {min: 1s, max: 2s, factor: 0.5, max_per_second: 3}
http: {connect_timeout: 1s, read_timeout: 2s, max_connections: 3, retry: {limit: 4, interval: 0s}}
fail_fast: false
on_abort: detach
jobs: {a: {trigger: 1}}
""")
    assert pipeline.server == Server(url="https://h", sequence_path="/x", timezone="UTC")
    assert (pipeline.timeout, pipeline.finally_timeout) == (28800.0, 60.0)
    assert pipeline.concurrency == Concurrency(group="g", behavior=GroupBehavior.FAIL, max_parallel=8)
    assert pipeline.poll == Poll(min=1.0, max=2.0, factor=0.5, max_per_second=3.0)
    assert pipeline.http == Http(
        connect_timeout=1.0, read_timeout=2.0, max_connections=3, retry_limit=4, retry_interval=0.0
    )
    assert (pipeline.description, pipeline.fail_fast, pipeline.on_abort) == ("d", False, OnAbort.DETACH)


def test_a_job_overrides_defaults_key_by_key_also_within_retry() -> None:
    jobs = built("""
defaults: {timeout: 2h, queue_timeout: 1h, on_running: wait, retry: {limit: 2, interval: 1m, when: [failed]}}
jobs:
  plain: {trigger: 1}
  own: {trigger: 2, timeout: 3h, queue_timeout: none, retry: {limit: 1, max_duration: 5h}}
""").jobs
    retry = Retry(limit=2, interval=60.0, when=frozenset({RetryReason.FAILED}))
    assert jobs[JobId("plain")].policy == Policy(
        timeout=7200.0, queue_timeout=3600.0, on_running=OnRunning.WAIT, retry=retry
    )
    assert jobs[JobId("own")].policy == Policy(
        timeout=10800.0,
        on_running=OnRunning.WAIT,
        retry=Retry(limit=1, interval=60.0, max_duration=18000.0, when=frozenset({RetryReason.FAILED})),
    )


def test_gates() -> None:
    job = built("""
jobs:
  a:
    check: 1
    expect:
      success_count: {min: 1}
      failure_count: {max: 0}
      duration: {max: 30m}
      age: {min: 0s, max: 24h}
      status: [COMPLETED, ERROR]
      counters: {IMPORT_RECORDS: {min: 1, max: 5}}
""").jobs[JobId("a")]
    assert job.expect == Expect(
        success_count=Bound(min=1),
        failure_count=Bound(max=0),
        duration=Bound(max=1800.0),
        age=Bound(min=0.0, max=86400.0),
        status=frozenset({"COMPLETED", "ERROR"}),
        counters={"IMPORT_RECORDS": Bound(min=1, max=5)},
    )


def test_a_matrix_makes_jobs_and_needs_follow_it() -> None:
    jobs = built("""
jobs:
  load: {matrix: {region: [emea, apac], year: [2025, true]}, trigger: "/x ${matrix.region}/${matrix.year}", timeout: 1h}
  all: {needs: [load], trigger: 1}
  one: {needs: ["load[apac,2025]", load], trigger: 2}
""").jobs
    ids = ["load[emea,2025]", "load[emea,true]", "load[apac,2025]", "load[apac,true]"]
    assert list(jobs) == [*ids, "all", "one"]
    assert jobs[JobId("load[apac,true]")].action == Trigger(target="/x apac/true")
    assert jobs[JobId("load[apac,true]")].line == 5
    assert jobs[JobId("all")].needs == tuple(ids)
    assert jobs[JobId("one")].needs == ("load[apac,2025]", "load[emea,2025]", "load[emea,true]", "load[apac,true]")


def test_a_matrix_value_keeps_its_type() -> None:
    jobs = built(
        'jobs: {a: {matrix: {id: [51, 52], n: [1]}, sequence: ["${matrix.id}"], retry: {limit: "${matrix.n}"}}}'
    ).jobs
    assert [job.action for job in jobs.values()] == [Sequence(file_ids=(51,)), Sequence(file_ids=(52,))]
    assert {job.policy.retry.limit for job in jobs.values()} == {1}


def test_outputs_wait_in_templates() -> None:
    job = built("""
jobs:
  a: {matrix: {region: [emea]}, trigger: 1}
  b:
    needs: [a]
    matrix: {k: [x]}
    sequence: ["${jobs.a[emea].execution_id}"]
    variables: {v: "${run.id} ${matrix.k} $${ ${jobs.a[emea].execution_id}!"}
""").jobs[JobId("b[x]")]
    output = JobOutput(job=JobId("a[emea]"))
    assert job.action == Sequence(
        file_ids=(Template((output,)),), variables={"v": Template(("run-1 x ${ ", output, "!"))}
    )


def test_finally_comes_last_and_runs_however_it_ended() -> None:
    pipeline = built("""
finally: {z: {trigger: 1}, y: {needs: [z], run_if: any_failed, trigger: 2}}
jobs: {a: {trigger: 3, allow_failure: true, description: first}}
""")
    assert list(pipeline.jobs) == ["a", "z", "y"]
    assert [job.is_finally for job in pipeline.jobs.values()] == [False, True, True]
    assert [job.run_if for job in pipeline.jobs.values()] == [RunIf.ALL_SUCCESS, RunIf.ALL_DONE, RunIf.ANY_FAILED]
    assert (pipeline.jobs[JobId("a")].allow_failure, pipeline.jobs[JobId("a")].description) == (True, "first")


def test_an_environment_is_merged_key_by_key_and_lists_replace() -> None:
    text = """
server: {url: "http://dev", timezone: UTC}
defaults: {timeout: 1h, retry: {limit: 2, when: [failed]}}
environments:
  prod:
    server: {url: "http://prod"}
    defaults: {retry: {when: [timed_out]}}
    jobs: {a: {matrix: {region: [world]}, timeout: 30m}}
    fail_fast: false
jobs: {a: {matrix: {region: [emea, apac]}, trigger: "/x ${matrix.region}"}}
"""
    dev, prod = built(text), built(text, Given(environment="prod"))
    assert (dev.environment, prod.environment) == (None, "prod")
    assert list(dev.jobs) == ["a[emea]", "a[apac]"]
    assert list(prod.jobs) == ["a[world]"]
    assert prod.server == Server(url="http://prod", timezone="UTC")
    assert prod.jobs[JobId("a[world]")].policy == Policy(
        timeout=1800.0, retry=Retry(limit=2, when=frozenset({RetryReason.TIMED_OUT}))
    )
    assert (dev.fail_fast, prod.fail_fast) == (True, False)


def test_a_given_server_wins_and_the_one_of_the_file_is_not_looked_at() -> None:
    text = 'server: {url: "${env.NOT_SET}", timezone: UTC}\njobs: {a: {trigger: 1}}'
    assert built(text, Given(server="http://given:1")).server == Server(url="http://given:1", timezone="UTC")


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://u:hunter2@h", id="fault 44: a password"),
        pytest.param("ftp://hunter2", id="another protocol"),
        pytest.param("http://h/${env.HUNTER2}", id="not read as a phrase"),
    ],
)
def test_a_given_server_is_checked_like_one_of_the_file(url: str) -> None:
    pipeline, diagnostics = tried("jobs: {a: {trigger: 1}}", Given(server=url, process_environment={"HUNTER2": "h"}))
    if "$" in url:
        assert pipeline is not None
        assert pipeline.server.url == url
    else:
        assert pipeline is None
        assert "hunter2" not in str([(it.message, it.hint) for it in diagnostics])


def test_text_from_outside_is_read_where_only_a_number_will_do() -> None:
    text = 'defaults: {retry: {limit: "${env.N}"}}\nfail_fast: "${env.F}"\njobs: {a: {sequence: ["${env.N}"]}}'
    pipeline = built(text, Given(process_environment={"N": "3", "F": "false"}))
    job = pipeline.jobs[JobId("a")]
    assert (job.policy.retry.limit, job.action, pipeline.fail_fast) == (3, Sequence(file_ids=(3,)), False)


def test_a_number_is_written_where_only_text_will_do() -> None:
    text = 'variables: {n: 7}\ndescription: "${var.n}"\njobs: {a: {trigger: "/x/${var.n}"}}'
    pipeline = built(text)
    assert pipeline.description == "7"
    assert pipeline.jobs[JobId("a")].action == Trigger(target="/x/7")


def test_warnings_come_along_and_stop_nothing() -> None:
    pipeline, diagnostics = tried("variables: {unused: 1}\njobs: {a: {trigger: 1}}")
    assert pipeline is not None
    assert [it.severity for it in diagnostics] == [Severity.WARNING]


def test_check_is_sorted_and_says_nothing_twice() -> None:
    found = check(read("environments: {a: {fail_fast: true}, b: {jobs: {z: {timeout: 1h}}}}\njobs: {z: {}, y: {}}"))
    assert [(it.code, it.span.start.line) for it in found] == [("no-action", 4), ("no-action", 4)]


def test_digest_names_the_text() -> None:
    assert digest("") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert digest("a") != digest("a\n")
