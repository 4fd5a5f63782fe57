"""The folder of one run: its journal, and copies of what was run."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from spectrum_pipelines.errors import StateError
from spectrum_pipelines.files import in_words, link_or_put, read_capped
from spectrum_pipelines.pipeline.build import digest

_LAST_FEW = 5
_MAX_PIPELINE = 64_000_000
_NEEDED = "the run cannot be followed without it: look in Spectrum for what it has started, then start a new run"


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """Where one run's files are. The name of the folder is the run id."""

    path: Path

    @property
    def run_id(self) -> str:
        """`20261123T150405Z-7f3a`."""
        return self.path.name

    @property
    def journal(self) -> Path:
        """The only history of the run; see `journal`."""
        return self.path / "journal.jsonl"

    @property
    def pipeline(self) -> Path:
        """A copy of the text that was run: the file in git may have changed when the run is resumed."""
        return self.path / "pipeline.yaml"

    @property
    def fragments(self) -> Path:
        """Copies of the texts that the pipeline includes, by name; only where there are any."""
        return self.path / "fragments.json"

    @property
    def plan(self) -> Path:
        """The plan of the run."""
        return self.path / "plan.json"

    @property
    def report(self) -> Path:
        """The report, kept current while the run goes on."""
        return self.path / "report.json"

    def keep(self, *, pipeline_text: str, plan: str) -> None:
        """Store what is about to be run. On disk before the journal begins, so every run that began has them. Raises StateError.

        Most runs are of the same file with the same plan as one of the last few: these share their files.
        """
        twins = self._last_few()
        try:
            link_or_put(self.pipeline, pipeline_text.encode("utf-8", "surrogatepass"), (it.pipeline for it in twins))
            link_or_put(self.plan, plan.encode("utf-8", "surrogatepass"), (it.plan for it in twins))
        except OSError as error:
            message = f"{self.path} cannot be written: {in_words(error)}"
            raise StateError(message, hint="make room there, or choose another directory with --state-dir") from error

    def pipeline_text(self, expected: str) -> str:
        """The text that was run, with `expected` (`RunStarted.digest`) as its digest. Raises StateError."""
        text = self.text()
        if digest(text) != expected:
            hint = "put the file back as it was; a changed pipeline needs a new run"
            raise StateError(f"{self.pipeline} is not the pipeline that run {self.run_id} began with", hint=hint)
        return text

    def _last_few(self) -> "list[RunDirectory]":
        try:
            names = sorted((it.name for it in os.scandir(self.path.parent) if it.name != self.run_id), reverse=True)
        except OSError:
            return []
        return [RunDirectory(self.path.parent / name) for name in names[:_LAST_FEW]]

    def text(self) -> str:
        """The text of the pipeline as it is kept. Raises StateError."""
        try:
            return read_capped(self.pipeline, _MAX_PIPELINE).decode("utf-8", "surrogatepass")
        except (OSError, UnicodeDecodeError) as error:
            what = in_words(error) if isinstance(error, OSError) else "it is not UTF-8"
            raise StateError(f"{self.pipeline} cannot be read: {what}", hint=_NEEDED) from error

    def fragment_texts(self) -> dict[str, str]:
        """The texts that the pipeline includes, as they are kept; most include none. Raises StateError."""
        try:
            data = json.loads(read_capped(self.fragments, _MAX_PIPELINE))
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StateError(f"{self.fragments} cannot be read: {in_words(error)}", hint=_NEEDED) from error
        except (ValueError, RecursionError) as error:
            raise StateError(f"{self.fragments} is not JSON", hint=_NEEDED) from error
        if not isinstance(data, dict) or not all(isinstance(text, str) for text in data.values()):
            raise StateError(f"{self.fragments} holds other things than texts", hint=_NEEDED)
        return data

    def make(self) -> None:
        """Create the folder. Raises FileExistsError if the run id is taken."""
        self.path.mkdir(mode=0o700)

    def exists(self) -> bool:
        """There is a folder, and not only a link to one."""
        return self.path.is_dir() and not self.path.is_symlink()
