"""Drawing workspace files and requests that nobody would write: each number gives the same one again."""

import copy
import random
from collections.abc import Iterator
from typing import Any

from tests.local.conftest import ADMIN, ANALYST


class Raw(str):
    """A text that stands in the file as it is, without quotes."""

    __slots__ = ()


WORDS = [
    *("", "/", "//", "/a", "/a.wbk", "/a b.wbk", "/Köln.exp", "/..", "/\u2028", "a", "1", "a:b", "*", "$x", "x" * 300, "🙂"),
    *("data.csv", "data.json", "../data.csv", "/etc/passwd", ".git/config", "pipe", "out/a.csv", "a.parquet", "link.csv"),
    *("COMPLETED", "ERROR", "csv", "json", "BIGINT", "1h", "250ms", "0s", "1w", "99999999d", "last", "cycle", "import"),
    *("version", "users", "files", "id", "path", "simulate", "name", "password", "sql", "table", "duration"),
    *("SELECT 1", "SELECT * FROM t", "FROM data", "SELECT $a"),
    *("SELECT 1; SELECT 2", "DROP TABLE t", "SELECT '", "FROM t SELECT"),
    *("SELECT * FROM read_blob('/etc/passwd')", "FROM range(5)"),
    *("SELECT " + "(" * 2000, "PIVOT t ON a", "VALUES (1)", "SELECT 1/0"),
    *("FROM glob('*')", "SELECT [1, 2] AS a, {'b': 3} AS c"),
    *("SELECT 1 AS a, 2 AS a", "DESCRIBE t", "SELECT $a || $1", "TABLE t", "--"),
]  # fmt: skip
ODD: list[Any] = [
    *(None, True, False, 0, -1, 1, 4, 7, 4.0, 0.5, 1e300, 10**12, 10**30, 2**63, [], {}, [[]], [None], {"": None}, [1, "a"]),
    *map(Raw, ["1e999", "-1e999", ".inf", ".nan", "~", "0x10", "0o7", "1_000", "2001-01-01", "yes", "'"]),
    *map(Raw, ["[", "{a", "*a", "&a", "!x y"]),
    *map(Raw, ["- - -", "|", "?", "a: b: c", "\t", "#", "%", "@", "\x00", "\ud800", "\x85", "<<", "9" * 5000, "1" * 30 + ".5"]),
]  # fmt: skip
SEEDS: list[dict[str, Any]] = [
    {
        "version": 1,
        "description": "all kinds",
        "users": [ANALYST, ADMIN],
        "slots": 2,
        "failure_code": 404,
        "hosts": ["spectrum"],
        "files": [
            {"id": 1, "path": "/a.imp", "import": {"source": "data.csv", "table": "data", "columns": {"a": "BIGINT"}}},
            {"id": 2, "path": "/b.imp", "import": {"source": "data.json", "table": "more", "format": "json"}},
            {
                "id": 3,
                "path": "/c.wbk",
                "uuid": "f8d450cd-f065-4abb-a232-27cd20c48c2b",
                "configuration_id": 33,
                "data_driven": [1, 2],
                "variables": {"a": 1, "b": "x"},
                "workbook": {"table": "t", "sql": "SELECT *, $a AS v FROM data"},
            },
            {"id": 4, "path": "/d.exp", "sources": [3], "users": ["admin"], "export": {"sql": "FROM t", "to": "o.csv"}},
            {
                "id": 5,
                "path": "/e.wbk",
                "simulate": {
                    "kind": "import",
                    "duration": "10ms",
                    "queue": "1ms",
                    "estimate": "1h",
                    "outcomes": ["ERROR", "COMPLETED_WITH_WARNINGS"],
                    "repeat": "cycle",
                    "records": 7,
                    "dropped": 1,
                    "counters": {"A": 1},
                },
            },
        ],
    },
    {"version": 1, "users": [ANALYST], "files": [{"id": 1, "path": "/a.wbk", "simulate": {}}]},
]
_MODELINE = "# yaml-language-server: $schema=workspace.schema.json\n"


