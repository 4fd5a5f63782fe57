"""Pauses between looks at a running execution. Pure arithmetic; seconds throughout.

Theory of operation
-------------------
*Blind*, the pause grows with the age: an execution that ends at a random moment is seen after half of `factor` times its age on
average, whatever its age is.

An *outlook* says how long it will go on: the server's own estimate or progress (`hint`), or how long it took before. It draws the
looks in around the end that it foretells, and lets the pauses before it grow. How far, depends on how long the whole will take: to
skip nine of ten looks at a job of hours saves hundreds of questions, to skip one at a job of seconds saves nothing and may cost
the pipeline its time. So where the outlook is wrong, the end is seen a third later than by blind looks at jobs of up to a minute
or so; at jobs of an hour it may be seen as late as fifteen pauses.
"""

import math

from spectrum_pipelines.pipeline.model.pipeline import Poll

#: The first look at an execution that nobody else waits with: quick jobs end soon, and an early hint is worth having.
FIRST_LOOK = 0.1

_LEAST_STRETCH, _MOST_STRETCH = 1.33, 15.0
_OF_AGE = 2.0
_WORTH_STRETCHING = 3000.0  # seconds
#: Where an execution is expected to end, as shares of the time that it took before, and how densely to look there.
_EARLY, _LATE, _DENSE, _DENSE_MAX = 0.77, 1.4, 0.02, 1.25


def blind_pause(poll: Poll, *, age: float) -> float:
    """Seconds until the next look when nothing is known but the age: `factor` times the age at which that look will come.

    Young ones are asked for every `min` seconds; the two meet in a curve and not in a corner, which saves a tenth of the questions.
    """
    factor = min(poll.factor, 0.5)
    return min(math.hypot(poll.min, factor / (1.0 - factor) * age), max(poll.max, poll.min))


def longest_pause(poll: Poll, *, age: float, whole: float) -> float:
    """As long as an outlook may let a pause become for something that is thought to take `whole` seconds in all."""
    share = min(max(whole, 0.0) / _WORTH_STRETCHING, 1.0)
    blind = blind_pause(poll, age=age)
    stretched = blind * (_LEAST_STRETCH + (_MOST_STRETCH - _LEAST_STRETCH) * share * share)
    # Whoever is young has shown nothing yet: of an outlook that is wrong about it, its age is the measure.
    return min(stretched, max(blind * _LEAST_STRETCH, _OF_AGE * age))


def pause_by_past(poll: Poll, *, age: float, past: float) -> float:
    """Seconds until the next look at an execution whose like took `past` seconds before."""
    if age >= _LATE * past:
        return blind_pause(poll, age=age)
    if age < _EARLY * past:
        until_early = max(_EARLY * past - age, poll.min)
        return min(longest_pause(poll, age=age, whole=past), until_early)
    return max(poll.min, min(_DENSE * past, _DENSE_MAX * poll.max))
