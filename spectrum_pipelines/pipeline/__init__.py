"""From a checked document to a frozen model and its graph. Pure.

In reading order:

==============  ===================================================================================================
model           what a pipeline is once nothing is left to ask: `pipeline`, `action`, `policy`, `durations`
include         a file and the fragments that it names, as one document
form            the document under one environment: `overlay` merges, `view` knows where each value was written, `sketch`
                reads the jobs before they are known to be right, `matrix` spreads them out, `origin` says who said what
fill            what stands for a value: `reference` and `dates` are the grammars, `places` says where, `variables` and
                `values` find the value of each variable, `interpolate` fills in, `conform` asks whether it fits there
rules           generators of findings over a draft; `check` asks them all
graph           orders, cycles, selections, and jobs that are switched off
assemble        the filled form as a frozen pipeline; `build` is the one way in
secrets         what must not be quoted, and how it is masked
==============  ===================================================================================================

Words: a *form* is the file under one environment. A *draft* is a form with the jobs that could be read, a *sketch* one of these
jobs. A *phrase* is a scalar that still waits for its combination of a matrix or for another job; a *template* for the latter only.
A *fragment* is a file that another one includes; its *key* is its path from the folder of the outermost file.
"""
