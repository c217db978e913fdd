"""Every way to send a good change: it becomes exactly that change, or it is refused; some ways must succeed."""

from __future__ import annotations

import base64
import binascii
import bz2
import gzip
import io
import re
import zipfile
from typing import TYPE_CHECKING

import pytest

from contributions.errors import Invalid, Refusal
from contributions.patches import read_series
from tests.patches.workshop import AFTER, BEFORE, Workshop, make_workshop, run, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAIL = (
    b"From: An Operator <operator@customer.example>\nDate: Tue, 14 Nov 2023 22:13:20 +0100\nSubject: [PATCH] Change\n"
)


def body_of(mail: bytes) -> bytes:
    return mail.partition(b"\n\n")[2]


def as_quoted_printable(mail: bytes) -> bytes:
    head = (
        b"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n"
    )
    return MAIL + head + b"\n".join(binascii.b2a_qp(line, istext=False) for line in body_of(mail).split(b"\n"))


def as_base64(mail: bytes) -> bytes:
    head = b"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n"
    return MAIL + head + base64.encodebytes(body_of(mail))


def as_base64_with_mail_line_ends(mail: bytes) -> bytes:
    return as_base64(b"\n\n" + body_of(mail).replace(b"\n", b"\r\n"))


def as_attachment(mail: bytes, *, encoding: bytes = b"base64", kind: bytes = b"text/x-patch") -> bytes:
    content = base64.encodebytes(mail) if encoding == b"base64" else mail
    return (
        b"From: An Operator <operator@customer.example>\nSubject: our fix\nMIME-Version: 1.0\n"
        b'Content-Type: multipart/mixed; boundary="=-x"\n\n--=-x\nContent-Type: text/plain\n\n'
        b"Please find our fix attached.\n-- \nAn Operator\n\n--=-x\nContent-Type: "
        + kind
        + b'; name="fix.patch"\nContent-Disposition: attachment; filename="fix.patch"\nContent-Transfer-Encoding: '
        + encoding
        + b"\n\n"
        + content
        + b"\n--=-x--\n"
    )


def as_plain_attachment(mail: bytes) -> bytes:
    return as_attachment(mail, encoding=b"8bit")


def as_unknown_attachment(mail: bytes) -> bytes:
    return as_attachment(mail, kind=b"application/octet-stream")


def as_forwarded(mail: bytes) -> bytes:
    return (
        b"From: An Operator <operator@customer.example>\nSubject: Fwd: our fix\nMIME-Version: 1.0\n"
        b'Content-Type: multipart/mixed; boundary="=-x"\n\n--=-x\nContent-Type: text/plain\n\nSee below.\n\n'
        b"--=-x\nContent-Type: message/rfc822\n\n" + mail.partition(b"\n")[2] + b"\n--=-x--\n"
    )


def as_flowed(mail: bytes) -> bytes:
    lines = [b" " + line if line.startswith((b" ", b"From ", b">")) else line for line in body_of(mail).split(b"\n")]
    head = b"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8; format=flowed\n\n"
    return MAIL + head + b"\n".join(re.sub(rb"(.{60,72} )(?=.)", rb"\1\n", line) for line in lines)


def as_flowed_in_name_only(mail: bytes) -> bytes:
    return MAIL + b"Content-Type: text/plain; charset=utf-8; format=flowed\n\n" + body_of(mail)


def as_html(mail: bytes) -> bytes:
    text = mail.decode("utf-8", "replace").replace("&", "&amp;").replace("<", "&lt;")
    return MAIL + b"MIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n<pre>" + text.encode() + b"</pre>\n"


