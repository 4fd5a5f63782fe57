"""A body in full, or not at all: the cap counts decompressed bytes, while they are being decompressed."""

import zlib
from collections.abc import Iterable

from spectrum_pipelines.errors import Undecodable

_GZIP = 16 + zlib.MAX_WBITS


def collect(chunks: Iterable[bytes], encoding: str, *, cap: int, where: str) -> bytes:
    """Join the chunks of a body as they came off the wire, undoing gzip.

    Raises Undecodable beyond `cap` bytes, for a damaged or cut gzip stream, and for an encoding that we never asked for.
    """
    match encoding.strip().lower():
        case "" | "identity":
            return _join(chunks, cap=cap, where=where)
        case "gzip" | "x-gzip":
            return _gunzip(chunks, cap=cap, where=where)
        case _:
            raise Undecodable(f"{where}: the answer is packed in a way that was not asked for")


def _join(chunks: Iterable[bytes], *, cap: int, where: str) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > cap:
            raise _too_large(cap, where)
    return bytes(body)


def _gunzip(chunks: Iterable[bytes], *, cap: int, where: str) -> bytes:
    body = bytearray()
    unpacker = zlib.decompressobj(_GZIP)
    packed = False
    for chunk in chunks:
        packed = True
        try:
            # One byte more than the cap is enough to know, and a bomb never gets to unfold further than that.
            body += unpacker.decompress(chunk, cap + 1 - len(body))
        except zlib.error:
            raise Undecodable(f"{where}: the answer claims to be gzip and is not") from None
        if len(body) > cap:
            raise _too_large(cap, where)
    if packed and not unpacker.eof:
        raise Undecodable(f"{where}: the answer was cut off in the middle of a gzip stream")
    return bytes(body)


def _too_large(cap: int, where: str) -> Undecodable:
    return Undecodable(f"{where}: the answer is larger than {cap:,} bytes, reading was given up")
