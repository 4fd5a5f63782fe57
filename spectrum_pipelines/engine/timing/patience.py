"""How long the engine waits where no policy of the pipeline says so. Seconds on the run clock."""

#: A server may give no usable answer about a running execution for so long before the run stops waiting for it. Longer than a
#: restart of Spectrum or a network change takes; what runs there is not harmed by it.
LONGEST_SILENCE = 1800.0

#: A stop that nobody confirms for so long is reported as such.
STOP_GRACE = 30.0

#: The waiting members of a sequence are given so long to react to the failure of another member.
LEFT_BEHIND_AFTER = 10.0

#: An abort waits so long for confirmations; the process has to be gone within five seconds.
ABORT_GRACE = 3.5

#: Executions are asked for one by one for so long after list-running did not work.
LIST_PAUSE = 60.0

#: list-running may take so long before executions are asked for one by one.
LIST_PATIENCE = 5.0

#: Executions that the list has left out are looked for in it again after so long.
LIST_AGAIN = 15.0

#: Up to so many executions are looked at one by one where the server says how long each will go on.
FEW = 3

#: What an execution that is looked at together with others leaves over, in questions, for looking at the last of them more often:
#: for this share of those that ran together, with pauses so much shorter, but never below this share of `poll.min`.
LOOKS_TO_SPARE = 0.15
LAST_SHARE = 0.4
SPARED_PAUSE = 0.25
SPARED_MIN = 0.4

#: After so long an execution without any hint is worth asking how long its like took before: of so many jobs of a run, from so many
#: lines of the history, and so many executions' details.
LESSON_AFTER = 120.0
LESSONS_MOST = 50
LESSON_HISTORY = 10
LESSON_EXECUTIONS = 3

#: A pre-flight answer serves for so long as the baseline of a trigger.
PREFLIGHT_IS_FRESH = 2.0
