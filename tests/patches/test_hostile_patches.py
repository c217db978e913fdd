"""Patches that want more than to change files: each is refused in a sentence that names the line."""

from __future__ import annotations

import base64
import time
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from contributions.errors import Invalid, Refusal, TooLarge
from contributions.patches import Limits, read_series
from contributions.patches.paths import is_dot_git, link_leaves_tree

if TYPE_CHECKING:
    from tests.patches.workshop import Workshop


def adding(path: str, *, mode: str = "100644", content: str = "x") -> bytes:
    return (
        f"diff --git a/{path} b/{path}\nnew file mode {mode}\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+{content}\n"
    ).encode()


def linking(path: str, target: str) -> bytes:
    return adding(path, mode="120000", content=target) + b"\\ No newline at end of file\n"


DOT_GIT = [
    ".git",
    ".GIT",
    ".Git",
    "git~1",
    "GIT~1",
    ".git ",
    ".git.",
    ".git. .",
    ".g\u200cit",
    "\ufeff.git",
    ".git::$INDEX_ALLOCATION",
]


@pytest.mark.attack("P01")
@pytest.mark.parametrize("name", DOT_GIT)
@pytest.mark.parametrize("path", ["{}/config", "deep/down/{}/hooks/post-checkout", "{}", "a\\{}\\config"])
def test_nothing_is_written_into_git(name: str, path: str) -> None:
    with pytest.raises(Invalid, match=r"^Line 1: .*\.$"):
        read_series(adding(path.format(name)))


@pytest.mark.parametrize("name", [".github", ".gitignore", "git", "x.git", ".git-blame-ignore-revs", "git~10"])
def test_names_that_only_look_like_git_are_fine(name: str) -> None:
    assert read_series(adding(f"{name}/x")).patches[0].paths == {f"{name}/x"}
    assert not is_dot_git(name)


@pytest.mark.attack("P01")
@pytest.mark.parametrize(
    "path",
    ["../x", "a/../../x", "/etc/cron.d/x", "a/..", "a//b", "./x", "C:/x", "\\\\host\\x", "a\\..\\..\\x", "x" * 2000],
)
def test_no_path_leaves_the_tree(path: str) -> None:
    with pytest.raises(Invalid, match=r"^Line 1: "):
        read_series(adding(path))


@pytest.mark.parametrize("name", [r'"a/x\ny"', r'"a/x\000y"', r'"a/\056\056/x"', r'"a/\033[31m"', r'"a/\377"'])
def test_no_quoted_name_hides_one(name: str) -> None:
    other = name.replace('"a/', '"b/')
    raw = f"diff --git {name} {other}\nnew file mode 100644\n--- /dev/null\n+++ {other}\n@@ -0,0 +1 @@\n+x\n"
    with pytest.raises(Invalid, match=r"^Line 1: "):
        read_series(raw.encode())


@pytest.mark.attack("P01")
@pytest.mark.parametrize("verb", ["copy", "rename"])
@pytest.mark.parametrize("source", ["/etc/hostname", "../../secret", ".git/config"])
def test_nothing_is_copied_from_outside(verb: str, source: str) -> None:
    raw = f"diff --git a/{source} b/mine\nsimilarity index 100%\n{verb} from {source}\n{verb} to mine\n"
    with pytest.raises(Invalid, match=r"^Line 1: "):
        read_series(raw.encode())


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("x", "/etc/passwd"),
        ("x", "../x"),
        ("a/x", "../../x"),
        ("a/x", "b/../../../x"),
        ("x", ".git/config"),
        ("a/x", "../.GIT/config"),
        ("x", "C:\\x"),
        ("x", "\\etc"),
        ("a/x", "..\\..\\x"),
    ],
)
def test_no_link_points_outside(path: str, target: str) -> None:
    with pytest.raises(Invalid, match=r"^Line 1: the symbolic link"):
        read_series(linking(path, target))


