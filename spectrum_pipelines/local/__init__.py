"""An embedded Spectrum-compatible job server, for trying, testing and rehearsing (extra `local`).

It imports nothing else of the package, so that a misreading of the vendor's page cannot cancel out between client and server.
The modules in the order of the data:

    model, duration           a workspace: users, slots and files, frozen
    inside                    the places that a workspace may name: below its folder, through no link out
    fault, seen, check, sql   the faults of a workspace document of any shape that a JSON Schema cannot find
    workspace                 checked document -> model
    execution                 one run of one file
    folder                    the state folder: no links, and a mark on tables that were made here
    store, ledger             executions on disk (SQLite) and in memory, indexed
    job, simulate, tables, starting   jobs: timers for simulated ones, DuckDB in a thread for real ones
    plan, scheduler           slots, queues, sequences, data-driven starts, stops
    deletion                  deleted data
    wire, layout              answers, key by key and line by line
    request, lenient, catalog   bodies and numbers of requests, and the ways to name a file
    gate, routes, serving     HTTP: access control, calls, the running server

Words: a *file* is an artifact of Spectrum (import, workbook, export) with its *job*; an *execution* is one run of that job;
a *data file* is a file on disk that an import loads. *Upstream* files are read by a job, *downstream* files read its result.

Everything but the queries happens on the one thread of the event loop, so nothing here takes a lock.
"""
