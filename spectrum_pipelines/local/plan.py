"""The plan of a sequential trigger: the given files and all files downstream, in the order of their data."""

from collections import defaultdict
from collections.abc import Container, Iterable, Sequence
from graphlib import TopologicalSorter

from .model import File, FileId, Kind, Workbook


class RefusedPlanError(Exception):
    """The files cannot run in sequence. The text is the reason for the caller."""


def order(files: Sequence[File], roots: Iterable[FileId]) -> list[File]:
    """List the given files and all files downstream, sources first. Files without an order keep the order of the workspace."""
    chosen = _closure(files, roots)
    by_id = {one.id: one for one in files}
    members = [one for one in files if one.id in chosen]
    for one in members:
        _require_data_driven(one)
    graph = {one.id: upstream(one, chosen) for one in members}
    return [by_id[one] for one in TopologicalSorter(graph).static_order()]


def upstream(file: File, chosen: Container[FileId]) -> list[FileId]:
    """List the members of a plan that a file waits for."""
    return [one for one in (*file.data_driven, *file.sources) if one in chosen]


def _closure(files: Sequence[File], roots: Iterable[FileId]) -> set[FileId]:
    downstream: defaultdict[FileId, list[FileId]] = defaultdict(list)
    for one in files:
        for source in (*one.data_driven, *one.sources):
            downstream[source].append(one.id)
    chosen = set(roots)
    open_ends = list(chosen)
    while open_ends:
        fresh = set(downstream[open_ends.pop()]) - chosen
        chosen |= fresh
        open_ends.extend(fresh)
    return chosen


def _require_data_driven(file: File) -> None:
    # The vendor asks it of every workbook of the chain, also of one that the caller names. A simulated one has to be
    # told apart by its sources: without any, nobody knows what would drive it.
    is_driven = file.data_driven or file.kind is not Kind.WORKBOOK
    if not is_driven and (file.sources or isinstance(file.action, Workbook)):
        raise RefusedPlanError(f"Workbook '{file.path}' in the dependency chain is not data-driven")
