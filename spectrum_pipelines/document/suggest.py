"""The word that was probably meant."""

from collections.abc import Iterable
from functools import cached_property, lru_cache

_LONGEST = 64  # beyond, it is not a slip of the finger
_FEW = 200


def closest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `word` is most likely a slip of, or None if none is near.

    Among thousands of candidates (job ids) only those one slip away are found. A thousand misspelt words cost little more than one:
    what has to be known of the candidates is worked out once.
    """
    if not word or len(word) > _LONGEST:
        return None
    return _vocabulary(tuple(candidates)).closest(word)


@lru_cache(maxsize=16)
def _vocabulary(candidates: tuple[str, ...]) -> "_Vocabulary":
    return _Vocabulary(candidates)


class _Vocabulary:
    """Words that may have been meant, ready to be asked often."""

    def __init__(self, candidates: tuple[str, ...]) -> None:
        self._words = tuple(dict.fromkeys(candidates))
        self._place = {word: place for place, word in enumerate(self._words)}

    def closest(self, word: str) -> str | None:
        folded = _fold(word)
        if found := next((it for it in self._by_fold.get(folded, ()) if it != word), None):
            return found
        off = max(2, len(word) // 2)
        near = [self._by_length.get(length, ()) for length in range(len(word) - off, len(word) + off + 1)]
        if sum(map(len, near)) > _FEW:
            return next((slip for slip in _slips(word, self._letters) if slip in self._place and slip != word), None)
        pool = {it for words in near for it in words if it != word}
        return _nearest(folded, sorted(pool, key=self._place.__getitem__))

    @cached_property
    def _by_fold(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for word in self._words:
            if len(word) <= 2 * _LONGEST:
                found.setdefault(_fold(word), []).append(word)
        return found

    @cached_property
    def _by_length(self) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        for word in self._words:
            found.setdefault(len(word), []).append(word)
        return found

    @cached_property
    def _letters(self) -> list[str]:
        return sorted({letter for word in self._words for letter in word})


def _fold(word: str) -> str:
    return word.casefold().replace("_", "").replace("-", "").replace(" ", "")


def _nearest(folded: str, pool: list[str]) -> str | None:
    from difflib import get_close_matches  # noqa: PLC0415 - only a failure needs it

    originals = {_fold(candidate): candidate for candidate in reversed(pool)}
    found = get_close_matches(folded, originals, n=1, cutoff=0.65)
    return originals[found[0]] if found else None


def _slips(word: str, letters: list[str]) -> Iterable[str]:
    cuts = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    yield from (left + right[1] + right[0] + right[2:] for left, right in cuts if len(right) > 1)
    yield from (left + right[1:] for left, right in cuts if right)
    for letter in letters:
        yield from (left + letter + right for left, right in cuts)
        yield from (left + letter + right[1:] for left, right in cuts if right)
