"""A job's policy in the run report."""

from functools import lru_cache
from typing import Any

from spectrum_pipelines.pipeline.model.policy import Policy


@lru_cache(maxsize=256)
def policy_entry(policy: Policy) -> dict[str, Any]:
    """By the keys of the YAML, times in seconds. Jobs with the same policy share the entry: it is not to be changed."""
    retry = policy.retry
    return {
        "timeout": policy.timeout,
        "queue_timeout": policy.queue_timeout,
        "warnings": policy.warnings.value,
        "on_running": policy.on_running.value,
        "on_timeout": policy.on_timeout.value,
        "on_ambiguous": policy.on_ambiguous.value,
        "ambiguous_grace": policy.ambiguous_grace,
        "retry": {
            "limit": retry.limit,
            "interval": retry.interval,
            "factor": retry.factor,
            "max_interval": retry.max_interval,
            "jitter": retry.jitter,
            "max_duration": retry.max_duration,
            "when": sorted(reason.value for reason in retry.when),
        },
    }
