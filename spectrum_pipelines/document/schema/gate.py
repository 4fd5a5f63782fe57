r"""A yes or "look closer", by jsonschema-rs: most files are right, and only the others go to jsonschema, which words the faults.

Why two validators: for 500 small files jsonschema alone takes 0.26 to 0.30 of check-jsonschema's time, with jsonschema-rs before it
0.16, and jsonschema-rs takes 50 ms less to load. jsonschema-rs alone would do for the verdict, but its errors lack the schema that
was broken, from which the words for people are made.

The gate must never accept what jsonschema would reject. Both agree on all keywords of the shipped schemas; regular expressions are
written in classes that both read alike (`[0-9]`, never `\d` or `\s`, which differ beyond ASCII). Whatever the gate cannot read goes
on to jsonschema. A `$ref` to elsewhere is never fetched.
"""

from collections.abc import Callable, Mapping
from typing import Any

from spectrum_pipelines.document.numbers import bare

Test = Callable[[Any], bool]


def gate(schema: Mapping[str, Any]) -> Test:
    """A test that is true only for what is valid. It never raises; a schema that it cannot read makes it always false."""
    from jsonschema_rs import Draft7Validator  # noqa: PLC0415 - 15 ms, which a start without a schema need not pay

    try:
        is_valid = Draft7Validator(dict(schema), offline=True).is_valid
    except ValueError:
        return lambda _: False

    def is_surely_valid(value: Any) -> bool:
        try:
            return is_valid(value)
        except ValueError:
            pass
        try:
            return is_valid(bare(value))  # it knows no numbers that remember their text, and few files hold any
        except ValueError:  # half a surrogate pair, say: a text that is no UTF-8
            return False

    return is_surely_valid
