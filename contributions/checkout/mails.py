"""Writes a commit as a mail that `git am` reads back into the same tree, whatever its message and its files contain.

git format-patch does so only for well-behaved commits: a line “From …” or “---” in a message, or a CR in a file, is
lost or misread on the way back. Here such lines are moved in by one blank and such files travel quoted-printable.
"""

from __future__ import annotations

import binascii
import re
from email.header import Header
from email.utils import format_datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

MAGIC_DATE = "Mon Sep 17 00:00:00 2001"  # by which git knows its own mails from those of a mail program
# Lines at which git-mailsplit ends a mail or git-mailinfo ends the message.
MISLEADING = re.compile(r"^(?=From .*\d.\d\d:\d\d|diff -|Index: |---\s*$|--- \S)", re.MULTILINE)
IN_BODY = re.compile(r"(?:From|Date|Subject|[\w-]+):\s|>From|\[PATCH", re.IGNORECASE)
SPECIAL = re.compile(r"[^\w !#$%&'*+/=?^`{|}~-]", re.ASCII)
SEPARATOR = b"---\n"


class Written(Protocol):
    """What a mail needs to know of a commit."""

    @property
    def sha(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def body(self) -> str: ...
    @property
    def author_name(self) -> str: ...
    @property
    def author_email(self) -> str: ...
    @property
    def authored_at(self) -> datetime | None: ...


def write_mail(commit: Written, change: bytes, number: int, total: int) -> bytes:
    """One mail of a series; `change` is git's summary and diff."""
    body = _body(commit) + SEPARATOR + change + b"\n"
    encoding = "8bit"
    if b"\r" in body:
        encoding, body = "quoted-printable", _quoted_printable(body)
    return _heading(commit, number, total, encoding).encode() + b"\n" + body


def _heading(commit: Written, number: int, total: int, encoding: str) -> str:
    mark = "[PATCH]" if total == 1 else f"[PATCH {number:0{len(str(total))}d}/{total}]"
    lines = [
        f"From {commit.sha} {MAGIC_DATE}",
        f"From: {_author(commit)}",
        f"Subject: {mark} {_words(commit.subject)}",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=UTF-8",
        f"Content-Transfer-Encoding: {encoding}",
    ]
    if commit.authored_at:
        lines.insert(2, f"Date: {format_datetime(commit.authored_at)}")
    return "".join(f"{line}\n" for line in lines)


def _author(commit: Written) -> str:
    return f"{_name(commit.author_name)} <{commit.author_email}>"


def _name(name: str) -> str:
    if not name.isascii() or "=?" in name:
        return _words(name)
    return '"' + re.sub(r'(["\\])', r"\\\1", name) + '"' if SPECIAL.search(name) else name


def _words(text: str) -> str:
    """Text for a header, in encoded words only where it must be."""
    if text.isascii() and "=?" not in text:
        return text
    return Header(text, "utf-8", maxlinelen=76).encode()


def _body(commit: Written) -> bytes:
    text = MISLEADING.sub(" ", commit.body.replace("\r", "")).strip("\n")
    if IN_BODY.match(text):
        text = f"From: {_author(commit)}\n\n{text}"  # so that git takes no other author from the message
    return (text + "\n" if text else "").encode("utf-8", "replace")


def _quoted_printable(body: bytes) -> bytes:
    """Line by line, so that a CR before the line's end is content and survives."""
    return b"".join(binascii.b2a_qp(line, istext=False) + b"\n" for line in body.removesuffix(b"\n").split(b"\n"))
