"""Fetching a stack's lock, applying it with real git, and downloading with real signatures."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from contributions.models import Attestation, Contribution, Lock
from contributions.pipeline.attesting import sign
from contributions.signing.keys import KeyStore
from tests import factories
from tests.platform import GIT_IDENTITY, SHOUT, SONG_MENDED, _kept_apart, author, component, upstream  # noqa: F401
from tests.stacks.conftest import share  # noqa: F401 - a fixture
from tests.stacks.test_assembling import carried, laid

if TYPE_CHECKING:
    from pathlib import Path

    from contributions.models import Artifact, Assembly, Person
    from tests.platform import Upstream
    from tests.stacks.conftest import Share

    from .conftest import Desk

NAME = "patchbay.lock.json"


def git(place: Path, *words: str) -> str:
    ended = subprocess.run(["git", *words], cwd=place, env=GIT_IDENTITY, check=True, capture_output=True, text=True)
    return ended.stdout.strip()


def state_of(place: Path) -> list[str]:
    """All that a failed try must leave as it was."""
    return [
        git(place, "for-each-ref"), git(place, "symbolic-ref", "HEAD"), git(place, "status", "--porcelain"),
        git(place, "worktree", "list", "--porcelain"), git(place, "stash", "list"),
        str(sorted(path.name for path in (place / ".git").iterdir())),
    ]  # fmt: skip


@pytest.fixture
def stacked(desk: Desk, author: Person, share: Share) -> Assembly:  # noqa: F811 - fixtures
    del desk
    one = share("Sing of fifteen", song__txt=SONG_MENDED)
    two = share("Shout", greeting__py=SHOUT)
    return laid(carried(author, one, two))


@pytest.fixture
def clone(desk: Desk, upstream: Upstream) -> Path:  # noqa: F811 - a fixture
    """With work of one's own that is not committed."""
    place = desk.home / "clone"
    git(desk.home, "clone", "-q", str(upstream.path), str(place))
    (place / "song.txt").write_text("my own words\n")
    (place / "mine.txt").write_text("mine\n")
    return place


@pytest.fixture
def lock(desk: Desk, stacked: Assembly) -> dict[str, Any]:
    """The lock of the stack, fetched by the client as one of those who carry it."""
    desk.log_in(stacked.stack.author, "read")
    assert desk.run("stack", "lock", str(stacked.stack_id)).code == 0
    found: dict[str, Any] = json.loads((desk.place / NAME).read_text())
    return found


def apply(desk: Desk, clone: Path, *words: str, **env: str) -> Any:
    return desk.run("stack", "apply", NAME, "--repo", str(clone), *words, **env)


def test_a_fetched_lock_is_the_very_one_and_overwrites_nothing(
    desk: Desk, stacked: Assembly, lock: dict[str, Any]
) -> None:
    assert (desk.place / NAME).read_bytes() == Lock.objects.get().content.read()
    assert lock["result"]["tree"] == stacked.tree
    again = desk.run("stack", "lock", str(stacked.stack_id))
    assert (again.code, "--force" in again.err) == (2, True)
    assert desk.run("stack", "lock", str(stacked.stack_id), "--force").code == 0
    piped = desk.run("stack", "lock", str(stacked.stack_id), "--output", "-")
    assert piped.out.encode() == Lock.objects.get().content.read()
    assert desk.run("stack", "check", NAME).code == 0
    assert desk.run("stack", "lock", "999999").code == 3


def test_a_lock_becomes_a_branch_that_is_exactly_it_beside_ones_own_work(
    desk: Desk, clone: Path, stacked: Assembly, lock: dict[str, Any]
) -> None:
    before = state_of(clone)
    ended = apply(desk, clone)
    assert (ended.code, ended.err) == (0, "")
    branch = f"stack-{stacked.stack_id}-1"
    assert git(clone, "rev-parse", f"{branch}^{{tree}}") == stacked.tree == lock["result"]["tree"]
    assert git(clone, "rev-parse", f"{branch}~2") == stacked.release_commit
    assert state_of(clone)[1:4] == before[1:4]
    assert (clone / "song.txt").read_text() == "my own words\n"
    twice = apply(desk, clone)
    assert (twice.code, f"There is a branch {branch} already" in twice.err) == (2, True)
    place = desk.home / "tree"
    told = apply(desk, clone, "--branch", "deploy", "--worktree", str(place), "--json")
    assert told.json["tree"] == stacked.tree
    assert (place / "song.txt").read_text() == SONG_MENDED
    assert git(place, "symbolic-ref", "--short", "HEAD") == "deploy"


