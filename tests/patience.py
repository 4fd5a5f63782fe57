"""Other time limits for the runs that a command line starts in this process."""

from functools import partial
from typing import Any

import pytest

from spectrum_pipelines.engine.state import run
from spectrum_pipelines.engine.timing.patience import Patience

__all__ = ["be_impatient"]


def be_impatient(patch: pytest.MonkeyPatch | None = None, **limits: Any) -> None:
    """Change the limits that a run gets if it is given none, on top of those that were changed before."""
    current: type[Patience] | partial[Patience] = vars(run)["Patience"]
    limited = partial(current, **limits)
    if patch is None:
        vars(run)["Patience"] = limited
    else:
        patch.setattr(run, "Patience", limited)
