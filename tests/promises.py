"""What is promised, in words: the README says it to people, and tests name the promise that they hold somebody to."""

from enum import Enum


class Promise(Enum):
    """Each value begins the text of what has broken the promise."""

    NEVER_TWICE = "never twice"
    """Never two triggers for one attempt of one job of one run, and what succeeded is not done again."""
    KEPT_FIRST = "kept first"
    """An intent and an id that the server gave are on disk before anything else happens."""
    SAME_STORY = "the same story"
    """After any end there is a valid report, and the journal tells the same; a resumed run ends like an undisturbed one."""
    NEVER_A_LIE = "never a lie"
    """Green only by a success under the run's own execution id of the job's own file; no end that did not happen is told."""
    NO_SECRET = "no secret"
    """No byte of a secret stands in any file, stream or text."""
    EVERY_WAIT_ENDS = "every wait ends"
    """Whatever is waited for comes, or a limit does, by a clock that only goes on; and nobody spins."""
    REFUSED_FIRST = "refused first"
    """Bad input is refused at file:line:col before any request."""
    TEXT_IS_DATA = "foreign text is data"
    """Foreign text is never a command of a CI system, markup, a path or an escape sequence."""
    ONE_HOLDER = "one holder"
    """One process at a time works on a run, on whatever machine; who has lost it does nothing more."""
