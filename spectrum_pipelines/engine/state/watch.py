"""How we look at an execution that has not ended: nothing of this outlives the process."""

from msgspec import Struct

from spectrum_pipelines.engine.timing.hint import MISLEADINGS, Hint, pause_by_hint
from spectrum_pipelines.engine.timing.pace import blind_pause, pause_by_past
from spectrum_pipelines.pipeline.model.pipeline import Poll
from spectrum_pipelines.spectrum import Phase, phase_of

#: Doubts about one execution that may turn out to be wrong before they are no haste any more.
FALSE_ALARMS = 2


class Watch(Struct, frozen=True, kw_only=True):
    """Times are run-clock seconds.

    `since` is when it began to run, as far as we know, and until then when it was accepted. `heard_at` is the last usable answer
    about it alone, `word` the last status word. `listed`: the shared list shows it and says when to look again; otherwise
    `next_poll_at` does, which is infinite while an answer is awaited. `past`: the seconds that its like took before. `over`: the
    next look comes when all should be over, so its details are asked for.

    `doubted`: its details must tell now. `unlisted`, `eclipsed`: the list does not show it; its file's status shows another one.
    `false_alarms`: doubts that its details have dispelled.
    `final_word`: an answer under its own id has shown this end, its details have not yet. `unseen`: this process took it over
    and has not heard of it yet, so it may have ended long ago, within its limits.
    """

    since: float
    heard_at: float
    next_poll_at: float
    word: str | None = None
    listed: bool = False
    past: float | None = None
    hint: Hint | None = None
    misled: int = 0
    over: bool = False
    doubted: bool = False
    unlisted: bool = False
    eclipsed: bool = False
    false_alarms: int = 0
    refusals: int = 0
    final_word: str | None = None
    unseen: bool = False

    @property
    def is_waiting(self) -> bool:
        """The last look has shown that it has not begun to run."""
        return self.word is not None and phase_of(self.word) is Phase.WAITING

    @property
    def is_wolf(self) -> bool:
        """It was doubted so often for nothing that another doubt is no haste, and is paid for like every look."""
        return self.false_alarms >= FALSE_ALARMS

    @property
    def is_deaf(self) -> bool:
        """The server has contradicted itself about this one so often that it is not listened to any more."""
        return self.misled >= MISLEADINGS

    @property
    def is_hinted(self) -> bool:
        """The server has said of this one how long it will go on, and it may be believed."""
        return self.hint is not None and self.hint.left is not None and not self.is_deaf


def next_look(how: Watch, poll: Poll, *, at: float) -> tuple[float, bool]:
    """Seconds until the next look at it, and whether it will come when all should be over. `at` is the look that has just been."""
    age = max(0.0, at - how.since)
    if how.is_waiting:
        return blind_pause(poll, age=age), False
    hint = how.hint
    if how.is_hinted and hint is not None and hint.left is not None and not hint.contradicts:
        return pause_by_hint(poll, age=age, left=hint.left, error=hint.error)
    if how.past is not None:
        return pause_by_past(poll, age=age, past=how.past), False
    return blind_pause(poll, age=age), False