def workspace(seed: int) -> bytes:
    """Draw the text of a workspace file: values, keys and places changed, and now and then the text itself."""
    dice = random.Random(seed)
    data: Any = copy.deepcopy(dice.choice(SEEDS))
    for _ in range(dice.choice([0, 1, 1, 1, 2, 3, 8])):
        data = _changed(data, dice)
    text = (_MODELINE + written(data)).encode("utf-8", "surrogatepass")
    if dice.random() < 0.15:
        text = _torn(text, dice)
    return text


def _changed(data: Any, dice: random.Random) -> Any:
    places = list(_places(data))
    if not places:
        return _value(dice)
    holder, key = dice.choice(places)
    match dice.randrange(6):
        case 0 | 1 | 2:
            holder[key] = _value(dice)
        case 3:
            del holder[key]
        case 4:
            other, there = dice.choice(places)
            holder[key] = copy.deepcopy(other[there])
        case _:
            fresh = _value(dice)
            if isinstance(holder, list):
                holder.insert(key, fresh)
            else:
                holder[dice.choice(WORDS)] = fresh
    return data


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in list(items):
        yield data, key
        yield from _places(value)


def _value(dice: random.Random) -> Any:
    return dice.choice(WORDS) if dice.random() < 0.5 else copy.deepcopy(dice.choice(ODD))


def written(data: Any) -> str:
    """Write a value in YAML's flow style."""
    match data:
        case Raw():
            return str(data)
        case dict():
            return "{" + ", ".join(f"{written(key)}: {written(value)}" for key, value in data.items()) + "}"
        case list():
            return "[" + ", ".join(map(written, data)) + "]"
        case str():
            return "'" + data.replace("'", "''") + "'"
        case None:
            return "null"
        case bool():
            return str(data).lower()
        case _:
            return repr(data)


_LONG = (b"\xef\xbb\xbf", b"[" * 3000)


def _torn(text: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(text))
    junk = dice.choice(
        [b"", b"\x00", b"\xff", b"\t", b"\r", b"\n", b"}", b"]", b"'", b"- ", b": ", b"\xef\xbb\xbf", b"[" * 3000]
    )
    return text[:at] + junk + text[at + dice.choice([0, 1, 5, 500]) :]


