"""One list-running for all triggers of a server. Needs no Airflow."""

import asyncio
from collections.abc import Callable

import pytest

from spectrum_pipelines.airflow import lookout as module
from spectrum_pipelines.airflow.lookout import lookout
from spectrum_pipelines.errors import Unauthorized, Unsent

PAUSE = 0.001


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Answers one by one, the last for ever; what was asked."""

    def answer(*answers: frozenset[int] | Exception) -> list[str]:
        seen: list[str] = []
        left = list(answers)

        def active(conn_id: str) -> frozenset[int]:
            seen.append(conn_id)
            one = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(one, Exception):
                raise one
            return one

        monkeypatch.setattr(module, "_active", active)
        return seen

    monkeypatch.setattr(module, "_AFTER_A_FAILURE", PAUSE)
    return answer


async def _two(conn_id: str) -> list[frozenset[int]]:
    async def one() -> frozenset[int]:
        async with lookout(conn_id, PAUSE) as looks:
            return await looks.next()

    return list(await asyncio.gather(one(), one()))


def test_two_triggers_share_a_look(asked: Callable[..., list[str]]) -> None:
    seen = asked(frozenset({1, 2}))
    assert asyncio.run(_two("a")) == [frozenset({1, 2})] * 2
    assert seen == ["a"]


def test_a_server_that_is_away_is_asked_again(asked: Callable[..., list[str]]) -> None:
    seen = asked(Unsent("away"), Unsent("away"), frozenset({1}))
    assert asyncio.run(_two("b")) == [frozenset({1})] * 2
    assert len(seen) == 3


def test_a_refused_login_is_not_repeated_and_wakes_everybody(asked: Callable[..., list[str]]) -> None:
    seen = asked(Unauthorized("refused"))
    with pytest.raises(Unauthorized):
        asyncio.run(_two("c"))
    assert seen == ["c"]
    assert module._LOOKS == {}
