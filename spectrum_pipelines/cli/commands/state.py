"""`state ...`: the place where runs are kept, for who sets it up."""

import click

from spectrum_pipelines.cli.groups import TellingCommand, TellingGroup
from spectrum_pipelines.cli.options import option, state_option
from spectrum_pipelines.cli.printed import put
from spectrum_pipelines.cli.state import store_of
from spectrum_pipelines.cli.terminal import say
from spectrum_pipelines.errors import ExitCode
from spectrum_pipelines.report.commands import command as command_line
from spectrum_pipelines.store.admin import grants, init, look, upgrade
from spectrum_pipelines.store.interface import Store

_HELP = """Make, upgrade or check the place where runs are kept: a folder, or a PostgreSQL database that many machines share.

\b
Examples:
  export SPECTRUM_STATE=postgresql://owner@db.example.com/pipelines
  spectrum-pipelines state init --role ci     (prints the SQL that lets the role `ci` run pipelines)
  spectrum-pipelines state check              (as that role: what is missing)

Exit codes: 0 done, 1 something is missing (check), 2 unfit, 3 unreachable, 7 login or certificate refused.
"""

role_option = option("--role", metavar="NAME", help="The role of runners: print the SQL that lets it run.")


@click.command("init", cls=TellingCommand, short_help="Make the tables.")
@state_option
@role_option
def _init(*, state: str, role: str | None) -> int:
    """Make the schema and its tables, as the role that shall own them. May be repeated.

    With --role the SQL that lets that role run pipelines goes to stdout: rights on the tables, none to make or delete any.

    \b
    Example:
      spectrum-pipelines state init --role ci | psql pipelines
    """
    with store_of(state) as store:
        done = init(store)
        say("note", f"the tables in {store.name} are made" if done else f"{store.name} needs nothing more")
        _tell_grants(store, role)
    return ExitCode.SUCCEEDED


@click.command("upgrade", cls=TellingCommand, short_help="Bring the tables up to date.")
@state_option
@role_option
def _upgrade(*, state: str, role: str | None) -> int:
    """Bring the tables up to date, as the role that owns them. May be repeated.

    Runners of an older version go on with tables of theirs only: upgrade when none works.

    \b
    Example:
      spectrum-pipelines state upgrade --state postgresql://owner@db.example.com/pipelines
    """
    with store_of(state) as store:
        done = upgrade(store)
        say("note", f"the tables in {store.name} are up to date" + (" now" if done else ""))
        _tell_grants(store, role)
    return ExitCode.SUCCEEDED


@click.command("check", cls=TellingCommand, short_help="Say what is missing.")
@state_option
def _check(*, state: str) -> int:
    """Say what is missing, as the role of a runner: server, durability, tables, rights.

    \b
    Example:
      spectrum-pipelines state check --state postgresql://ci@db.example.com/pipelines
    """
    with store_of(state) as store:
        findings = look(store)
    for finding in findings:
        say("ok" if finding.is_good else "missing", finding.what, hint=None if finding.is_good else finding.hint)
    return ExitCode.SUCCEEDED if all(finding.is_good for finding in findings) else ExitCode.FAILED


def _tell_grants(store: Store, role: str | None) -> None:
    if role is not None:
        put("\n".join(grants(store, role)) + "\n")
    elif store.is_shared:
        say("next", command_line("state", "init", options={"--role": "NAME", "--state": store.name}))


command = TellingGroup(
    "state",
    help=_HELP,
    short_help="Make, upgrade or check the place where runs are kept.",
    commands=[_init, _upgrade, _check],
)
