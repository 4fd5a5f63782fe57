"""Airflow's task state store (3.3 and later) as a store of runs: no folder and no database of one's own is needed.

Theory of operation
-------------------
Airflow keeps key and value pairs for one task of one DAG run, whatever the try; so this store holds the runs of one task. A value
is replaced as a whole and nothing is compared on the way. What keeps two processes apart:

- A further try has a task instance id of its own, and Airflow refuses what the process of an earlier try writes under the old one.
- A lease is a value that its holder renews every ten seconds. Whoever wants it has to see the same value for thirty seconds on its
  own clock: clocks of two machines are never compared. A holder stops changing things when its own thirty seconds are over.

The journal is a row of values of up to 48 kB; an append replaces the last of them.
"""
