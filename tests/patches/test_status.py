"""The header of a patch says what became of it upstream, and stock tools still take the patch."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from contributions.checkout import commits
from contributions.patches import read_series, read_status, with_header
from contributions.patches.status import Status, fields_of, is_link
from tests.platform import GIT_IDENTITY

if TYPE_CHECKING:
    from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LINK = "https://review.example.org/c/12"


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (f"Upstream-Status: Submitted [{LINK}]", Status("submitted", LINK)),
        ("Upstream-Status: Pending", Status("pending")),
        (f"upstream-status:Backport [{LINK}/{COMMIT}]", Status("backport", f"{LINK}/{COMMIT}", "", COMMIT)),
        ("Upstream-Status: Inappropriate [embedded specific]", Status("inappropriate", "", "embedded specific")),
        ("Upstream-Status: Denied [they said no]", Status("inappropriate", "", "they said no")),
        ("Upstream-Status: Whatever", None),
        (f"Forwarded: {LINK}", Status("submitted", LINK)),
        ("Forwarded: no", Status("pending")),
        ("Forwarded: not-needed (ours alone)", Status("inappropriate", "", "ours alone")),
        (f"Origin: upstream, {LINK}", Status("backport", LINK)),
        ("Origin: vendor", None),
        (f"Applied-Upstream: 2.38.0, commit:{COMMIT}", Status("applied", "", "", COMMIT)),
        (f"Forwarded: no\nUpstream-Status: Submitted [{LINK}]", Status("submitted", LINK)),
        ("A message\n\nwith words, Forwarded: not at the beginning", None),
        ("Upstream-Status: Submitted [javascript:alert(1)]", Status("submitted")),
        ("Upstream-Status: Submitted [https://me:secret@example.org/]", Status("submitted")),
    ],
)
def test_a_header_is_read_in_the_words_of_yocto_and_of_debian(message: str, status: Status | None) -> None:
    assert read_status([f"Wait longer\n\nIt is better.\n\n{message}\n"]) == status


def test_of_a_series_the_last_word_counts() -> None:
    assert read_status(["One\n\nForwarded: no\n", f"Two\n\nForwarded: {LINK}\n", "Three"]) == Status("submitted", LINK)


def test_a_patch_with_a_debian_header_and_no_mail_tells_its_author_and_its_status() -> None:
    raw = (
        b"Description: Wait longer\n before giving up.\nAuthor: Ann Other <ann@example.org>\n"
        b"Forwarded: https://lists.example.org/1\nLast-Update: 2026-01-01\n---\n"
        b"--- a/song.txt\n+++ b/song.txt\n@@ -1,2 +1,2 @@\n-a\n+b\n c\n"
    )
    (patch,) = read_series(raw).patches
    assert (patch.author_name, patch.author_email) == ("Ann Other", "ann@example.org")
    assert read_status([patch.message]) == Status("submitted", "https://lists.example.org/1")


@pytest.mark.parametrize(
    "status",
    [
        Status("pending"),
        Status("submitted", LINK),
        Status("backport", LINK),
        Status("inappropriate", "", "ours alone"),
        Status("backport", "", "", COMMIT),
    ],
)
def test_what_is_written_is_read_back(status: Status) -> None:
    fields = fields_of(status)
    assert read_status([f"{name}: {value}" for name, value in list(fields.items())[:1]]) == status
    assert {"Upstream-Status", "Forwarded"} <= fields.keys()


def test_what_upstream_has_is_told_with_its_commit() -> None:
    assert fields_of(Status("applied", LINK, "", COMMIT)) == {
        "Upstream-Status": f"Backport [{LINK}]",
        "Forwarded": "not-needed",
        "Applied-Upstream": f"commit:{COMMIT}",
    }


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "https://",
        "https://a b/",
        "https://a\nb/",
        "https://me@h/",
        "ftp://h/",
        "https://\u202eh/",
    ],
)
def test_only_an_address_that_can_be_followed_is_a_link(address: str) -> None:
    assert not is_link(address)
    assert is_link("https://example.org/a?b=c#d"), "the control"


# with_header


class Repository:
    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *words: str, stdin: bytes = b"") -> str:
        command = ["git", *words]
        done = subprocess.run(command, cwd=self.path, env=GIT_IDENTITY, check=True, capture_output=True, input=stdin)
        return done.stdout.decode("utf-8", "replace").strip()

    def commit(self, message: str, text: bytes) -> str:
        (self.path / "song.txt").write_bytes(text)
        self.git("add", "-A")
        self.git("commit", "-q", "--cleanup=verbatim", "-F", "-", stdin=message.encode())
        return self.git("rev-parse", "HEAD")


FIELDS = {"Upstream-Status": f"Submitted [{LINK}]", "Forwarded": LINK, "Reviewed-by": "Grace Höpper"}
MESSAGES = {
    "plain": "Wait longer\n\nIt is better.\n",
    "bare": "Wait longer\n",
    "signed": "Wait longer\n\nIt is better.\n\nSigned-off-by: Ann Other <ann@example.org>\n",
    "only signed": "Wait longer\n\nSigned-off-by: Ann Other <ann@example.org>\n",
    "told before": "Wait longer\n\nUpstream-Status: Pending\nForwarded: no\n",
    "dashes": "Wait longer\n\nLike this:\n---\nand so on\n",
    "a diff within": "Wait longer\n\ndiff --git a/x b/x\n--- a/x\n+++ b/x\n",
    "odd start": "Wait longer\n\nFrom: Somebody <else@example.org>\n",
}


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("name", MESSAGES)
def test_git_and_patch_take_it_and_make_the_same_of_it(name: str, ending: bytes, tmp_path: Path) -> None:
    there = Repository(tmp_path / "there")
    base = there.commit("Begin", b"".join(b"verse %d%b" % (number, ending) for number in range(20)))
    text = (there.path / "song.txt").read_bytes()
    there.commit(MESSAGES[name], text.replace(b"verse 3", b"verse three"))
    tip = there.commit("And then\n\nAgain.\n", text.replace(b"verse 3", b"verse 3!").replace(b"verse 15", b"XV"))
    mails = commits.mbox(there.path / ".git", base, tip)
    headed = with_header(mails, FIELDS)
    assert with_header(headed, FIELDS) == headed, "twice is once"
    there.git("checkout", "-q", "--detach", base)
    there.git("am", "-q", "--keep-cr", stdin=headed)
    assert there.git("rev-parse", "HEAD^{tree}") == there.git("rev-parse", f"{tip}^{{tree}}")
    for commit in ("HEAD", "HEAD~"):
        told = there.git("show", "-s", "--format=%B", commit)
        assert told.count("Upstream-Status:") == 1
        assert f"Upstream-Status: Submitted [{LINK}]" in told.splitlines()
        assert "Reviewed-by: Grace Höpper" in told.splitlines()
        assert there.git("show", "-s", "--format=%an", commit) == "Upstream"
    if "signed" in name:
        trailers = there.git("show", "-s", "--format=%(trailers:key=Signed-off-by)", "HEAD~")
        assert trailers == "Signed-off-by: Ann Other <ann@example.org>"
    if name == "told before":
        assert "Pending" not in there.git("show", "-s", "--format=%B", "HEAD~")
    there.git("checkout", "-q", "--detach", base)
    if ending == b"\n":
        subprocess.run(["patch", "-p1", "-s"], cwd=there.path, input=headed, check=True)
        assert (there.path / "song.txt").read_bytes() == there.git("show", f"{tip}:song.txt").encode() + b"\n"


@pytest.mark.attack("P21")
def test_no_value_of_a_field_becomes_a_field_or_a_mail_of_its_own(tmp_path: Path) -> None:
    there = Repository(tmp_path / "there")
    base = there.commit("Begin", b"one\n")
    mails = commits.mbox(there.path / ".git", base, there.commit("Wait longer", b"two\n"))
    evil = "x]\n---\ndiff --git a/evil b/evil\r\nnew file mode 100644\x00\x1b[2J\u2028Applied-Upstream: yes"
    fields = {"Upstream-Status": evil, "Forwarded": f"no\nFrom {COMMIT} Mon Sep 17 00:00:00 2001\nSubject: more"}
    headed = with_header(mails, fields | {"Bad\nName": "x", "": "y", "Empty": "\n"})
    lines = headed.decode().split("\n\n", 1)[1].partition("\n---\n")[0].splitlines()
    assert [line.partition(":")[0] for line in lines] == ["Upstream-Status", "Forwarded"]
    assert headed.count(b"\n---\n") == 1
    assert all(line.isprintable() for line in lines)
    assert with_header(mails, {}) == mails, "the control: nothing is added unasked"
