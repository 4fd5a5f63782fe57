"""`job ...`: Spectrum's job API by hand."""

from spectrum_pipelines.cli.groups import TellingGroup
from spectrum_pipelines.cli.job.act import delete, sequence, stop, trigger
from spectrum_pipelines.cli.job.read import active, details, history, status

_HELP = """Use Spectrum's job API by hand.

\b
Examples:
  spectrum-pipelines job status /Data/Imports/orders.imp
  spectrum-pipelines job trigger 48 --wait
  spectrum-pipelines job list --local pipelines/workspace/workspace.yaml

--format json prints Spectrum's own words and dates under names of our own, the same for every version of the server:
`job_status`, `execution_id`, `file_id`, `configuration_id`, `start_time` ...

Exit codes: 0 done, 1 refused by the server (or failed, with --wait), 2 usage, 3 unreachable, 4 not seen
to end (--wait), 5 a trigger whose answer was lost, 7 login, certificate or rights refused.
"""

command = TellingGroup(
    "job",
    help=_HELP,
    short_help="Use Spectrum's job API by hand.",
    commands=[status, history, details, active, trigger, sequence, stop, delete],
)