def test_patch_by_patch_is_enough_where_the_stack_itself_cannot_be_had(
    desk: Desk, clone: Path, stacked: Assembly, lock: dict[str, Any]
) -> None:
    (desk.home / ".config" / "patchbay.token").unlink()
    ended = apply(desk, clone)
    assert ended.code == 0
    assert "one by one" in ended.err
    assert git(clone, "rev-parse", f"stack-{stacked.stack_id}-1^{{tree}}") == lock["result"]["tree"]


def forged(lock: dict[str, Any], what: str) -> dict[str, Any]:
    if what == "patch":
        lock["entries"][0]["patch"]["sha256"] = "0" * 64
    elif what == "mbox":
        lock["files"]["mbox"]["sha256"] = "0" * 64
    elif what == "tree":
        lock["result"]["tree"] = "0" * 40
    elif what == "base":
        lock["base_commit"] = "0" * 40
    elif what == "entry":
        del lock["entries"][0]
        lock["files"]["mbox"] = None
    elif what == "conflict":  # on a release where the same line is another one
        lock["base_commit"] = lock.pop("other")
    return lock


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("patch", "it should be 0000"),
        ("mbox", "The mailbox of the stack"),
        ("tree", "and the lock says 0000"),
        ("base", "git fetch"),
        ("entry", "nothing was kept"),
        ("conflict", "The repository is as it was"),
    ],
)
def test_a_lock_that_does_not_hold_leaves_the_repository_as_it_was(
    desk: Desk, clone: Path, lock: dict[str, Any], what: str, said: str
) -> None:
    lock["other"] = git(clone, "rev-parse", "4.0^{commit}")
    desk.lock(forged(lock, what), NAME)
    before = state_of(clone)
    ended = apply(desk, clone)
    assert ended.code == 4, ended.err
    assert said in ended.err
    assert state_of(clone) == before


def test_hooks_and_odd_places_of_the_repository_change_nothing(
    desk: Desk, clone: Path, lock: dict[str, Any], tmp_path: Path
) -> None:
    del lock
    for name in ("applypatch-msg", "pre-applypatch", "post-checkout", "post-applypatch"):
        hook = clone / ".git" / "hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/run\nexit 1\n")
        hook.chmod(0o755)
    git(clone, "config", "commit.gpgSign", "true")
    git(clone, "config", "core.autocrlf", "true")
    ended = apply(desk, clone, GIT_DIR="/nonexistent", GIT_INDEX_FILE="/nonexistent")
    assert ended.code == 0, ended.err
    assert not (tmp_path / "run").exists()


def test_a_wrong_call_is_told_as_such(desk: Desk, clone: Path, lock: dict[str, Any]) -> None:
    assert apply(desk, desk.place).code == 2  # no repository
    for odd in ("-d", "a..b", "a b", "HEAD~1", "/x"):
        assert apply(desk, clone, f"--branch={odd}").code == 2
    desk.lock(lock | {"entries": [1]}, NAME)
    assert apply(desk, clone).code == 2


@pytest.fixture
def signed(desk: Desk, settings: Any, tmp_path: Path) -> Artifact:
    """A file that a build made, and the portal's key in the desk's home."""
    settings.KEYS_DIR = tmp_path / "keys"
    store = KeyStore(settings.KEYS_DIR, {})
    store.make("builds")
    contribution = factories.make_contribution(release=factories.make_release())
    build = factories.make_build(
        contribution.current, contribution.release, upstream_commit="a" * 40, executor="bubblewrap", attempts=1,
        recipe=contribution.component.recipe.as_data(),
    )  # fmt: skip
    artifact = factories.make_artifact(build, "dist/swift-1.0.whl", b"the very wheel")
    row = Attestation.objects.create(build=build)
    sign(row.pk)
    row.refresh_from_db()
    assert row.is_signed, row.sentence
    assert row.key is not None
    (desk.home / "builds.pem").write_text(row.key.pem)
    return artifact


