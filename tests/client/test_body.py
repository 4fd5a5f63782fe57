"""Bodies in full or not at all (faults 5 and 24)."""

import gzip
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrum_pipelines.client.transport.body import collect
from spectrum_pipelines.errors import Undecodable

DATA = b'{"status": "success"}' * 50
PACKED = gzip.compress(DATA)

READ = [
    pytest.param([DATA], "", DATA, id="plain"),
    pytest.param([DATA[:7], b"", DATA[7:]], "identity", DATA, id="pieces"),
    pytest.param([PACKED], "gzip", DATA, id="gzip"),
    pytest.param([bytes([byte]) for byte in PACKED], " X-GZip ", DATA, id="gzip-byte-by-byte"),
    pytest.param([], "", b"", id="nothing"),
    pytest.param([], "gzip", b"", id="nothing-that-claims-gzip"),
]


@pytest.mark.parametrize(("chunks", "encoding", "body"), READ)
def test_a_body_is_put_together(chunks: list[bytes], encoding: str, body: bytes) -> None:
    assert collect(chunks, encoding, cap=len(DATA), where="w") == body


BROKEN = [
    pytest.param([DATA], "", len(DATA) - 1, "larger than", id="24-one-byte-too-many"),
    pytest.param([PACKED], "gzip", len(DATA) - 1, "larger than", id="24-one-byte-too-many-unpacked"),
    pytest.param([PACKED[:-9]], "gzip", 10**6, "cut off", id="05-gzip-cut"),
    pytest.param([DATA], "gzip", 10**6, "claims to be gzip", id="no-gzip"),
    pytest.param([PACKED[:-6], b"damage"], "gzip", 10**6, "claims to be gzip", id="wrong-checksum"),
    pytest.param([PACKED], "br", 10**6, "not asked for", id="brotli"),
    pytest.param([PACKED], "gzip, gzip", 10**6, "not asked for", id="packed-twice"),
]


@pytest.mark.parametrize(("chunks", "encoding", "cap", "match"), BROKEN)
def test_a_body_that_is_not_all_there_is_undecodable(chunks: list[bytes], encoding: str, cap: int, match: str) -> None:
    with pytest.raises(Undecodable, match=match):
        collect(chunks, encoding, cap=cap, where="w")


@given(st.lists(st.binary(max_size=50), max_size=5), st.sampled_from(["", "gzip", "deflate"]), st.integers(0, 100))
def test_no_bytes_make_it_raise_anything_else_or_exceed_the_cap(chunks: list[bytes], encoding: str, cap: int) -> None:
    with suppress(Undecodable):
        assert len(collect(chunks, encoding, cap=cap, where="w")) <= cap
