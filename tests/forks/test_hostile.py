"""Forks that lie, stall, hold too much or hold what no tree should: a clear sentence, the right state, nothing left."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from contributions.checkout import forks
from contributions.checkout.addresses import UNREACHABLE
from contributions.checkout.runner import MIB
from contributions.models import Blob, Contribution, Fork
from contributions.pipeline.unmasking import unmask
from tests.checkout.conftest import misbehaving as misbehaving
from tests.platform import SHOUT

from .conftest import CUSTOMER, Clone, make_fork, taken_apart, told

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler
    from pathlib import Path

    from contributions.models import Component, Person
    from tests.platform import Upstream

pytestmark = pytest.mark.django_db
ADVERTISED = "application/x-git-upload-pack-advertisement"
BIDI, ESCAPE = "\u202e", "\x1b[2J"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where work areas are made; `left` looks for what a worker forgot there."""
    area = tmp_path / "areas"
    area.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(area))
    return area


def refused(fork: Fork, place: Path) -> str:
    """Its sentence; nothing of it is left, neither rows nor files."""
    unmask(fork.pk)
    fork.refresh_from_db()
    assert fork.state == "refused", fork.sentence
    assert not fork.carried.exists()
    assert not Contribution.objects.exists()
    assert list(place.iterdir()) == []
    return fork.sentence


def committed(fork: Upstream, raw: bytes) -> str:
    """A commit on main whose bytes no git of today would write; {tree} and {parent} are put in."""
    names = {b"{tree}": fork.git("rev-parse", "HEAD^{tree}"), b"{parent}": fork.git("rev-parse", "HEAD")}
    for word, name in names.items():
        raw = raw.replace(word, name.encode())
    command = ["git", "hash-object", "-w", "-t", "commit", "--literally", "--stdin"]
    made = subprocess.run(command, cwd=fork.path, env=CUSTOMER, check=True, capture_output=True, input=raw)
    name = made.stdout.decode().strip()
    fork.git("reset", "-q", "--hard", name)
    return name


def staged(fork: Upstream) -> None:
    """Files on disk and in the index that the next raw commit is to have."""
    (fork.path / "greeting.py").write_text(SHOUT)
    fork.git("add", "-A")


def bundle_of(fork: Upstream, *what: str) -> Blob:
    fork.git("bundle", "create", "-q", "../fork.bundle", *what)
    return Blob.objects.keep_bytes((fork.path.parent / "fork.bundle").read_bytes())


def test_words_that_no_terminal_should_meet_are_drafted_without_them(
    component: Component, author: Person, fork: Upstream, place: Path
) -> None:
    staged(fork)
    tree = fork.git("write-tree").encode()
    who = f"Eve{BIDI}{ESCAPE} <eve@example.org> 1700000000 +0000".encode()
    words = f"Shout {BIDI}{ESCAPE}{'aloud ' * 3000}\n\nCaf".encode() + b"\xe9 \xff\n"
    committed(fork, b"tree %s\nparent {parent}\nauthor %s\ncommitter %s\n\n%s" % (tree, who, who, words))
    row = taken_apart(make_fork(component, author, fork))
    (carried,) = row.carried.all()
    assert (row.state, carried.state, len(carried.title)) == ("done", "drafted", 200)
    assert "\x1b" not in carried.title + carried.description + carried.commits[0]["author"]
    assert BIDI in carried.title, "what only turns the line around is shown as such, not taken away"
    assert "Caf\ufffd" in carried.description
    assert carried.contribution is not None
    assert carried.contribution.current is not None
    assert list(place.iterdir()) == []


def test_an_author_without_a_name_and_a_message_of_another_encoding_are_received(
    component: Component, author: Person, fork: Upstream
) -> None:
    staged(fork)
    tree = fork.git("write-tree").encode()
    who = b" <eve@example.org> 1700000000 +0000"
    head = b"tree %s\nparent {parent}\nauthor %s\ncommitter %s\nencoding ISO-8859-1\n\n" % (tree, who, who)
    committed(fork, head + "Grüße\n".encode("latin-1"))
    row = taken_apart(make_fork(component, author, fork))
    assert told(row) == [("Grüße", "drafted")]
    draft = row.carried.get().contribution
    assert draft is not None
    assert draft.current is not None, draft.revisions.get().sentence
    assert draft.current.commits[0]["author"] == "eve@example.org <eve@example.org>"


@pytest.mark.attack("G24")
def test_a_link_out_of_the_tree_is_refused_as_a_draft_and_the_others_are_received(
    component: Component, author: Person, fork: Upstream
) -> None:
    (fork.path / "hosts").symlink_to("/etc/hosts")
    fork.git("add", "-A")
    fork.git("commit", "-q", "-m", "Know all hosts")
    fork.commit("Shout", greeting__py=SHOUT)
    row = taken_apart(make_fork(component, author, fork))
    link, shout = row.carried.with_receipt().order_by("position")
    assert (link.state, link.receipt) == ("drafted", "refused")
    assert "hosts is a link that leads out of the tree" in link.refusal
    assert shout.receipt == "received"


@pytest.mark.parametrize("name", ["..", ".git", "."])
def test_a_tree_that_leads_elsewhere_is_refused_whole(
    component: Component, author: Person, fork: Upstream, place: Path, name: str
) -> None:
    blob = fork.git("rev-parse", "HEAD:song.txt")
    entry = b"100644 %s\0" % name.encode() + bytes.fromhex(blob)
    command = ["git", "hash-object", "-w", "-t", "tree", "--literally", "--stdin"]
    made = subprocess.run(command, cwd=fork.path, env=CUSTOMER, check=True, capture_output=True, input=entry)
    commit = fork.git("commit-tree", "-p", "HEAD", "-m", "Look around", made.stdout.decode().strip())
    fork.git("update-ref", "refs/heads/main", commit)
    assert "git refuses the objects" in refused(make_fork(component, author, fork), place)


