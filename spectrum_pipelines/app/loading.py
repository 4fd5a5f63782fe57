"""From a file to a pipeline that can run, with every fault of the file as a value before anything is asked of a server."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from spectrum_pipelines.address import read_address
from spectrum_pipelines.app.fragments import Fragments, kept
from spectrum_pipelines.app.kinds import refuse_a_workspace
from spectrum_pipelines.clock import SystemClock
from spectrum_pipelines.document.diagnostic import Diagnostic, InvalidFile, Severity, in_order, unquoted
from spectrum_pipelines.document.parse import Document, parse
from spectrum_pipelines.document.source import Source, read_source
from spectrum_pipelines.errors import UserError
from spectrum_pipelines.pipeline.build import Given, build
from spectrum_pipelines.pipeline.check import check
from spectrum_pipelines.pipeline.fill.values import PREFIX
from spectrum_pipelines.pipeline.graph.selection import select, with_execution_ids
from spectrum_pipelines.pipeline.include import Read, parse_with_fragments
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.pipeline.model.pipeline import Pipeline
from spectrum_pipelines.plan.facts import PlanFacts
from spectrum_pipelines.plan.waves import plan
from spectrum_pipelines.store.texts import Texts

#: Stands for `${run.id}` before there is a run.
RUN_ID = "RUN_ID"


class Loaded(Struct, frozen=True, kw_only=True):
    """A pipeline file with its values filled in, ready to run. `warnings` are what `validate` shows of it besides errors.

    `left_out` are the jobs of `finally` that the selection `only` does not name.
    """

    pipeline: Pipeline
    document: Document
    given: Given
    only: tuple[str, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
    left_out: tuple[JobId, ...] = ()

    @property
    def source(self) -> Source:
        """The name and the text of the file."""
        return self.document.source

    @property
    def files(self) -> tuple[str, ...]:
        """The names of all files of which the pipeline is made."""
        return tuple(part.source.name for part in self.document.parts)

    @property
    def texts(self) -> Texts:
        """The texts that `resume` needs: that of the file, and those of its fragments."""
        return Texts(pipeline=self.source.text, fragments=self.document.fragments)

    def for_run(self, run_id: str) -> "Loaded":
        """Build the pipeline again for the run of this id: a file may name its run. Raises InvalidFile."""
        if not self.document.holds("run.id") and not self.document.holds("\\"):  # an escape could spell anything
            return self
        given = replace(
            self.given, run_date=None if self.pipeline.date is None else date.fromisoformat(self.pipeline.date)
        )
        return load_source(
            self.source, given, read=kept(self.document.fragments, self.source.name), only=self.only, run_id=run_id
        )

    def planned(self) -> PlanFacts:
        """What a run of this pipeline would do, for a plan."""
        return PlanFacts(self.pipeline, plan(self.pipeline), self.document)


def load(
    source: str | Path,
    *,
    environment: str | None = None,
    variables: Mapping[str, Any] = MappingProxyType({}),
    environ: Mapping[str, str] = MappingProxyType({}),
    server: str | None = None,
    only: Iterable[str] = (),
    outputs: Mapping[str, int] = MappingProxyType({}),
) -> Loaded:
    """Read a pipeline file and fill in its values. Asks no server.

    `variables` win over everything else; a text is read as `--var` reads one, other values are taken as they are. `environ` stands
    for the process environment: `${env.X}` and `SPECTRUM_VAR_<NAME>`. `server` wins over `server.url`. `only` is a selection as
    `--only` takes it; `outputs` gives the execution ids of jobs that are not selected, for references to them.

    Raises InvalidFile, whose `diagnostics` are all faults of the file; UnreadableFile; and UserError for a useless selection.
    """
    given = given_values(environment=environment, variables=variables, environ=environ, server=server)
    return load_source(
        read_source(str(source)),
        replace(given, outputs={JobId(name): number for name, number in outputs.items()}),
        only=tuple(only),
    )


def load_source(
    source: Source,
    given: Given,
    *,
    read: Read | None = None,
    only: tuple[str, ...] = (),
    run_id: str = RUN_ID,
) -> Loaded:
    """The pipeline of one run; `read` finds its fragments, by default on the disk. Raises InvalidFile and UserError."""
    document, found = parse_with_fragments(source, read or Fragments().of(source.name))
    pipeline = None
    if document is not None:
        refuse_a_workspace(document)
    if document is not None and any(it.severity is Severity.ERROR for it in found):
        # What could not be read stands in the document as a stand-in: good enough to look for more faults, not to build from.
        found = in_order([*found, *check(document)])
    elif document is not None:
        pipeline, more = build(document, given=given, run_id=run_id)
        found = in_order([*found, *more])
    if document is None or pipeline is None or any(it.severity is Severity.ERROR for it in found):
        message = f"{source.name} is not a valid pipeline; nothing was triggered"
        if source.is_foreign:
            raise InvalidFile(message, diagnostics=unquoted(found), shown=())
        raise InvalidFile(message, diagnostics=found, shown=quotable(source, document))
    if given.outputs:
        pipeline = with_execution_ids(pipeline, given.outputs)
    last = [job.id for job in pipeline.jobs.values() if job.is_finally]
    if only:
        pipeline = select(pipeline, only)
    return Loaded(
        pipeline=pipeline,
        document=document,
        given=given,
        only=only,
        warnings=unquoted(found) if source.is_foreign else found,
        left_out=tuple(name for name in last if name not in pipeline.jobs),
    )


def quotable(source: Source, document: Document | None) -> tuple[Source, ...]:
    """The texts of a file and of its fragments without the values of secrets."""
    from spectrum_pipelines.pipeline.secrets import shown_sources  # noqa: PLC0415 - a good file is not quoted

    return shown_sources(document) if document is not None else (source,)


def given_values(
    *,
    environment: str | None = None,
    variables: Mapping[str, Any] = MappingProxyType({}),
    vars_file: "VarsFile | None" = None,
    environ: Mapping[str, str] = MappingProxyType({}),
    server: str | None = None,
) -> Given:
    """The values that a pipeline is given from outside; `variables` win over `vars_file`. Raises UserError."""
    if server is not None and not server.lower().startswith(("http://", "https://")):
        raise UserError(
            f"`{server}` is no address of a server", hint="--server and SPECTRUM_URL need http://... or https://..."
        )
    if server is not None:
        try:
            read_address(server)
        except UserError as error:
            raise UserError(f"--server or SPECTRUM_URL: {error.message}", hint=error.hint) from None
    texts = {name: value for name, value in variables.items() if isinstance(value, str)}
    data = {name: value for name, value in variables.items() if name not in texts}
    # Values that are no texts are read as those of a vars file, over which the environment would win.
    known = {name: text for name, text in environ.items() if name.removeprefix(PREFIX) not in data} if data else environ
    of_file = vars_file or VarsFile()
    return Given(
        environment=environment,
        vars_file={**of_file.values, **data},
        shows_vars_file=of_file.may_be_shown,
        process_environment=known,
        command_line=texts,
        server=server,
        now=SystemClock().now(),
    )


def recorded_values(
    given: Given, recorded: Mapping[str, Any], *, environment: str | None, now: datetime, run_date: str | None
) -> Given:
    """The values with which a run is gone on with: those that its journal has recorded, under what is given now.

    `now` is when the run first started, `run_date` what its journal says of the day.
    """
    day = None if run_date is None else date.fromisoformat(run_date)
    return replace(given, environment=environment, recorded=recorded, now=now, run_date=day)


class VarsFile(Struct, frozen=True, kw_only=True):
    """Values of a vars file. A file that leaves its checkout by a link may be anything: not even its names may be told."""

    values: Mapping[str, Any] = field(default_factory=dict)
    may_be_shown: bool = True


def vars_file(name: str | None) -> VarsFile:
    """A vars file is all values, which may be secret: its lines are never quoted. Raises InvalidFile and UnreadableFile."""
    if name is None:
        return VarsFile()
    source = read_source(name)
    document, found = parse(source)
    if source.is_foreign:
        found = unquoted(found)
    errors = [it for it in found if it.severity is Severity.ERROR]
    if document is None or errors:
        first = errors[0]
        where = f"{name}:{first.span.start.line}:{first.span.start.column}"
        raise InvalidFile(f"{where}: {first.message}", hint=first.hint, diagnostics=found)
    if not isinstance(document.data, dict):
        raise InvalidFile(f"{name} must map names to values", hint="e.g. a line `region: emea`")
    return VarsFile(values=document.data, may_be_shown=not source.is_foreign)
