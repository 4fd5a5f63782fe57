"""Spectrum's REST API over HTTP. Knows neither pipelines nor the engine.

A call goes down and its answer comes up::

    api         one method per operation of the vendor's page: what is repeated, what never is
    paths       where it goes: URIs that cannot climb out of their place
    retry       lost GETs again, by tenacity
    exchange    Call, Reply, Transport: the seam. Above it all is pure or runs on injected time
    transport   requests; the only module that opens a socket
    deadline    sockets that wait no longer than the call has left
    body        capped, streamed decompression
    judgement   code and body together: an answer, a refusal, a fault, or not Spectrum at all
    wire        JSON -> the typed answers of `spectrum_pipelines.spectrum`
    fields      tolerant readers of single JSON values; `dates` for the server's date strings
    redaction   secrets out of every text that may end in a message
"""