@pytest.mark.parametrize(("path", "target"), [("x", "y"), ("a/x", "../y"), ("a/b/x", "../../c/d"), ("x", "a/./b")])
def test_links_inside_the_tree_are_fine(path: str, target: str) -> None:
    assert read_series(linking(path, target)).patches
    assert not link_leaves_tree(path, target.encode())


def test_a_changed_link_is_judged_by_its_new_target() -> None:
    raw = b"diff --git a/x b/x\nindex 1234567..89abcde 120000\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-y\n+/etc\n"
    with pytest.raises(Invalid, match="to “/etc”"):
        read_series(raw)


@pytest.mark.attack("P02")
def test_nothing_is_written_through_a_link_of_the_same_series() -> None:
    mails = (
        b"From %040d Mon Sep 17 00:00:00 2001\nSubject: [PATCH %d/2] x\n\n---\n%b-- \n2.39.5\n\n" % (part, part, diff)
        for part, diff in ((1, linking("esc", "other")), (2, adding("esc/evil")))
    )
    with pytest.raises(Invalid, match="“esc/evil” lies beyond the symbolic link made from line 5 on"):
        read_series(b"".join(mails))


@pytest.mark.attack("P09")
@pytest.mark.parametrize("mode", ["160000", "040000", "020666", "104755", "777777777777"])
def test_only_files_and_links_are_made(mode: str) -> None:
    with pytest.raises(Invalid, match=r"^Line 1: "):
        read_series(adding("x", mode=mode))


def test_a_submodule_cannot_be_moved_by_its_index_line() -> None:
    raw = b"diff --git a/x b/x\nindex 1234567..89abcde 160000\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-S 1\n+S 2\n"
    with pytest.raises(Invalid, match="submodule"):
        read_series(raw)


def test_a_header_that_says_one_file_and_means_another_is_refused() -> None:
    raw = b"diff --git a/f b/f\n--- a/f\n+++ d/g\n@@ -1 +1 @@\n-a\n+b\n"
    with pytest.raises(Invalid, match="Line 1: the lines that name this file do not agree"):
        read_series(raw)


MERGE = b"diff --cc x\nindex 1234567,89abcde..1234567\n--- a/x\n+++ b/x\n@@@ -1,1 -1,1 +1,1 @@@\n- a\n -b\n++c\n"


