import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from spectrum_pipelines.document.source import read_source
from spectrum_pipelines.errors import ExitCode, UnreadableFile


def test_a_file_comes_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes("a: ö\r\nb: 1\r".encode())
    source = read_source(str(path))
    assert (source.name, source.text) == (str(path), "a: ö\r\nb: 1\r")


def test_39_a_byte_order_mark_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read_source(str(path)).text == "a: 1\n"


def _directory(path: Path) -> None:
    path.mkdir()


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(path))  # the path of a socket must be short


ROWS = [
    pytest.param(lambda _: None, "does not exist", id="missing"),
    pytest.param(_directory, "is a directory, not a file", id="a directory"),
    pytest.param(os.mkfifo, "is a named pipe, not a file", id="51 a pipe that nobody writes to"),
    pytest.param(_socket, "cannot be read", id="a socket"),
    pytest.param(lambda path: path.symlink_to("/dev/zero"), "is a device, not a file", id="an endless device"),
    pytest.param(lambda path: path.symlink_to(path), "cannot be read", id="a link to itself"),
    pytest.param(lambda path: path.write_bytes(b"a" * 101), "is larger than 100 bytes", id="35 too large"),
    pytest.param(lambda path: path.write_bytes(b"a: 1\nb\0c\n"), ":2: a NUL byte", id="39 NUL"),
    pytest.param(lambda path: path.write_bytes(b"\xff\xfea\0"), "is encoded in UTF-16", id="39 UTF-16"),
    pytest.param(
        lambda path: path.write_bytes("a: 1".encode("utf-32")), "is encoded in UTF-32", id="UTF-32 begins like UTF-16"
    ),
    pytest.param(
        lambda path: path.write_bytes("a: 1".encode("utf-16-be")), "is encoded in UTF-16", id="39 UTF-16 without a mark"
    ),
    pytest.param(lambda path: path.write_bytes(b"a: 1\nb: \xfc"), ":2:4: byte 0xfc is not UTF-8", id="39 latin-1"),
    pytest.param(
        lambda path: path.write_bytes(b"a: \xed\xa0\x80"), ":1:4: byte 0xed is not UTF-8", id="half a character"
    ),
]


@pytest.mark.parametrize(("make", "message"), ROWS)
def test_what_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], object], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "it.yaml")
    with pytest.raises(UnreadableFile) as caught:
        read_source("it.yaml", max_bytes=100)
    assert caught.value.message.startswith("it.yaml")
    assert message in caught.value.message
    assert caught.value.hint
    assert caught.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000, "", "missing/folder/a.yaml"])
def test_names_that_no_file_can_have(name: str) -> None:
    with pytest.raises(UnreadableFile):
        read_source(name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_forbidden_file(tmp_path: Path) -> None:
    path = tmp_path / "secret.yaml"
    path.touch(mode=0o000)
    with pytest.raises(UnreadableFile, match="permission denied"):
        read_source(str(path))


def test_a_missing_file_has_a_neighbour(tmp_path: Path) -> None:
    (tmp_path / "nightly.yaml").touch()
    with pytest.raises(UnreadableFile) as caught:
        read_source(str(tmp_path / "nightly.yml"))
    assert caught.value.hint == f"did you mean {tmp_path / 'nightly.yaml'}?"


@pytest.mark.parametrize("name", ["typo.yaml", "nope.md"])
def test_an_ending_alone_makes_no_neighbour(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    with pytest.raises(UnreadableFile) as caught:
        read_source(str(tmp_path / "nope.yaml"))
    assert "check the path" in (caught.value.hint or "")