def test_a_file_is_held_against_its_digest_and_signature(desk: Desk, signed: Artifact) -> None:
    plain = desk.run("download", str(signed.pk))
    assert (plain.code, (desk.place / "swift-1.0.whl").read_bytes()) == (0, b"the very wheel")
    assert "Signature" not in plain.out
    told = desk.run("download", str(signed.pk), "--verify", "--force")
    assert told.code == 0
    assert "not verified, for no key is pinned" in told.out
    held = desk.run(
        "download",
        f"{desk.site}{signed.get_absolute_url()}",
        "--key",
        "../builds.pem",
        "--require-signature",
        "--force",
    )
    assert held.code == 0, held.err
    assert "Signature: holds, by the key in ../builds.pem: built from" in held.out


def test_what_cannot_be_proven_is_refused_when_proof_is_asked_for(desk: Desk, signed: Artifact) -> None:
    words = ("download", str(signed.pk), "--require-signature")
    assert desk.run(*words).code == 4  # no key
    private, other = desk.home / "other.key", desk.home / "other.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", other], check=True)
    wrong = desk.run(*words, "--key", str(other))
    assert (wrong.code, "does not hold" in wrong.err) == (4, True)
    bare = desk.home / "bin"
    bare.mkdir()
    (bare / "python3").symlink_to(shutil.which("python3") or "")
    without = desk.run(*words, "--key", "../builds.pem", PATH=str(bare))
    assert (without.code, "openssl is not on this machine" in without.err) == (4, True)
    unsigned = factories.make_artifact(name="b.whl", content=b"unsigned")
    assert desk.run("download", str(unsigned.pk), "--verify").code == 0
    assert desk.run("download", str(unsigned.pk), "--require-signature", "--key", "../builds.pem", "--force").code == 4
    assert not (desk.place / "swift-1.0.whl").exists()


def test_a_statement_about_other_files_does_not_hold(desk: Desk, signed: Artifact) -> None:
    """The envelope of one build beside the file of another one."""
    other = factories.make_artifact(name="other.whl", content=b"other")
    known = Attestation.objects.get()
    Attestation.objects.create(
        build=other.build, state="signed", key=known.key, provenance=known.provenance, bill=known.bill
    )
    ended = desk.run("download", str(other.pk), "--verify", "--key", "../builds.pem")
    assert (ended.code, "is about other files" in ended.err) == (4, True)
    assert list(desk.place.iterdir()) == []
    assert desk.run("download", str(signed.pk), "--verify", "--key", "../builds.pem").code == 0  # the control


def test_a_file_is_written_nowhere_but_where_it_should_be(desk: Desk, signed: Artifact) -> None:
    digest = signed.sha256
    for name in ("..%2F..%2Fevil", "%2Fetc%2Fevil", ".bashrc", "-rf", "a%5Cb", "a%00b", "a%1b%5B31mb"):
        ended = desk.run("download", f"{desk.site}/files/{digest}/{name}")
        assert (ended.code, "no name to write to" in ended.err) == (4, True), name
    assert desk.run("download", f"{desk.site}/files/{digest}/swift-1.0.whl", "--sha256", "0" * 64).code == 4
    assert desk.run("download", f"https://elsewhere.example/files/{digest}/swift-1.0.whl").code == 3
    assert desk.run("download", f"{desk.site}/contributions/1/").code == 4
    assert desk.run("download", "nonsense").code == 2
    assert list(desk.place.iterdir()) == []
    assert not (desk.home / "evil").exists()


def test_a_publication_is_fetched_whole_unless_it_was_taken_back(desk: Desk, signed: Artifact) -> None:
    assert signed.build is not None
    publication = factories.make_publication(signed.build)
    assert desk.run("download", f"publication:{publication.pk}").code == 0
    assert [path.name for path in desk.place.iterdir()] == ["swift-1.0.whl"]
    publication.move("withdrawn", reason="It loses data.")
    ended = desk.run("download", f"publication:{publication.pk}", "--force")
    assert (ended.code, "It loses data." in ended.err) == (4, True)


def test_a_stack_in_which_something_was_withdrawn_ends_with_twelve(
    desk: Desk, stacked: Assembly, lock: dict[str, Any]
) -> None:
    del lock
    Contribution.objects.get(pk=stacked.order[0]["contribution"]).move("withdrawn")
    assert desk.run("stack", "check", NAME).code == 12