def as_zip(mail: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("fix.patch", mail)
    return stream.getvalue()


def transcoded(mail: bytes) -> bytes:
    return mail.decode("utf-8", "replace").encode("latin-1", "replace")


def without_final_blanks(mail: bytes) -> bytes:
    return b"\n".join(line.rstrip() for line in mail.split(b"\n"))


def without_blank_contexts(mail: bytes) -> bytes:
    return re.sub(rb"^ $", b"", mail, flags=re.MULTILINE)


def wrapped(mail: bytes) -> bytes:
    return re.sub(rb"^([^\n]{65,71}) ", rb"\1\n", mail, flags=re.MULTILINE)


def tabs_as_blanks(mail: bytes) -> bytes:
    return mail.replace(b"\t", b"        ")


def quoted_in_reply(mail: bytes) -> bytes:
    return MAIL + b"\nI like it:\n\n" + b"\n".join(b"> " + line for line in body_of(mail).split(b"\n"))


def with_replies(mail: bytes) -> bytes:
    return (
        mail
        + b"\n"
        + b"From x@y.example Tue Nov 14 22:13:20 2023\n"
        + quoted_in_reply(mail).replace(b"Subject: ", b"Subject: Re: ")
    )


def with_folder_quoting(mail: bytes) -> bytes:
    return re.sub(rb"^(>*From )(?![0-9a-f]{40})", rb">\1", mail, flags=re.MULTILINE)


def with_list_footer(mail: bytes) -> bytes:
    return mail + b"_______________________________________________\nops mailing list\nhttps://lists.example/ops\n"


def with_hard_blanks(mail: bytes) -> bytes:
    return re.sub(rb"^ ", b"\xc2\xa0", mail, flags=re.MULTILINE)


def with_windows_line_ends(mail: bytes) -> bytes:
    return mail.replace(b"\n", b"\r\n")


def with_windows_line_ends_but_for_its_own(mail: bytes) -> bytes:
    return re.sub(rb"(?<!\r)\n", b"\r\n", mail)


def stripped(mail: bytes) -> bytes:
    return mail.strip()


def utf16(mail: bytes) -> bytes:
    return mail.decode("utf-8", "replace").encode("utf-16")


def utf8_marked(mail: bytes) -> bytes:
    return b"\xef\xbb\xbf" + mail


def twice(mail: bytes) -> bytes:
    return mail + mail


def after_blank_lines(mail: bytes) -> bytes:
    return b"\n\n" + mail


def unchanged(mail: bytes) -> bytes:
    return mail


WAYS: dict[Callable[[bytes], bytes], bool] = {  # whether the change must arrive; if not, it may be refused
    unchanged: True,
    as_quoted_printable: True,
    as_base64: True,
    as_base64_with_mail_line_ends: False,  # a file with CR LF cannot be told from the mail's own
    as_attachment: True,
    as_plain_attachment: True,
    as_unknown_attachment: True,
    as_forwarded: True,
    as_flowed: False,
    as_flowed_in_name_only: False,
    as_html: False,
    as_zip: False,
    gzip.compress: False,
    bz2.compress: False,
    transcoded: False,
    without_final_blanks: False,
    without_blank_contexts: True,
    wrapped: False,
    tabs_as_blanks: False,
    quoted_in_reply: False,
    with_replies: True,
    with_folder_quoting: True,
    with_list_footer: True,
    with_hard_blanks: False,
    with_windows_line_ends: False,
    with_windows_line_ends_but_for_its_own: False,
    stripped: True,
    utf16: False,
    utf8_marked: True,
    twice: True,
    after_blank_lines: True,
}
PLAIN_FILES = {"README.rst", "cloud/server.py"}  # ASCII once their odd bytes are gone
BARE: dict[str, bytes | None] = {"README.rst": BEFORE["README.rst"], "old_name.py": BEFORE["old_name.py"]}
BARE_AFTER: dict[str, bytes | None] = {"README.rst": AFTER["README.rst"], "added.txt": b"one\n\ntwo\n"}


@pytest.fixture(scope="session")
def easy(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """A change of nothing but short ASCII lines: it survives more."""
    return make_workshop(tmp_path_factory.mktemp("easy") / "work", BARE, BARE_AFTER)


EASILY = {with_windows_line_ends, with_windows_line_ends_but_for_its_own, as_base64_with_mail_line_ends, utf16} | {
    as_flowed,
    as_flowed_in_name_only,
    transcoded,
    tabs_as_blanks,
}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_hard_change_arrives_exactly_or_is_refused(shop: Workshop, way: Callable[[bytes], bytes]) -> None:
    check(shop, way(shop.format_patch()), must=WAYS[way])


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_an_easy_change_arrives_exactly_or_is_refused(easy: Workshop, way: Callable[[bytes], bytes]) -> None:
    check(easy, way(easy.format_patch()), must=WAYS[way] or way in EASILY)


def check(shop: Workshop, raw: bytes, *, must: bool, tree: str = "") -> None:
    received = received_or_refused(shop, raw)
    if isinstance(received, Refusal):
        assert not must, received.sentence
        assert str(shop.path) not in received.sentence
    else:
        assert received == (tree or shop.tree(shop.tip))


def received_or_refused(shop: Workshop, raw: bytes) -> str | Refusal:
    try:
        return shop.received_tree(raw)
    except Refusal as refusal:
        return refusal


FORMS: dict[str, bool] = {
    "diff --binary": True,
    "diff --binary --full-index --no-prefix": True,
    "-c diff.mnemonicPrefix=true diff --binary": True,
    "diff --binary --src-prefix=old/ --dst-prefix=new/": True,
    "diff --binary -U0": True,
    "diff --binary -U25": True,
    "diff --binary --patience": True,
    "diff --binary --no-renames": True,
    "diff --binary --stat -p": True,
    "diff --binary -M -C --find-copies-harder": True,
    "diff": True,
    "diff -W": True,
    "diff --word-diff": False,
    "diff --color=always": False,
    "diff --stat": False,
    "diff --name-only": False,
    "diff -w": False,
    "diff --binary -R": False,
    "diff --output-indicator-new=>": False,
}


@pytest.mark.parametrize("form", FORMS)
def test_a_diff_of_git_arrives_in_every_form(shop: Workshop, form: str) -> None:
    raw = shop.git(*form.split(), shop.base, shop.tip)
    check(shop, raw, must=FORMS[form] and "--binary" in form)


@pytest.mark.parametrize("form", FORMS)
def test_a_diff_of_git_without_binary_files_arrives_in_every_form(easy: Workshop, form: str) -> None:
    check(easy, easy.git(*form.split(), easy.base, easy.tip), must=FORMS[form])


def test_a_relative_diff_finds_its_directory(shop: Workshop) -> None:
    raw = shop.git("diff", "--relative=cloud", shop.base, shop.tip)
    made = shop.receive(raw)
    assert made.warnings == (
        "The patch names a file that is not in the release; its change went to “cloud/server.py”.",
    )
    changed = shop.git("diff", "--name-only", shop.base, made.tip)
    assert changed == b"cloud/server.py\n"
    assert shop.git("rev-parse", f"{made.tip}:cloud/server.py") == shop.git("rev-parse", f"{shop.tip}:cloud/server.py")


def test_a_relative_diff_that_fits_two_directories_is_refused(workplace: Path) -> None:
    before: dict[str, bytes | None] = {"a/x/f": b"1\n2\n3\n", "b/x/f": b"1\n2\n3\n"}
    two = make_workshop(workplace, before, {"b/x/f": b"1\n2\n4\n"})
    with pytest.raises(Invalid, match="is one of several like it"):
        two.receive(two.git("diff", "--relative=b", two.base, two.tip))


SHOWN = {
    "show --binary": True,
    "show --binary --format=fuller": True,
    "show --binary --format=email": True,
    "show --binary --format=raw": True,
    "log -p -1 --binary": True,
    "log -p --binary": False,
    "format-patch -1 --stdout --attach": True,
    "format-patch -1 --stdout --inline": True,
    "format-patch -1 --stdout -k": True,
    "format-patch -1 --stdout -N": True,
    "format-patch -1 --stdout -n": True,
    "format-patch -1 --stdout --cover-letter": True,
    "format-patch -1 --stdout -v3 --thread --signoff": True,
    "format-patch -1 --stdout --no-stat --zero-commit": True,
    "format-patch -1 --stdout --base=HEAD^": True,
    "format-patch -1 --stdout --subject-prefix=stable/2.35][PATCH": True,
    "format-patch -1 --stdout --no-signature": True,
}


@pytest.mark.parametrize("form", SHOWN)
def test_what_git_shows_arrives(shop: Workshop, form: str) -> None:
    raw = shop.git("-c", "user.name=An Operator", "-c", "user.email=o@customer.example", *form.split())
    check(shop, raw, must=SHOWN[form])
    if SHOWN[form]:
        assert read_series(raw).patches[0].subject == "State 1"
        assert read_series(raw).patches[0].body.startswith("What was done 1 times.")
        assert read_series(raw).patches[0].author_email == "operator@customer.example"


# diff -u and its relatives, on files that have no troubles of their own


@pytest.fixture
def sides(tmp_path: Path) -> Path:
    """`cloud` as it is, `cloud.orig` as it was, and `a` and `b` with the whole tree."""
    for place, states in (("a", [BARE]), ("b", [BARE, BARE_AFTER])):
        for state in states:
            for name, content in state.items():
                write(tmp_path / place / name, content)
    return tmp_path


PLAIN = {
    "diff -ruN a b": True,
    "diff -ru a b": False,
    "diff -rcN a b": False,
    "diff -rN a b": False,
    "diff -reN a b": False,
    "diff -r -U1 -N a b": True,
    "diff -rupN a/ b/": True,
    "diff -r -U0 -N a b": False,
}


@pytest.mark.parametrize("command", PLAIN)
def test_a_plain_diff_arrives_if_it_is_unified(easy: Workshop, sides: Path, command: str) -> None:
    check(easy, run(sides, *command.split(), ok=(1,)), must=PLAIN[command])


def readme_diff(sides: Path, old: str, new: str, *labels: str) -> bytes:
    for name, side in ((old, "a"), (new, "b")):
        (sides / name).parent.mkdir(parents=True, exist_ok=True)
        (sides / name).write_bytes((sides / side / "README.rst").read_bytes())
    return run(sides, "diff", "-u", *labels, old, new, ok=(1,))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("README.rst.orig", "README.rst"),
        ("README.rst~", "README.rst"),
        ("./README.rst.bak", "./README.rst"),
        ("swift-2.35.0.orig/README.rst", "swift-2.35.0/README.rst"),
        ("old/README.rst", "new/README.rst"),
        ("a/README.rst.orig", "a/README.rst"),
    ],
)
def test_the_names_of_a_plain_diff_lead_to_the_file(easy: Workshop, sides: Path, old: str, new: str) -> None:
    tree = only_readme(easy)
    raw = readme_diff(sides, old, new)
    made = read_series(raw, exists=set(BARE).__contains__)
    assert made.patches[0].paths == {"README.rst"}
    check(easy, raw, must=not old.startswith("a/"), tree=tree)