def test_a_submodule_is_left_out_and_says_so(component: Component, author: Person, fork: Upstream) -> None:
    fork.git("update-index", "--add", "--cacheinfo", f"160000,{fork.git('rev-parse', 'HEAD')},choir")
    fork.git("commit", "-q", "-m", "Vendor the choir")
    row = taken_apart(make_fork(component, author, fork))
    assert row.carried.get().sentence == "It brings the submodule choir; a contribution brings its own files only."


def test_a_fork_of_something_else_resembles_no_release(
    component: Component, author: Person, fork: Upstream, place: Path
) -> None:
    fork.git("checkout", "-q", "--orphan", "other")
    fork.git("rm", "-q", "-rf", ".")
    fork.commit("Begin a tool", tool__py="print('tool')\n")
    assert "resembles no release" in refused(make_fork(component, author, fork, "other"), place)


def test_a_shallow_clone_says_that_it_is_one(
    component: Component, author: Person, fork: Upstream, place: Path, tmp_path: Path
) -> None:
    fork.commit("Shout", greeting__py=SHOUT)
    fork.git("clone", "-q", "--depth", "1", f"file://{fork.path}", str(tmp_path / "shallow"))
    assert "shallow clone" in refused(make_fork(component, author, Clone(tmp_path / "shallow")), place)
    assert taken_apart(make_fork(component, author, fork)).state == "done", "the control: a whole one"


def test_an_empty_repository_says_so(component: Component, author: Person, place: Path, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "empty")], check=True, env=CUSTOMER)
    row = make_fork(component, author, Clone(tmp_path / "empty"), "")
    assert refused(row, place) == "The repository at this address is empty."


def test_what_has_nothing_of_its_own_says_so(component: Component, author: Person, fork: Upstream, place: Path) -> None:
    assert refused(make_fork(component, author, fork), place) == "There is nothing on it that upstream has not."


@pytest.mark.attack("G28")
def test_replaced_objects_are_taken_for_what_they_are(component: Component, author: Person, fork: Upstream) -> None:
    first, second = fork.commit("Shout", greeting__py=SHOUT), fork.commit("Whisper", licence__txt="Do.\n")
    fork.git("update-ref", f"refs/replace/{first}", second)
    fork.git("update-ref", f"refs/replace/{second}", first)
    assert told(taken_apart(make_fork(component, author, fork))) == [("Shout", "drafted"), ("Whisper", "drafted")]


def test_thousands_of_branches_are_no_matter(component: Component, author: Person, fork: Upstream, place: Path) -> None:
    fork.commit("Shout", greeting__py=SHOUT)
    tip = fork.git("rev-parse", "HEAD")
    lines = "".join(f"create refs/heads/topic-{number} {tip}\n" for number in range(5000)).encode()
    subprocess.run(["git", "update-ref", "--stdin"], cwd=fork.path, env=CUSTOMER, check=True, input=lines)
    sentence = refused(make_fork(component, author, fork, "none-such"), place)
    assert sentence.startswith("There is no branch or tag none-such at this address. It has main, topic-0,")
    assert sentence.endswith("and 4981 more.")
    raw = bundle_of(fork, "--branches", "--not", "2.0")
    row = make_fork(component, author, fork, "", git_url="", raw=raw)
    assert told(taken_apart(row)) == [("Shout", "drafted")]


def stall(_: BaseHTTPRequestHandler) -> None:
    time.sleep(5)


def lie(handler: BaseHTTPRequestHandler) -> None:
    """Name a commit that it does not have."""
    words = f"{'f' * 40} HEAD\0side-band-64k\n".encode()
    packets = b"001e# service=git-upload-pack\n0000%04x%s0000" % (len(words) + 4, words)
    handler.send_response(200)
    handler.send_header("Content-Type", ADVERTISED)
    handler.end_headers()
    handler.wfile.write(packets)


@pytest.mark.attack("G10")
@pytest.mark.parametrize("fault", [stall, lie], ids=lambda fault: fault.__name__)
def test_a_server_that_stalls_or_lies_is_left_in_time(  # noqa: PLR0913, PLR0917 - the parts that it plays with
    component: Component, author: Person, place: Path, misbehaving: Any, monkeypatch: pytest.MonkeyPatch, fault: Any
) -> None:
    monkeypatch.setattr(forks, "LIMITS", replace(forks.LIMITS, seconds=2))
    row = make_fork(component, author, Clone(place), "", git_url=f"{misbehaving(fault)}/song.git")
    begun = time.monotonic()
    assert refused(row, place) == UNREACHABLE
    assert time.monotonic() - begun < 20


@pytest.mark.attack("G15")
def test_a_pack_without_end_is_cut_off(
    component: Component, author: Person, fork: Upstream, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forks, "LIMITS", replace(forks.LIMITS, pack_bytes=MIB))
    (fork.path / "blob.bin").write_bytes(os.urandom(4 * MIB))
    fork.commit("Bring much")
    assert refused(make_fork(component, author, fork), place) == "The ref brings more than 1 MiB."


def test_messages_beyond_measure_are_refused_and_not_tried_again(
    component: Component, author: Person, fork: Upstream, place: Path
) -> None:
    staged(fork)
    tree = fork.git("write-tree").encode()
    who = b"Eve <eve@example.org> 1700000000 +0000"
    committed(
        fork, b"tree %s\nparent {parent}\nauthor %s\ncommitter %s\n\n%s" % (tree, who, who, b"loud " * 14_000_000)
    )
    sentence = refused(make_fork(component, author, fork), place)
    assert sentence == "Its commits change more files, or say more, than the portal can read at once."