@pytest.mark.attack("P16", "P18")
@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"", "The upload is empty."),
        (b" \n\n", "The upload is empty."),
        (b"hello\nworld\n", "This is not a patch: "),
        (bytes(range(254, 0, -1)) * 9, "This is not a patch"),
        (b"text\nmore \x00\n", "Line 2: a NUL byte; "),
        (b"\x1f\x8b\x08\x00abc", "This is a gzip file"),
        (b"# v2 git bundle\n", "This is a git bundle"),
        (MERGE, "Line 1: this is the combined diff of a merge; "),
        (b"1,2c1,2\n< a\n---\n> b\n", "Line 1: this looks like diff without context or an ed script"),
        (b"1d\n.\n!touch /x\n", "Line 1: this looks like diff without context or an ed script"),
        (b"Index: x\n@@ -1 +1 @@\n-a\n+b\n", "Line 2: a hunk stands here without the names of its file above it."),
        (b"*** a/x\n--- b/x\n***************\n*** 1 ****\n", "Line 1: this is a context diff"),
        (b"Only in b: x\n", "Line 1: diff names a file that only one side has"),
        (b"diff --git a/x b/x\nBinary files a/x and b/x differ\n", "Line 2: a binary file is only named"),
        (b"Binary files a/x and b/x differ\n", "Line 1: a binary file is only named"),
        (b"> diff --git a/x b/x\n", "Line 1: the diff is quoted as in a reply"),
        (b"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n+c\n", "Line 7: the hunk above has more lines"),
        (b"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,4 +1,2 @@\n a\n-b\n", "Line 4: the patch ends in the middle"),
        (
            b"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-a\n+b\nc\n",
            "Line 7: this line cannot belong to the hunk",
        ),
        (b"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1\n-a\n+b\n", "Line 4: this is not the heading of a hunk"),
        (b"--- a/x\n+++ b/x\n", "Line 3: the two names of a file are not followed by a hunk."),
        (b"diff --git a/x b/x\n", "Line 1: the change of this file says nothing"),
        (b"diff --git a/x b/y\n--- a/x\n+++ b/y\n@@ -1 +1 @@\n-a\n+b\n", "Line 1: the file's name cannot be read"),
        (adding("x") + adding("x"), "Line 7: “x” was changed before, from line 1 on."),
        (adding("x").replace(b"\n", b"\r\n"), "Line 1: every line of the upload ends with CR LF"),
        (b"Subject: hello\nFrom: a@b.example\n\nno patch here\n", "Line 1: this mail holds no patch"),
    ],
)
def test_what_is_no_patch_is_refused_in_a_sentence(raw: bytes, sentence: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_series(raw)
    assert refusal.value.sentence.startswith(sentence)
    assert refusal.value.sentence.endswith(".") or "\n" not in refusal.value.sentence


MAGIC = "Mon Sep 17 00:00:00 2001"


def part(number: int, total: int, *, version: str = "", change: bytes = b"") -> bytes:
    head = f"From {number:040d} {MAGIC}\nSubject: [PATCH{version} {number}/{total}] Part {number}\n\nx\n---\n"
    return head.encode() + (change or adding(f"file{number}")) + b"-- \n2.39.5\n\n"


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (part(1, 3) + part(3, 3), "Line 1: the series has 3 parts, but part 2 is missing."),
        (part(2, 2), "Line 1: the series has 2 parts, but part 1 is missing."),
        (part(1, 2) + part(2, 3), "Line 15: parts of two series are mixed here, of 2 and of 3 parts."),
        (part(1, 2) + part(2, 2, version=" v2"), "Line 15: parts of version 1 and version 2 are mixed here."),
        (part(1, 1) + part(2, 1), "Line 15: this calls itself part 2 of 1."),
        (part(1, 1) + part(1, 1, change=adding("y")), "Line 15: part 1 of 1 is here twice, and the two differ."),
        (part(1, 2) + part(2, 2, change=b"nothing\n"), "Line 15: the mail “Part 2” holds no patch."),
    ],
)
def test_a_series_that_is_not_whole_is_refused(raw: bytes, sentence: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_series(raw)
    assert refusal.value.sentence == sentence


def test_parts_are_put_in_their_order_and_repeats_left_out() -> None:
    series = read_series(part(3, 3) + part(1, 3) + part(2, 3) + part(1, 3))
    assert [patch.subject for patch in series.patches] == ["Part 1", "Part 2", "Part 3"]


def binary(packed: bytes, size: int, form: str = "literal") -> bytes:
    rows = []
    for at in range(0, len(packed), 52):
        row = packed[at : at + 52]
        length = chr(ord("A") + len(row) - 1) if len(row) <= 26 else chr(ord("a") + len(row) - 27)
        rows.append(length.encode() + base64.b85encode(row, pad=True) + b"\n")
    head = f"diff --git a/x b/x\nindex {1:040d}..{2:040d} 100644\nGIT binary patch\n{form} {size}\n".encode()
    return head + b"".join(rows) + b"\n"


def test_a_binary_file_may_not_unpack_to_more_than_is_taken() -> None:
    with pytest.raises(TooLarge, match=r"Line 4: this binary file unpacks to 1,073,741,824 bytes"):
        read_series(binary(zlib.compress(b"x"), 1 << 30))


def test_a_delta_may_not_either() -> None:
    delta = b"\x80\x10" + b"\x80\x80\x80\x80\x04" + b"\x90\x00" * 20
    with pytest.raises(TooLarge, match="unpacks to 1,073,741,824 bytes"):
        read_series(binary(zlib.compress(delta), len(delta), "delta"))


def test_a_binary_patch_needs_its_full_ids() -> None:
    raw = binary(zlib.compress(b"x"), 1).replace(b"%040d" % 1, b"1234567")
    with pytest.raises(Invalid, match="lacks its full index line"):
        read_series(raw)


@pytest.mark.parametrize(
    ("raw", "limits"),
    [
        (adding("x") * 20, Limits(bytes=1000)),
        (b"".join(part(n, 6) for n in range(1, 7)), Limits(patches=5)),
        (b"".join(adding(f"x{n}") for n in range(11)), Limits(files=10)),
        (b"From: a@b.example\nSubject: x\n\n" + b"word " * 300 + b"\n---\n" + adding("x"), Limits(message=1000)),
    ],
)
def test_more_than_is_taken_is_too_large(raw: bytes, limits: Limits) -> None:
    with pytest.raises(TooLarge):
        read_series(raw, limits=limits)


@pytest.mark.parametrize(
    "raw",
    [
        b"From: a@b.example\nSubject: " + b"x" * 3_000_000 + b"\n\n" + adding("x"),
        b"From: a@b.example\nSubject: " + b"[PATCH] " * 300_000 + b"x\n\n" + adding("x"),
        b"From: a@b.example\nSubject: " + b"=?utf-8?q?x?= " * 100_000 + b"\n\n" + adding("x"),
        b"From: a@b.example\nSubject: x\n" + b"X-Y: z\n" * 300_000 + b"\n" + adding("x"),
        b"From: " + b"<" * 100_000 + b"\nSubject: x\n\n" + adding("x"),
        b"From: " + b"(" * 100_000 + b"\nSubject: x\n\n" + adding("x"),
        b"From: a@b.example\nSubject: x\nContent-Type: multipart/mixed; boundary=x\n\n" + b"--x\n\n" * 100_000,
        b"From x 00:00:00 2001\n" * 100_000,
        b"diff --git " + b"a " * 20_000 + b"\n",
        b"diff --git " + b'"a" ' * 20_000 + b"\n",
        b"diff --git a/x b/x\nindex " + b"0" * 1_000_000 + b"..1\n",
        b"-- >8 --\n" * 100_000 + adding("x"),
        b"- " * 500_000 + b"\n" + adding("x"),
        b"[" * 500_000 + b"\n" + adding("x"),
        b"\n" * 2_000_000 + adding("x"),
        b" 1 file changed\n" * 100_000 + adding("x"),
        b"commit 1234567\n" * 100_000 + adding("x"),
        b"# HG changeset patch\n" * 60_000 + adding("x"),
        b"--- x\n" * 200_000,
        b"@@ " * 500_000,
    ],
    ids=range(20),
)
def test_no_upload_keeps_the_reader_busy(raw: bytes) -> None:
    started = time.process_time()
    with suppress(Refusal):
        read_series(raw)
    assert time.process_time() - started < 3


@pytest.mark.attack("P11")
def test_a_mail_smuggled_into_the_message_is_shown_as_a_patch_of_its_own() -> None:
    """Where git splits a mail in two, so do we; what is shown is what is applied."""
    inner = b"From 1234567890123456789012345678901234567890 Mon Sep 17 00:00:00 2001\nSubject: [PATCH] inner\n\n"
    raw = b"From %040d Mon Sep 17 00:00:00 2001\nSubject: [PATCH] outer\n\nbody\n" % 1
    series = read_series(raw + adding("a") + b"-- \n2\n\n" + inner + adding("b"))
    assert [(patch.subject, patch.paths) for patch in series.patches] == [("outer", {"a"}), ("inner", {"b"})]


def test_a_patch_changed_on_its_way_is_refused_by_its_index_line(shop: Workshop) -> None:
    raw = shop.format_patch().replace(b"+an inserted line\n", b"+an inserted lime\n")
    with pytest.raises(Invalid, match=r"“README\.rst” does not come out as the patch's index line says"):
        shop.receive(raw)
