"""An embedded Spectrum-compatible job server, for trying, testing and rehearsing (extra `local`).

It imports nothing else of the package, so that a misreading of the vendor's page cannot cancel out between client and server.
A listing in the order of the data:

    model, duration        what a workspace file says, frozen
    workspace, check, sql  checked document -> model; what a JSON Schema cannot say
    execution              one run of one file, and how it ended
    store, ledger          runs on disk (SQLite) and in memory, indexed
    tables, work, simulate what a job does: DuckDB for real ones, a timer for simulated ones
    plan, scheduler        who runs when: slots, queues, sequences, data-driven starts, stops
    wire, request          the vendor's shapes, going out and coming in
    gate, routes, serving  HTTP: who may come in, which call is which, the running server

Everything but DuckDB queries happens on the one thread of the event loop, so nothing here takes a lock.
"""
