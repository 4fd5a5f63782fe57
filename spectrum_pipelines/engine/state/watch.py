"""A watch: how we look at an execution that has not ended. Nothing of it outlives the process."""

from dataclasses import dataclass

from spectrum_pipelines.engine.timing.hint import MISLEADINGS, Hint, pause_by_hint
from spectrum_pipelines.engine.timing.pace import blind_pause, pause_by_past
from spectrum_pipelines.pipeline.model.pipeline import Poll
from spectrum_pipelines.spectrum import FileId, Phase, phase_of

#: After so many false alarms about one execution a doubt about it waits for the normal pause.
FALSE_ALARMS = 2


@dataclass(slots=True, kw_only=True)
class Watch:
    """The watch over one execution. Only folds write it. Times are run-clock seconds."""

    since: float  # when the execution began to run, as far as we know; until then, when it was accepted
    heard_at: float  # the last usable answer about this execution alone
    next_poll_at: float  # the next look; infinite while an answer is awaited, or while the shared list tells when
    word: str | None = None  # the last status word
    file_id: FileId | None = None  # the file in which the execution runs, once that is known
    listed: bool = False  # the shared list shows the execution and says when to look again
    past: float | None = None  # seconds that the job took in earlier runs
    hint: Hint | None = None  # what the server said last of how long it will go on
    contradictions: int = 0  # hints that contradicted those before them
    expects_end: bool = False  # the next look comes when all should be over, so it asks for details
    doubted: bool = False  # a look did not show the execution, or showed it ended: its details must tell
    unlisted: bool = False  # the shared list does not show it
    overtaken: bool = False  # the status of its file shows another execution, or was refused
    false_alarms: int = 0  # doubts that its details have dispelled
    refusals: int = 0  # questions about it that were refused in a row
    refused_at: float | None = None  # the first of these
    file_shown: bool = False  # since then the status of its file was answered, with another execution
    details_refused: bool = False  # and no later ones have shown it active: they may be had after its end only
    file_asked: bool = False  # the status was asked which file the target means, before its end is believed
    never_ran: bool = False  # the status of its file shows that the file never ran
    final_word: str | None = None  # an answer under its own id has shown this end; its details have not yet
    unseen: bool = (
        False  # this process took it over and has not heard of it: it may have ended long ago, within its limits
    )

    @property
    def is_waiting(self) -> bool:
        """The last look has shown that it has not begun to run."""
        return self.word is not None and phase_of(self.word) is Phase.WAITING

    @property
    def doubt_can_wait(self) -> bool:
        """Enough doubts about the execution were false alarms: another one waits for the normal pause and is paid for."""
        return self.false_alarms >= FALSE_ALARMS

    @property
    def ignores_hints(self) -> bool:
        """The server has contradicted itself about this execution so often that its hints are not read any more."""
        return self.contradictions >= MISLEADINGS

    @property
    def is_hinted(self) -> bool:
        """The server has said how long this execution will go on, and the hint may be believed."""
        return self.hint is not None and self.hint.left is not None and not self.ignores_hints


def next_look(watch: Watch, poll: Poll, *, at: float) -> tuple[float, bool]:
    """Seconds until the next look, and whether it will come when all should be over. `at`: the second of the last look."""
    age = max(0.0, at - watch.since)
    if watch.is_waiting:
        return blind_pause(poll, age=age), False
    hint = watch.hint
    if watch.is_hinted and hint is not None and hint.left is not None and not hint.contradicts:
        return pause_by_hint(poll, age=age, left=hint.left, error=hint.error)
    if watch.past is not None:
        return pause_by_past(poll, age=age, past=watch.past), False
    return blind_pause(poll, age=age), False
