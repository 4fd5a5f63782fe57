"""The brain of a run, pure: what to ask and to write down next, given all that is known. No clock, thread, file or socket.

    facts, sightings     what happened, journaled; what the running process saw, not journaled
    requests, outcome    what may be asked of Spectrum; how things end
    state                what the fold of facts and sightings has come to
    apply, decide, interpret    three tables: the fold of an event, the next move of a job, the meaning of an outcome
    run, job, triggering, watching, stopping    a room for each concern: decide, interpret and fold side by side
    timing               when to look again, and how long to wait: agenda, budget, pauses, hints, patience

Glossary
--------
fact        What happened, journaled with its time. Folding the facts of a journal gives the state.
sighting    What the running process has just asked or seen. It is folded like a fact and never journaled.
outcome     What came of a request: Spectrum's answer, or the error in its place.
target      The file that a job acts on, by path, id or uuid.
baseline    The latest execution of a target just before our trigger. What we start has a higher id.
intent      The fact that a trigger is about to be sent. A journal that ends with one means: it may have been sent.
candidate   An execution above the baseline that may be ours, found after the answer to a trigger was lost.
claim       That an execution is ours: an id that was there before, or that another trigger of this run got, supports none.
attempt     One run of a job's action; a retry is another attempt. Attempts count from 1.
turn        The number of a job's latest question. The answer to an earlier turn is stale.
watch       How one execution is looked at until its end is seen: nothing of it outlives the process.
hint        The server's own idea of how long an execution goes on: progress or an estimate. It paces looks and decides nothing.
lesson      How long a job took before, learnt from its history. It paces looks and decides nothing.
round       From the start of a run, or from a `retry`, to the run's end.
work        What a job does: its action with its variables, and its gates. Other work is for a new attempt.
course      What decides whether and when a job runs: its needs, `run_if`, `allow_failure`.
policy      All else that a file says of a job or a run: limits, retries, polling. A run under way may be given another one.
"""
