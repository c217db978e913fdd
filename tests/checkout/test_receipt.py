import gzip
import os
import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from contributions.checkout.addresses import UNREACHABLE
from contributions.checkout.mirror import fetch_mirror
from contributions.checkout.receipt import (
    LIMITS,
    Limits,
    base_of,
    check_change,
    fetch_ref,
    is_inside,
    make_bundle,
    unpack_bundle,
)
from contributions.checkout.repositories import has_commit
from contributions.checkout.runner import MIB, git
from contributions.errors import Invalid, Refusal, TooLarge
from portal.services.gitd import GitDaemon
from tests.checkout.stories import TEXT, Story, changed

FIX = changed(TEXT, 10, "line ten\n")


@pytest.fixture
def upstream(served: Path) -> Story:
    story = Story(served / "upstream.git")
    story.tag("1.0", story.commit({"a.txt": TEXT, "b.txt": TEXT}))
    return story


@pytest.fixture
def mirror(tmp_path: Path, daemon: GitDaemon, upstream: Story) -> Path:
    fetch_mirror(tmp_path / "mirror.git", daemon.url(upstream.path.name), allow_private=True)
    return tmp_path / "mirror.git"


@pytest.fixture
def customer(served: Path, upstream: Story) -> Story:
    """A customer's repository: a branch `fix` of one commit on upstream's release."""
    story = Story(served / "customer.git")
    (story.path / "objects" / "info" / "alternates").write_text(f"{upstream.path}/objects\n")
    story.commit({"a.txt": FIX}, on="fix", start=upstream.tip("main"))
    return story


def pull(url: str, ref: str, mirror: Path, limits: Limits = LIMITS) -> tuple[Path, str]:
    into = mirror.with_name(f"in-{len(list(mirror.parent.glob('in-*')))}.git")
    return into, fetch_ref(url, ref, into, alternates=mirror, allow_private=True, limits=limits)


@pytest.mark.parametrize("form", ["fix", "refs/heads/fix", "v1", "light", "refs/tags/v1", "commit"])
def test_a_branch_a_tag_or_a_commit_is_pulled(form: str, daemon: GitDaemon, mirror: Path, customer: Story) -> None:
    tip = customer.tip("fix")
    customer.tag("v1", tip)
    customer.tag("light", tip, annotated=False)
    into, found = pull(daemon.url("customer.git"), tip if form == "commit" else form, mirror)
    assert found == tip
    assert git(into, "show", f"{found}:a.txt").decode() == FIX


def test_git_over_http_is_pulled_as_well(web: tuple[str, list[Any]], mirror: Path, customer: Story) -> None:
    assert pull(f"{web[0]}/customer.git", "fix", mirror)[1] == customer.tip("fix")


@pytest.mark.attack("G32")
@pytest.mark.parametrize("ref", ["nothing", "f" * 40])
def test_a_ref_that_is_not_there_is_named(ref: str, daemon: GitDaemon, mirror: Path, customer: Story) -> None:
    with pytest.raises(Invalid, match=ref):
        pull(daemon.url(customer.path.name), ref, mirror)


@pytest.mark.attack("G03")
def test_an_option_in_the_place_of_an_address_or_a_ref_runs_nothing(
    tmp_path: Path, daemon: GitDaemon, mirror: Path, customer: Story
) -> None:
    url, marker = daemon.url(customer.path.name), tmp_path / "marker"
    run = f"touch {marker}"
    for given in (
        f"--upload-pack={run}",
        f"-ccore.sshCommand={run}",
        f"ext::sh -c {run}",
        f"ssh://-oProxyCommand={run}/x",
    ):
        with pytest.raises(Invalid):
            pull(given, "fix", mirror)
        with pytest.raises(Invalid):
            pull(url, given, mirror)
    assert not marker.exists()


@pytest.mark.attack("G02")
def test_a_local_path_is_no_address(mirror: Path, customer: Story) -> None:
    for url in (str(customer.path), "../served/customer.git"):
        with pytest.raises(Invalid):
            pull(url, "fix", mirror)


