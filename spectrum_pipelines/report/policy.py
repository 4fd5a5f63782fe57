"""A job's policy in the run report."""

from functools import lru_cache
from typing import Any

from spectrum_pipelines.pipeline.model.policy import Policy, as_data


@lru_cache(maxsize=256)
def policy_entry(policy: Policy) -> dict[str, Any]:
    """By the keys of the YAML, times in seconds. Jobs with the same policy share the entry: it is not to be changed."""
    return as_data(policy)
