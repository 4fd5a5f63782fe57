"""Lists and numbers as people read them."""

import pytest

from spectrum_pipelines.words.wording import few


@pytest.mark.parametrize(
    ("names", "most", "of", "told"),
    [
        ([], 2, "", ""),
        (["a"], 2, "", "a"),
        (["a", "b"], 2, "", "a, b"),
        (["a", "b", "c"], 2, "", "a, b and 1 more"),
        (["a", "b", "c", "d"], 2, "changes", "a, b and 2 more changes"),
        (["a"] * 1_002, 1, "", "a and 1,001 more"),
    ],
)
def test_a_few_names_and_how_many_more_there_are(names: list[str], most: int, of: str, told: str) -> None:
    assert few(iter(names), most, of=of) == told
