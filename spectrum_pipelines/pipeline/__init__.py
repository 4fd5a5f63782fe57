"""From a checked document to a frozen model and its graph. Pure.

In reading order:

==============  ===================================================================================================
model           `model`, `action`, `policy`: what a pipeline is once nothing is left to ask
text            `durations`, `reference`, `matrix`: the small grammars
document        `overlay` and `view`: a file under one of its environments; `sketch`, `written`, `variables`, `places`:
                what can be read of it before it is known to be right
faults          `rules_*`, each a generator of diagnostics over a draft; `graph` and `cycles`; `check` asks them all
run             `values` -> `interpolate` -> `conform` -> `assemble`; `build` is the one way in
plan            `plan`, `selection`, `origin`
secrets         what must not be quoted, and how it is masked
==============  ===================================================================================================
"""
