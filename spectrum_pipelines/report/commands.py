"""Commands of ours that name a run or a file, for people to type: they are built here, and work as they are pasted.

A store knows no reports: it builds the few commands about itself of the same words, `words.shell.shell_word`.
"""

from collections.abc import Iterable, Mapping

from spectrum_pipelines.engine.facts import RunStarted
from spectrum_pipelines.pipeline.secrets import masked
from spectrum_pipelines.redaction import MASK
from spectrum_pipelines.words.shell import shell_word

PROGRAM = "spectrum-pipelines"

#: Words for the reader to fill in.
FILE, URL = "FILE", "URL"


#: What may stand among the words of a command; any other word with a dash is the name of something.
_OPTIONS = frozenset({"--dry-run", "--file", "--none", "--online", "--var", "--yes"})
_WITH_VALUE = frozenset({"--file", "--var"})


def command(*words: str | int, options: Mapping[str, str | None] | None = None) -> str:
    """A line for a shell. Options without a value are left out; words in capitals are for the reader to fill in."""
    given = {name: value for name, value in (options or {}).items() if value is not None}
    told = [str(word) for word in words]
    is_option = [word in _OPTIONS or told[at - 1] in _WITH_VALUE for at, word in enumerate(told)]
    dashed = [at for at, word in enumerate(told) if word.startswith("-") and not is_option[at]]
    end = dashed[0] if dashed else len(told)
    behind = range(end, len(told))
    line = [PROGRAM, *map(shell_word, told[:end]), *(shell_word(told[at]) for at in behind if is_option[at])]
    line += [f"{name} {shell_word(value)}" for name, value in given.items()]
    # Behind `--` nothing is taken for an option.
    return " ".join([*line, *(["--"] if dashed else []), *(shell_word(told[at]) for at in behind if not is_option[at])])


def opens(state: str | None) -> bool:
    """A command can open the store that a run has recorded: not one of a process or of a task, which is named `<like this>`."""
    return state is None or not state.startswith("<")


def about_run(facts: RunStarted, verb: str, *words: str | int, secrets: Iterable[str] = ()) -> str:
    """A command about a run: with its store, and with the server where its executions are."""
    # Only `report` asks no server. An address with a secret in it stands in the pipeline, where the command finds it.
    known = None if MASK in masked(facts.server, secrets) else facts.server
    on = {} if verb == "report" else where(server=known, workspace=facts.workspace)
    options = {"--state": facts.state_dir, **on}
    return command(verb, facts.run_id, *words, options=options)


def named(text: str, blank: str) -> str:
    """A text that a command names; where a secret is masked in it, the word for the reader to fill in."""
    return blank if MASK in text else text


def where(*, server: str | None, workspace: str | None) -> dict[str, str | None]:
    """The options that name a server; an embedded one has another address each time."""
    return {"--local": workspace} if workspace is not None else {"--server": server}