@pytest.mark.attack("G31")
def test_what_another_one_sent_cannot_be_asked_for(
    daemon: GitDaemon, mirror: Path, customer: Story, served: Path
) -> None:
    private = customer.commit({"secret.txt": "not yet public\n"}, on="secret", start=customer.tip("fix"))
    into, tip = pull(daemon.url("customer.git"), "secret", mirror)
    with (mirror.parent / "stored").open("w+b") as stored:
        stored.write(make_bundle(into, customer.tip("fix"), tip))
    git(mirror, "fetch", "-q", str(into), f"{tip}:refs/revisions/1", env={"GIT_ALLOW_PROTOCOL": "file"})
    assert has_commit(mirror, private)
    other = Story(served / "other.git")
    other.commit({"x": "y"})
    with pytest.raises(Invalid):
        pull(daemon.url("other.git"), private, mirror)
    into, _ = pull(daemon.url("other.git"), "main", mirror)
    assert not has_commit(into, private), "not even as the base of a delta"


@pytest.mark.attack("G10", "G30")
def test_a_server_that_is_silent_refuses_or_is_not_there_gives_one_sentence(mirror: Path, misbehaving: Any) -> None:
    def stall(_: BaseHTTPRequestHandler) -> None:
        time.sleep(40)

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/x-git-upload-pack-advertisement")
        handler.end_headers()
        for _ in range(200):
            handler.wfile.write(b"0")
            time.sleep(0.2)

    def forbid(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(403)
        handler.end_headers()

    closed = socket.create_server(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    closed.close()
    urls = [
        misbehaving(stall),
        misbehaving(drip),
        misbehaving(forbid),
        f"http://127.0.0.1:{port}",
        f"git://127.0.0.1:{port}",
    ]
    sentences = set()
    for url in urls:
        started = time.monotonic()
        with pytest.raises(Invalid) as refusal:
            pull(f"{url}/x.git", "main", mirror, Limits(seconds=2))
        sentences.add(refusal.value.sentence)
        assert time.monotonic() - started < 20
    assert sentences == {UNREACHABLE}


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that accepts and says nothing."""
    listening = socket.create_server(("127.0.0.1", 0))
    yield listening.getsockname()[1]
    listening.close()


def test_a_git_daemon_that_says_nothing_is_left_in_time(mirror: Path, silent: int) -> None:
    started = time.monotonic()
    with pytest.raises(Invalid, match=UNREACHABLE):
        pull(f"git://127.0.0.1:{silent}/x.git", "main", mirror, Limits(seconds=1))
    assert time.monotonic() - started < 15


def test_a_redirect_leads_nowhere(mirror: Path, misbehaving: Any, web: tuple[str, list[Any]]) -> None:
    def redirect(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", f"{web[0]}{handler.path}")
        handler.end_headers()

    with pytest.raises(Invalid, match=UNREACHABLE):
        pull(f"{misbehaving(redirect)}/upstream.git", "main", mirror)
    assert web[1] == []


@pytest.mark.attack("G29")
def test_a_server_that_asks_for_a_password_gets_none(mirror: Path, misbehaving: Any) -> None:
    sent = []

    def ask(handler: BaseHTTPRequestHandler) -> None:
        sent.append(handler.headers.get("Authorization"))
        handler.send_response(401)
        handler.send_header("WWW-Authenticate", 'Basic realm="x"')
        handler.end_headers()

    with pytest.raises(Invalid, match=UNREACHABLE):
        pull(f"{misbehaving(ask)}/x.git", "main", mirror)
    assert sent
    assert set(sent) == {None}


def test_a_server_of_plain_files_is_refused_before_it_names_another_host(
    mirror: Path, misbehaving: Any, customer: Story
) -> None:
    asked = []
    git(customer.path, "update-server-info")

    def files(handler: BaseHTTPRequestHandler) -> None:
        path = customer.path / handler.path.partition("?")[0].removeprefix("/x.git/")
        asked.append(handler.path)
        handler.send_response(200 if path.is_file() else 404)
        handler.end_headers()
        handler.wfile.write(path.read_bytes() if path.is_file() else b"")

    with pytest.raises(Invalid, match=UNREACHABLE):
        pull(f"{misbehaving(files)}/x.git", "fix", mirror)
    assert not [path for path in asked if "alternates" in path or "objects" in path]


def test_an_advertisement_of_gigabytes_ends_in_a_refusal(mirror: Path, misbehaving: Any) -> None:
    line = b"%04x%s" % (4 + 40 + 1 + 63, b"a" * 40 + b" refs/heads/" + b"x" * 51 + b"\n")
    flood = gzip.compress(b"001e# service=git-upload-pack\n0000" + line * 4_000_000)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/x-git-upload-pack-advertisement")
        handler.send_header("Content-Encoding", "gzip")
        handler.end_headers()
        handler.wfile.write(flood)

    with pytest.raises(Refusal):
        pull(f"{misbehaving(answer)}/x.git", "main", mirror, Limits(seconds=20, memory_bytes=256 * MIB))


@pytest.mark.attack("G15")
def test_more_than_may_be_sent_is_refused_with_the_number(daemon: GitDaemon, mirror: Path, customer: Story) -> None:
    customer.commit({"noise": os.urandom(5 * MIB)}, on="large", start=customer.tip("fix"))
    with pytest.raises(TooLarge, match="2 MiB"):
        pull(daemon.url("customer.git"), "large", mirror, Limits(pack_bytes=2 * MIB))


@pytest.mark.attack("G26")
def test_a_quarantine_has_no_hooks(daemon: GitDaemon, mirror: Path) -> None:
    into, _ = pull(daemon.url("upstream.git"), "main", mirror)
    assert not (into / "hooks").exists()


def test_replaced_objects_do_not_come_along(daemon: GitDaemon, mirror: Path, customer: Story) -> None:
    evil = customer.commit({"a.txt": "evil\n"}, on="evil")
    git(customer.path, "update-ref", f"refs/replace/{customer.tip('fix')}", evil)
    into, tip = pull(daemon.url("customer.git"), "fix", mirror)
    assert git(into, "show", f"{tip}:a.txt").decode() == FIX
    assert git(into, "for-each-ref", "refs/replace") == b""


def bad_tree(story: Story, *entries: tuple[bytes, bytes]) -> str:
    blob = bytes.fromhex(story.write("blob", b"text\n"))
    return story.write("tree", b"".join(mode + b" " + name + b"\0" + blob for mode, name in entries))


@pytest.mark.parametrize(
    "name", [b".git", b".GIT", b"git~1", b".git ", b".gi\xe2\x80\x8ct", b"..", b".", b"a/b"], ids=ascii
)
def test_a_name_that_a_checkout_would_take_for_gits_own_is_refused(
    name: bytes, daemon: GitDaemon, mirror: Path, customer: Story
) -> None:
    tree = bad_tree(customer, (b"100644", name))
    customer.commit_tree(tree, on="bad")
    with pytest.raises(Invalid, match="git refuses the objects"):
        pull(daemon.url("customer.git"), "bad", mirror)


def test_a_bundle_is_checked_as_a_pull_is(mirror: Path, customer: Story, tmp_path: Path) -> None:
    customer.commit_tree(bad_tree(customer, (b"100644", b".git")), on="bad")
    bundle = tmp_path / "bad.bundle"
    git(customer.path, "bundle", "create", "-q", str(bundle), "bad")
    with pytest.raises(Invalid, match="git refuses the objects"):
        unpack_bundle(bundle, tmp_path / "in.git", alternates=mirror)


def check(daemon: GitDaemon, mirror: Path, base: str, ref: str, limits: Limits = LIMITS) -> None:
    into, tip = pull(daemon.url("customer.git"), ref, mirror)
    check_change(into, base, tip, limits)


def test_a_submodule_is_refused(daemon: GitDaemon, mirror: Path, upstream: Story, customer: Story) -> None:
    customer.commit({"module": ("160000", b"f" * 40)}, on="fix")
    with pytest.raises(Invalid, match="module is a submodule"):
        check(daemon, mirror, upstream.tip("main"), "fix")


@pytest.mark.attack("G24")
@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "b.txt/../../x", "../../.."])
def test_a_link_out_of_the_tree_is_refused(
    target: str, daemon: GitDaemon, mirror: Path, upstream: Story, customer: Story
) -> None:
    customer.commit({"link": ("120000", target.encode())}, on="fix")
    with pytest.raises(Invalid, match="link is a link that leads out"):
        check(daemon, mirror, upstream.tip("main"), "fix")


def test_a_link_inside_the_tree_is_taken_as_a_link(
    daemon: GitDaemon, mirror: Path, upstream: Story, customer: Story
) -> None:
    customer.commit({"d/link": ("120000", b"../b.txt")}, on="fix")
    check(daemon, mirror, upstream.tip("main"), "fix")


@pytest.mark.parametrize(
    ("path", "target", "inside"),
    [
        ("a", b"b", True),
        ("d/a", b"../b", True),
        ("d/e/a", b"../../b/c", True),
        ("a", b"../b", False),
        ("d/a", b"../../b", False),
        ("a", b"/b", False),
        ("a", b"", False),
        ("a", b"d/../b", False),
    ],
)
def test_a_link_may_go_up_first_and_not_beyond_the_root(path: str, target: bytes, inside: bool) -> None:  # noqa: FBT001 - a table
    assert is_inside(path, target) is inside


@pytest.mark.parametrize("name", ["a\\..\\b", "new\tline", "b\x1b[31m"])
def test_a_file_name_that_is_not_plain_is_refused(
    name: str, daemon: GitDaemon, mirror: Path, upstream: Story, customer: Story
) -> None:
    blob = customer.write("blob", b"text\n")
    tree = customer.write("tree", f"100644 {name}".encode() + b"\0" + bytes.fromhex(blob))
    customer.commit_tree(tree, on="fix")
    with pytest.raises(Invalid, match="file name") as refusal:
        check(daemon, mirror, upstream.tip("main"), "fix")
    assert refusal.value.sentence.isprintable()


def test_limits_of_a_change_are_named(daemon: GitDaemon, mirror: Path, upstream: Story, customer: Story) -> None:
    base = upstream.tip("main")
    customer.commit({f"f{n}": "x" * (n + 1) for n in range(20)}, on="fix")
    check(daemon, mirror, base, "fix")
    for limits, words in (
        (Limits(commits=1), "1 commits"),
        (Limits(files=10), "10 files"),
        (Limits(file_bytes=15), "0 MiB"),
        (Limits(all_bytes=100), "0 MiB"),
    ):
        with pytest.raises(TooLarge, match=words):
            check(daemon, mirror, base, "fix", limits)


def test_a_tree_that_unfolds_to_millions_of_files_is_refused_in_time(
    daemon: GitDaemon, mirror: Path, upstream: Story, customer: Story
) -> None:
    tree = bad_tree(customer, *[(b"100644", b"f%d" % n) for n in range(10)])
    for _ in range(9):
        content = b"".join(b"40000 d%d\0" % n + bytes.fromhex(tree) for n in range(10))
        tree = customer.write("tree", content)
    customer.commit_tree(tree, on="fix")
    started = time.monotonic()
    with pytest.raises(TooLarge, match="files"):
        check(daemon, mirror, upstream.tip("main"), "fix")
    assert time.monotonic() - started < 30


def test_a_merge_is_refused_with_what_to_do(daemon: GitDaemon, mirror: Path, upstream: Story, customer: Story) -> None:
    side = customer.commit({"b.txt": FIX}, on="side", start=upstream.tip("main"))
    tree = git(customer.path, "rev-parse", f"{side}^{{tree}}").decode().strip()
    who = "A <a@b> 1 +0000"
    parents = f"parent {customer.tip('fix')}\nparent {side}"
    text = f"tree {tree}\n{parents}\nauthor {who}\ncommitter {who}\n\nA merge\n"
    git(customer.path, "update-ref", "refs/heads/fix", customer.write("commit", text.encode()))
    with pytest.raises(Invalid, match="rebase"):
        check(daemon, mirror, upstream.tip("main"), "fix")


def test_a_ref_without_anything_new_is_refused(
    daemon: GitDaemon, mirror: Path, upstream: Story, customer: Story
) -> None:
    git(customer.path, "update-ref", "refs/heads/same", upstream.tip("main"))
    with pytest.raises(Invalid, match="nothing on it"):
        check(daemon, mirror, upstream.tip("main"), "same")


def test_the_base_is_the_nearest_release(daemon: GitDaemon, mirror: Path, upstream: Story, customer: Story) -> None:
    older = upstream.tip("main")
    newer = upstream.commit({"b.txt": "newer\n"})
    fetch_mirror(mirror, daemon.url("upstream.git"), allow_private=True)
    customer.commit({"a.txt": FIX}, on="later", start=newer)
    into, tip = pull(daemon.url("customer.git"), "later", mirror)
    assert base_of(into, tip, [older, newer]) == (newer, newer)
    into, tip = pull(daemon.url("customer.git"), "fix", mirror)
    assert base_of(into, tip, [newer, older]) == (newer, older)
    into, tip = pull(daemon.url("customer.git"), "fix", mirror)
    assert base_of(into, tip, [older]) == (older, older)


def test_commits_without_common_history_have_no_base(
    daemon: GitDaemon, mirror: Path, upstream: Story, customer: Story
) -> None:
    customer.commit({"x": "y"}, on="alien")
    into, tip = pull(daemon.url("customer.git"), "alien", mirror)
    assert base_of(into, tip, [upstream.tip("main")]) is None
