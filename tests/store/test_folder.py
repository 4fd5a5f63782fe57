"""What only a folder can get wrong: who put it there, links in it, and how far its locks reach."""

import os
import re
import shlex
import subprocess
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from spectrum_pipelines.errors import StateError
from spectrum_pipelines.store.folder.store import FolderStore
from spectrum_pipelines.store.interface import group_lease, run_lease
from spectrum_pipelines.store.texts import Texts
from tests.store.histories import ME, MOMENT, RUN_ID, Clock, stamped, started

GROUP = group_lease("nightly")


def acts(store: FolderStore) -> None:
    """What a command does before it believes a word of what stands in the folder."""
    store.probe()
    lease = store.lease(run_lease(RUN_ID), ME, run_id=RUN_ID)
    assert lease is not None
    lease.release()


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "nightly.yaml").write_text("version: 1")
    git(folder, "add", ".")
    return folder


# --- where it came from ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [".spectrum-pipelines", "deep/state", "[a]*"])
@pytest.mark.parametrize("has_git", [True, False])
def test_a_folder_that_git_tracks_is_not_believed(
    checkout: Path, name: str, has_git: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    acts(FolderStore(checkout / name))
    acts(FolderStore(checkout / name))
    git(checkout, "--literal-pathspecs", "add", "--force", f"{name}/.gitignore")
    if not has_git:
        monkeypatch.setenv("PATH", "/nowhere")
    touches: list[Callable[[FolderStore], object]] = [
        lambda store: store.probe(),
        lambda store: store.claim("key", lambda: store.new_run(MOMENT, lambda: "0000"), ME),
        lambda store: store.lease(run_lease(RUN_ID), ME, run_id=RUN_ID),
    ]
    for touch in touches:
        with pytest.raises(StateError, match="came with the checkout: git tracks") as caught:
            touch(FolderStore(checkout / name))
        assert "--state" in str(caught.value.hint)
    if has_git:
        (untrack,) = re.findall("`(git .*)`", str(caught.value.hint))
        git(checkout, *shlex.split(untrack)[1:])
        FolderStore(checkout / name).probe()


REDIRECTED = {
    "GIT_DIR": "../other/.git",
    "GIT_INDEX_FILE": "/nonexistent",
    "GIT_WORK_TREE": "/",
    "GIT_COMMON_DIR": "../other/.git",
    "GIT_CEILING_DIRECTORIES": "/",
    "GIT_LITERAL_PATHSPECS": "nonsense",
    "GIT_CONFIG_PARAMETERS": "'core.worktree'='/'",
}


@pytest.mark.parametrize("name", REDIRECTED)
def test_what_git_sets_for_its_hooks_leads_to_no_other_checkout(
    checkout: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    acts(FolderStore(checkout / "state"))
    git(checkout, "add", "--force", ".")
    (checkout.parent / "other").mkdir()
    git(checkout.parent / "other", "init", "-q")
    monkeypatch.chdir(checkout)
    monkeypatch.setenv(name, REDIRECTED[name])
    with pytest.raises(StateError, match="came with the checkout"):
        acts(FolderStore(checkout / "state"))


@pytest.mark.parametrize(
    "way", ["nothere/../state", "deep/nothere/../../state", "state/../state", "./state/.", "../checkout/state"]
)
@pytest.mark.parametrize("is_link", [False, True], ids=["a folder", "a link to one"])
def test_another_way_to_a_tracked_folder_leads_to_the_same_answer(
    checkout: Path, way: str, is_link: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout / "deep").mkdir()
    acts(FolderStore(checkout / "state"))
    if is_link:
        (checkout / "state").rename(checkout / "real")
        (checkout / "state").symlink_to("real")
    git(checkout, "add", "--force", "real" if is_link else "state")
    monkeypatch.chdir(checkout)
    with pytest.raises(StateError, match="came with the checkout"):
        acts(FolderStore(Path(way)))


def test_a_checkout_that_is_its_own_state_folder_is_believed_unless_its_runs_are_tracked(checkout: Path) -> None:
    acts(FolderStore(checkout))
    acts(FolderStore(checkout))
    (checkout / "keys" / "k.json").touch()
    git(checkout, "add", "--force", "keys")
    with pytest.raises(StateError, match="came with the checkout"):
        acts(FolderStore(checkout))


def _garbage(checkout: Path) -> None:
    (checkout / ".git" / "index").write_bytes(b"garbage")


def _one_bit(checkout: Path) -> None:
    index = checkout / ".git" / "index"
    data = bytearray(index.read_bytes())
    data[-40] ^= 1
    index.write_bytes(data)


def _a_way_to_nowhere(checkout: Path) -> None:
    (checkout / ".git").rename(checkout / "git")
    (checkout / ".git").write_text("gitdir: /nonexistent\n")


def _sparse(checkout: Path) -> None:
    """The index has entries that stand for whole folders, of which `state` may be one."""
    (checkout / "far" / "away").mkdir(parents=True)
    (checkout / "far" / "away" / "x").touch()
    git(checkout, "add", ".")
    git(checkout, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x")
    git(checkout, "sparse-checkout", "set", "--sparse-index", "state")


UNTOLD: list[tuple[Callable[[Path], object], bool]] = [
    (_garbage, True), (_garbage, False), (_one_bit, False), (_a_way_to_nowhere, True), (_a_way_to_nowhere, False),
    (lambda checkout: git(checkout, "update-index", "--index-version", "4"), False),
    (lambda checkout: git(checkout, "update-index", "--split-index"), False),
    (_sparse, False),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "has_git"), UNTOLD)
def test_where_nothing_can_tell_what_git_tracks_no_folder_is_believed(
    checkout: Path, damage: Callable[[Path], object], has_git: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    acts(FolderStore(checkout / "state"))
    git(checkout, "add", "--force", ".")
    damage(checkout)
    if not has_git:
        monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(StateError, match="cannot be told") as caught:
        acts(FolderStore(checkout / "state"))
    assert "--state" in str(caught.value.hint)


@pytest.mark.parametrize("has_git", [True, False])
def test_a_worktree_is_a_checkout_too(
    checkout: Path, tmp_path: Path, has_git: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(checkout, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x")
    git(checkout, "worktree", "add", "-q", str(tmp_path / "tree"))
    acts(FolderStore(tmp_path / "tree" / "state"))
    acts(FolderStore(tmp_path / "tree" / "state"))
    git(tmp_path / "tree", "add", "--force", "state")
    if not has_git:
        monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(StateError, match="came with the checkout"):
        acts(FolderStore(tmp_path / "tree" / "state"))


def test_a_folder_that_a_cache_has_restored_is_believed(checkout: Path, tmp_path: Path) -> None:
    state = checkout / ".spectrum-pipelines"
    acts(FolderStore(state))
    state.rename(tmp_path / "cache")
    (tmp_path / "cache").rename(state)
    acts(FolderStore(state))


def test_a_folder_beside_a_tracked_name_that_is_alike_is_believed(checkout: Path) -> None:
    (checkout / "state-of-things").mkdir()
    (checkout / "state-of-things" / "x").touch()
    git(checkout, "add", ".")
    acts(FolderStore(checkout / "state"))


BESIDE: list[tuple[str, tuple[str, ...]]] = [
    ("src/resultsdir/f", ()),
    ("other/state/f", ()),
    ("link/f", ()),
    ("other/state/f", ("--intent-to-add",)),
]


@pytest.mark.parametrize("digest", ["sha1", "sha256"])
@pytest.mark.parametrize(("name", "options"), BESIDE)
def test_names_that_are_alike_are_no_reason_without_git_either(
    tmp_path: Path, name: str, options: tuple[str, ...], digest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "init", "-q", f"--object-format={digest}")
    (tmp_path / name).parent.mkdir(parents=True)
    for one in (name, "a", "zz"):
        (tmp_path / one).touch()
        git(tmp_path, "add", *options, one)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", "/nowhere")
        acts(FolderStore(tmp_path / "state"))
        acts(FolderStore(tmp_path / "state"))
    git(tmp_path, "add", "--force", *options, "state/.gitignore")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(StateError, match="came with the checkout: git tracks state in it"):
        acts(FolderStore(tmp_path / "state"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_folder_of_another_user_is_not_believed(tmp_path: Path) -> None:
    acts(FolderStore(tmp_path / "state"))
    os.chown(tmp_path / "state", 12345, 12345)
    with pytest.raises(StateError, match="belongs to another user"):
        acts(FolderStore(tmp_path / "state"))
    os.chown(tmp_path, 12345, 12345)
    acts(FolderStore(tmp_path / "state"))  # a container: the whole place is the user's outside


def test_a_link_out_of_the_checkout_is_refused_and_one_inside_is_not(checkout: Path, tmp_path: Path) -> None:
    victim = tmp_path / "a victim"
    victim.mkdir()
    link = checkout / ".spectrum-pipelines"
    link.symlink_to(victim)
    with pytest.raises(StateError, match="symbolic link that leads to") as caught:
        acts(FolderStore(link))
    assert shlex.split(str(caught.value.hint).partition(" --state ")[2]) == [str(victim)]
    assert list(victim.iterdir()) == []
    link.unlink()
    (checkout / "var").mkdir()
    link.symlink_to("var")
    acts(FolderStore(link))


@pytest.mark.parametrize("name", ["report.json", "plan.json", "pipeline.yaml", "fragments.json", "journal.jsonl"])
def test_nothing_is_written_through_a_link_in_a_run(tmp_path: Path, name: str) -> None:
    store = FolderStore(tmp_path / "state")
    run = store.new_run(MOMENT, lambda: "0000")
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (run.directory.path / name).symlink_to(victim)
    with store.lease(run_lease(run.run_id), ME, run_id=run.run_id) or pytest.fail("taken") as lease:
        run.keep(Texts(pipeline="a", fragments={"b": "c"}), plan="{}")
        run.put_report(b"{}")
        with suppress(StateError):  # a journal is begun only where nothing is
            run.journal(lease).append([stamped(started(run.run_id))])
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("name", ["report.json", "plan.json", "journal.jsonl"])
def test_a_pipe_in_a_run_does_not_hang(tmp_path: Path, name: str) -> None:
    run = FolderStore(tmp_path / "state").new_run(MOMENT, lambda: "0000")
    os.mkfifo(run.directory.path / name)
    read = {"report.json": run.report, "plan.json": run.plan, "journal.jsonl": run.facts}[name]
    with pytest.raises(StateError, match="not a regular file"):
        read()


# --- groups ------------------------------------------------------------------------------------------------------------------


def test_a_group_is_one_thing_in_all_working_directories_of_a_user(tmp_path: Path) -> None:
    groups = tmp_path / "home" / "groups"
    here, there = (FolderStore(tmp_path / name, groups=groups) for name in ("here", "there"))
    lease = here.lease(GROUP, ME, run_id=RUN_ID)
    assert lease is not None
    assert there.lease(GROUP, ME, run_id=RUN_ID) is None
    holder = there.holder(GROUP)
    assert holder is not None
    assert holder.run_id == RUN_ID
    assert (here.caveat(GROUP), there.caveat(GROUP)) == (None, None)
    with there.line_up(GROUP, ME, run_id=RUN_ID) as place:
        assert place.take() is None
        lease.release()
        assert place.take() is not None


def test_a_place_for_groups_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = FolderStore(tmp_path / "state", groups=tmp_path / "file" / "groups")
    lease = store.lease(GROUP, ME, run_id=RUN_ID)
    assert lease is not None
    assert "not a directory" in str(store.caveat(GROUP))
    assert store.caveat(run_lease(RUN_ID)) is None
    assert FolderStore(tmp_path / "state").lease(GROUP, ME, run_id=RUN_ID) is None


# --- what it costs -----------------------------------------------------------------------------------------------------------


def test_runs_of_the_same_pipeline_share_their_copies(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "state", clock=Clock())
    plan = "{}" * 20_000
    for day in range(3):
        run = store.new_run(MOMENT + timedelta(days=day), lambda: "0000")
        run.keep(Texts(pipeline="version: 1"), plan=plan if day < 2 else "[]")
    first, second, third = (store.directory.runs_folder / f"2026112{3 + day}T150405Z-0000" for day in range(3))
    assert (first / "plan.json").stat().st_ino == (second / "plan.json").stat().st_ino
    assert (third / "plan.json").read_text() == "[]"
    assert len({(run / "pipeline.yaml").stat().st_ino for run in (first, second, third)}) == 1
    assert [(store.find(run.name) or pytest.fail("gone")).plan() for run in (first, third)] == [plan.encode(), b"[]"]
