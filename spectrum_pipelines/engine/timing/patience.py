"""The engine's own time limits, where no policy of the pipeline sets one."""

from msgspec import Struct


class Patience(Struct, frozen=True, kw_only=True):
    """Every time limit that is the engine's own, in seconds, and the counts that stand beside them. A run is given one."""

    #: A server may give no usable answer about a running execution for so long before the run stops waiting for it. Longer than a
    #: restart of Spectrum or a network change takes; what runs there is not harmed by it.
    longest_silence: float = 1800.0
    #: A server on which Spectrum is not up yet may say "not found" for so long before that is believed of an execution.
    restart: float = 120.0
    #: A stop that nobody confirms for so long is reported as such.
    stop_grace: float = 30.0
    #: After a stop was sent, so long until the next one.
    stop_again: float = 2.0
    #: After a stop was withheld, so long until the next look at what it would hit.
    stop_look_again: float = 1.0
    #: The waiting members of a sequence are given so long to react to the failure of another member.
    left_behind_after: float = 10.0
    #: An abort waits so long for confirmations; the process has to be gone within five seconds.
    abort_grace: float = 3.5
    #: An abort looks so often at what is still to be confirmed.
    abort_look: float = 0.1
    #: A time to decide that has passed and brought nothing is looked at again after so long.
    stale_rest: float = 1.0
    #: Executions are asked for one by one for so long after list-running did not work.
    list_pause: float = 60.0
    #: list-running may take so long before executions are asked for one by one.
    list_patience: float = 5.0
    #: A status may be behind for so long: after that it is asked again whether the file of an execution that has ended never ran.
    status_lag: float = 4.0
    #: Executions that the list has left out are looked for in it again after so long.
    list_again: float = 15.0
    #: After so long an execution without any hint is worth asking how long the job took before.
    lesson_after: float = 120.0
    #: A job looks again after so long whether another job of the run still has its file; a change is known at once.
    behind_look: float = 60.0
    #: A run is not left for a scheduler for a rest that is shorter than this.
    rest_worth_leaving: float = 5.0
    #: A pre-flight answer serves for so long as the baseline of a trigger.
    preflight_is_fresh: float = 2.0
    #: The search for a lost trigger rests so long after its first round, twice as long after each further one, at most ..
    lookup_first_rest: float = 0.25
    #: .. so long.
    lookup_longest_rest: float = 4.0
    #: A search goes on for so long while each status is answered and list-running is not, then it is judged without the list.
    lookup_unlisted: float = 60.0
    #: A search has found nothing only after so many full rounds.
    lookup_full_rounds: int = 3


#: Up to so many executions are looked at one by one where the server says how long each will go on.
FEW = 3

#: What an execution that is looked at together with others saves, in questions, for looking at the last of them more often:
#: for this share of those that ran together, with pauses so much shorter, but never below this share of `poll.min`.
SAVED_LOOKS = 0.15
LAST_SHARE = 0.4
LAST_PAUSE = 0.25
LAST_MIN = 0.4

#: As long as jobs are about to start, the shared list rests after each answer for so many times as long as the answer took: on a
#: slow server the list would keep one connection of few.
OTHERS_TURN = 2.0

#: Lessons of a run, lines of history for one, and executions whose details are asked for.
LESSONS_MOST = 50
LESSON_HISTORY = 10
LESSON_EXECUTIONS = 3
