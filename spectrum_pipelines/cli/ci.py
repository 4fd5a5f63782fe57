"""The CI job that a command runs in, for the journal and the report: so that who reads a report finds the log beside it."""

from collections.abc import Mapping

_PAGES = {
    "github": "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}",
    "gitlab": "{CI_JOB_URL}",
    "azure": "{SYSTEM_COLLECTIONURI}{SYSTEM_TEAMPROJECT}/_build/results?buildId={BUILD_BUILDID}",
    "jenkins": "{BUILD_URL}",
}


def ci_job(environ: Mapping[str, str]) -> dict[str, str]:
    """The CI system and the page of the job, as its variables name them; nothing elsewhere."""
    named = {name: value for name, value in environ.items() if value}
    for system, page in _PAGES.items():
        try:
            return {"ci": system, "url": page.format_map(named)}
        except KeyError:
            continue
    return {}
