"""An embedded Spectrum-compatible job server, for trying, testing and rehearsing (extra `local`).

It imports nothing else of the package, so that a misreading of the vendor's page cannot cancel out between client and server.
A listing in the order of the data:

    model, duration           what a workspace file says, frozen
    inside                    where the files of a workspace may lie: below its folder, through no link out
    fault, seen, check, sql   what a JSON Schema cannot say about a workspace, of whatever shape
    workspace                 checked document -> model
    execution                 one run of one file, and how it ended
    folder                    the state folder: no links in it, and a mark on tables that were made here
    store, ledger             runs on disk (SQLite) and in memory, indexed
    job, simulate, work, tables   what a job does: a timer for simulated ones, DuckDB in a thread for real ones
    plan, scheduler           who runs when: slots, queues, sequences, data-driven starts, stops
    waste                     deleted data
    wire, layout              the vendor's shapes going out, key by key and line by line
    request, lenient, catalog   bodies and numbers coming in, and the vendor's ways to name a file
    gate, routes, serving     HTTP: who may come in, which call is which, the running server

Everything but the queries happens on the one thread of the event loop, so nothing here takes a lock.
"""
