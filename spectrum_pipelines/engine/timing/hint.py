"""The server's own idea of how long an execution will go on: read, checked against what it said before, never believed blindly.

Progress has whole percents, estimates have whole seconds, and either may be nonsense. Two percents and the time between them tell
the speed, whatever the scale is. An estimate must fall as fast as the time goes by: one that falls at half or twice that speed is
corrected by it, one that does anything else is a contradiction.
"""

from msgspec import Struct
from msgspec.structs import replace

from spectrum_pipelines.engine.timing.pace import blind_pause, longest_pause
from spectrum_pipelines.pipeline.model.pipeline import Poll

#: Contradictions of one execution's hints before they are not looked at any more.
MISLEADINGS = 2

_TELLING = 3.0  # percent, of the first answer
_COMPARABLE = 2.0  # percent, between two answers
_LONG_AGO = 30.0  # percent, likewise
_ROUGH = 0.15  # of what is left: the error of a first percent, whose beginning is not known exactly
_ESTIMATE_ERROR = 0.1  # of what is left
_SIGNIFICANT = 0.25  # of the estimate, to pass before two estimates can be compared
_SIGNIFICANT_LEAST = 3.0  # seconds: estimates are rounded
_AS_FAST = (0.65, 1.35)  # falls like the time, give or take
_CORRECTED = (0.35, 4.0)  # falls steadily, so its scale can be told
_MARGIN = 0.005  # seconds behind the expected end
_SOON = 0.1  # seconds: the shortest pause before a look that is only to make a hint finer
_SURE, _SURE_OF_AGE = (
    0.03,
    0.006,
)  # seconds, and share of the age: an error that is small enough to wait for the end itself


#: An earlier answer to compare with: (run-clock second, what was said).
Anchor = tuple[float, float]


class Hint(Struct, frozen=True, kw_only=True):
    """A hint that the server gave `at` a run-clock second: `left` seconds, give or take `error`; None if the hint tells nothing.

    The anchors are earlier answers, far enough away for the speed to be told from both.
    """

    at: float
    progress: float | None = None
    estimate: float | None = None
    left: float | None = None
    error: float = 0.0
    contradicts: bool = False
    progress_anchor: Anchor | None = None
    estimate_anchor: Anchor | None = None


class _Outlook(Struct, frozen=True, kw_only=True):
    """Nothing is `left` where `contradicts`; the next answer is compared with `anchor`."""

    left: float | None = None
    error: float = 0.0
    contradicts: bool = False
    anchor: Anchor | None = None


def read_hint(
    before: Hint | None, *, at: float, age: float, progress: float | None, estimate: float | None
) -> Hint | None:
    """Read what a status says of the end, in the light of what those before have said. None if it says nothing."""
    if progress is None and estimate is None:
        return None
    by_progress = _by_progress(None if before is None else before.progress_anchor, at, age, progress)
    by_estimate = _by_estimate(None if before is None else before.estimate_anchor, at, estimate)
    useful = [one for one in (by_progress, by_estimate) if one.left is not None]
    best = min(useful, key=lambda one: one.error, default=_Outlook())
    return Hint(
        at=at,
        progress=progress,
        estimate=estimate,
        left=best.left,
        error=best.error,
        contradicts=by_progress.contradicts or by_estimate.contradicts or _surprises(before, best.left, at),
        progress_anchor=by_progress.anchor,
        estimate_anchor=by_estimate.anchor,
    )


def _by_progress(anchor: Anchor | None, at: float, age: float, progress: float | None) -> _Outlook:
    if progress is None or not 0.0 <= progress < 100.0:
        return _Outlook(anchor=anchor)
    here = (at, progress)
    if anchor is None:
        if progress < _TELLING or age <= 0:
            return _Outlook(anchor=here)
        # Percents are cut off, so half a one more is what to expect.
        whole = 100.0 * age / (progress + 0.5)
        return _Outlook(left=whole - age, error=_ROUGH * (whole - age) + whole / 200.0, anchor=here)
    grown = progress - anchor[1]
    if grown < -1.0:
        return _Outlook(contradicts=True, anchor=here)
    if grown < _COMPARABLE or at <= anchor[0]:
        return _Outlook(anchor=anchor)
    whole = 100.0 * (at - anchor[0]) / grown
    left = whole * (99.5 - progress) / 100.0
    # Jobs change their speed: what was long ago is forgotten.
    return _Outlook(left=left, error=left / grown + whole / 200.0, anchor=here if grown > _LONG_AGO else anchor)


def _by_estimate(anchor: Anchor | None, at: float, estimate: float | None) -> _Outlook:
    if estimate is None:
        return _Outlook(anchor=anchor)
    here = (at, estimate)
    if estimate < 1.0:
        if anchor is None or anchor[1] < 1.0:
            return _Outlook(anchor=here)  # 0 all the time is the server's way to know nothing
        overdue = at - sum(anchor)
        left = max(0.5, overdue)  # it has counted down; the longer that is ago, the less it tells
        return _Outlook(left=left, error=left, anchor=anchor)
    as_told = _Outlook(left=estimate, error=_ESTIMATE_ERROR * estimate + 0.5, anchor=here)
    if anchor is None or anchor[1] < 1.0:
        return as_told
    passed = at - anchor[0]
    if passed < max(_SIGNIFICANT * estimate, _SIGNIFICANT_LEAST):
        return replace(as_told, anchor=anchor)
    speed = (anchor[1] - estimate) / passed
    if _AS_FAST[0] <= speed <= _AS_FAST[1]:
        return as_told
    if _CORRECTED[0] <= speed <= _CORRECTED[1]:
        left = estimate / speed
        return _Outlook(left=left, error=3 * _ESTIMATE_ERROR * left + 0.5, anchor=here)
    return _Outlook(contradicts=True, anchor=here)


def _surprises(before: Hint | None, left: float | None, at: float) -> bool:
    """The end that was foretold for about now is far away again."""
    if before is None or before.left is None or left is None:
        return False
    overdue = at - before.at - before.left
    return overdue > 0 and left > 3 * before.error + 1.0


def pause_by_hint(poll: Poll, *, age: float, left: float, error: float) -> tuple[float, bool]:
    """Seconds until the next look, and whether it will come when all should be over.

    A sure hint leads to one look right behind the end. A vague one leads to a look just before the end, where it will be finer.
    """
    blind = blind_pause(poll, age=age)
    if error >= left:
        return min(blind, max(left / 2, blind / 3)), False
    if error <= max(_SURE, min(_SURE_OF_AGE * age, poll.max / 3)):
        return left + error / 2 + _MARGIN, True
    before = max(left - error, left / 2, min(poll.min, _SOON))
    return min(before, longest_pause(poll, age=age, whole=age + left)), False
