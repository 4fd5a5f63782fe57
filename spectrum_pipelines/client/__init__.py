"""Spectrum's REST API over HTTP. Knows neither pipelines nor the engine.

A call goes down and its answer comes up::

    api          one method per operation of the vendor's page: what is repeated, what never is
    paths        where it goes: URIs that cannot climb out of their place
    latency      how long answers usually take: the deadline of a first try
    retry        lost GETs again, by tenacity
    exchange     Call, Reply, Transport: the seam. Above it all is pure or runs on injected time
    transport    the only module that speaks to the network, through an adapter of requests. Its parts: adapter, deadline
                 (sockets that wait no longer than the call has left), tls, proxy, credentials, body (capped, streamed
                 decompression), failure (foreign exceptions to ours)
    judgement    code and body together: an answer, a refusal, a fault, or not Spectrum at all; with decode and throttle
    wire         JSON -> the typed answers of `spectrum_pipelines.spectrum`; fields reads single values, dates the server's
                 date strings
"""
