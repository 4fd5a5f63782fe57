"""The word that was probably meant."""

from collections.abc import Iterable

_LONGEST = 64  # beyond, it is not a slip of the finger
_FEW = 200


def closest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `word` is most likely a slip of, or None if none is near.

    Bounded: among thousands of candidates (job ids) only those one slip away are found, in time linear in their number.
    """
    if not word or len(word) > _LONGEST:
        return None
    pool = [it for it in dict.fromkeys(candidates) if it != word and abs(len(it) - len(word)) <= max(2, len(word) // 2)]
    folded = _fold(word)
    for candidate in pool:
        if _fold(candidate) == folded:
            return candidate
    if len(pool) > _FEW:
        known = set(pool)
        return next((slip for slip in _slips(word, sorted(set("".join(pool)))) if slip in known), None)
    return _nearest(folded, pool)


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
