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

#: A hint of the server's about an execution's end may be wrong so often before it is ignored, and a look that follows one comes
#: so many seconds after the expected end.
MISLEADINGS = 2
HINT_MARGIN = 0.02

#: A pre-flight answer serves for so long as the baseline of a trigger.
PREFLIGHT_IS_FRESH = 2.0