def only_readme(easy: Workshop) -> str:
    """The tree in which only README.rst is as it should become."""
    blob = easy.git("rev-parse", f"{easy.tip}:README.rst").decode().strip()
    listed = easy.git("ls-tree", easy.base).decode()
    changed = re.sub(r"blob \w+\tREADME.rst", f"blob {blob}\tREADME.rst", listed)
    return easy.git("mktree", stdin=changed.encode()).decode().strip()


def test_labels_of_subversion_are_understood(easy: Workshop, sides: Path) -> None:
    raw = readme_diff(sides, "a/README.rst", "b/README.rst")
    hunks = raw.split(b"\n", 2)[2]
    names = b"--- README.rst\t(revision 12)\n+++ README.rst\t(working copy)\n"
    check(easy, b"Index: README.rst\n" + b"=" * 67 + b"\n" + names + hunks, must=True, tree=only_readme(easy))


def test_a_changeset_of_mercurial_is_understood(easy: Workshop) -> None:
    head = (
        b"# HG changeset patch\n# User An Operator <o@customer.example>\n# Date 1700000000 -3600\n#      Tue Nov 14\n"
    )
    raw = (
        head
        + b"# Node ID 1234\n# Parent  5678\nFix the list\n\nIt was short.\n\n"
        + easy.git("diff", easy.base, easy.tip)
    )
    check(easy, raw, must=True)
    patch = read_series(raw).patches[0]
    assert (patch.subject, patch.body, patch.author_name) == ("Fix the list", "It was short.", "An Operator")