TARGETS = [
    *("1", "2", "3", "5", "1", "2", "3", "5", "1001", "33", "4", "99", "0", "-1", "1e1", "9" * 30),
    *("9" * 5000, "%D9%A1", "f8d450cd-f065-4abb-a232-27cd20c48c2b"),
    *("/a.imp", "a.imp", "/c.wbk", "%2Fa.imp", "a+b", "%", "%zz", "%00"),
    *("%FF%FE", "%ED%A0%80", "..", "../..", ".", "", "/", "//", "a/b"),
    *("status", "trigger", "stop", "list-running", ";x=1", "?", "#"),
    *("~", "*", "x" * 7000, "%0d%0aX:y", "1/status", "data.wbk"),
]  # fmt: skip
CALLS = [
    ("GET", "/api/job-execution/{}/status"),
    ("POST", "/api/job-execution/{}/trigger"),
    ("POST", "/api/job-execution/{}/stop"),
    ("GET", "/api/job-execution/list-running"),
    ("POST", "/api/job-execution/trigger"),
    ("POST", "/api/job-execution/trigger"),
    ("GET", "/rest/job-configuration/job-history/{}"),
    ("GET", "/rest/job-execution/job-details/{}"),
    ("DELETE", "/rest/data/{}"),
    ("GET", "/rest/job-configuration/job-status/{}"),
    ("GET", "/rest/jobs/list-running"),
    ("POST", "/rest/job-execution?configuration={}"),
    ("POST", "/rest/job-execution/job-kill/{}"),
    ("GET", "/{}"),
    ("GET", "{}"),
    ("GET", "http://localhost/{}"),
]
QUERIES = [
    "",
    "?",
    "?start=0&length=10",
    "?start=-1",
    "?start={}&length={}",
    "?length=1e999",
    "?configuration={}",
    "?%00=%FF",
    "?&&==&",
]
BODIES = [
    *('{"variables": {"a": 1}, "fileIds": [1, 3]}'),
    *('{ variables : { "foo": "fooValue" }, "fileIds" : [1, ]}', "", "null", "[]", "{}"),
    *('{"fileIds": [3], "variables": {"a": "\\ud800", "b": 1e999}}'),
    *('{"fileIds": [1e999]}', '{"fileIds": [NaN]}', '{"fileIds": 1}'),
    *('{"fileIds": [' + "9" * 400 + "]}", '{"fileIds": [1, 1, 2, 3, 4, 5]}'),
    *('{fileIds: [5], variables: {"": true}}', "[" * 9000),
    *("{a:" * 9000, '{"fileIds": [5], "fileIds": {}}', '"' * 999, "{" + ",," * 999),
    *('{"fileIds": [5], "variables": {"a": ' + "1" * 4000 + "}}"),
]  # fmt: skip
HEADERS = [
    *("", "Content-Type: application/json", "Content-Type: \xff", "Origin: null"),
    *("Host: evil.example", "Host: localhost", "X: " + "y" * 9000),
    *("Authorization: Basic AAAA", "Authorization: Basic", "Expect: 100-continue"),
    *("Connection: close", "Upgrade: websocket", ": x", "X"),
    *("Content-Length: 5", "Content-Length: -1", "Transfer-Encoding: chunked"),
    *("Transfer-Encoding: x", "Accept-Encoding: gzip;q=x"),
]  # fmt: skip
METHODS = [
    "GET",
    "GET",
    "POST",
    "POST",
    "POST",
    "DELETE",
    "PUT",
    "HEAD",
    "OPTIONS",
    "TRACE",
    "PATCH",
    "get",
    "X" * 300,
    "G T",
]
_LOGIN = "Authorization: Basic YW5hbHlzdDphbmFseXN0"


def request(seed: int) -> bytes:
    """Draw a request, down to its last byte. It asks for the end of the connection after the answer."""
    dice = random.Random(seed)

    def filled(form: str) -> str:
        return form.replace("{}", dice.choice(TARGETS))

    method, form = dice.choice(CALLS)
    path = filled(form) + filled(dice.choice(QUERIES) if dice.random() < 0.3 else "")
    has_body = form.endswith("/trigger") or dice.random() < 0.1
    body = dice.choice(BODIES).encode("utf-8", "surrogatepass") if has_body else b""
    headers = ["Host: localhost", _LOGIN, "Connection: close", f"Content-Length: {len(body)}"]
    if dice.random() < 0.2:
        headers.append(dice.choice(HEADERS))
    if dice.random() < 0.1:
        del headers[dice.randrange(len(headers))]
    line = f"{dice.choice(METHODS) if dice.random() < 0.1 else method} {path} HTTP/1.1"
    text = "\r\n".join([line, *filter(None, headers), "", ""]).encode("latin-1", "replace") + body
    return _torn(text, dice) if dice.random() < 0.05 else text


def damaged(good: bytes, seed: int) -> tuple[str, bytes]:
    """Draw a file of a state folder (name, content): the history with bytes changed, or a stranger beside it."""
    dice = random.Random(seed)
    if dice.random() < 0.2:
        names = ("executions.sqlite-wal", "executions.sqlite-shm", "executions.sqlite-journal", ".gitignore")
        return dice.choice(names), dice.randbytes(dice.choice([0, 1, 32, 5000]))
    content = bytearray(good)
    for _ in range(dice.choice([1, 1, 2, 10, 200])):
        # Rows lie at the ends of pages, and what holds the pages together at their beginnings.
        at = dice.randrange(len(content))
        content[at] = dice.choice([0, 1, 0x7F, 0xFF, content[at] ^ (1 << dice.randrange(8))])
    if dice.random() < 0.1:
        del content[dice.randrange(len(content)) :]
    return "executions.sqlite", bytes(content)
