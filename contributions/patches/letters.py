"""Reads one letter: where its message ends, what the message says about itself, and which changes follow."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from contributions.errors import Invalid
from contributions.patches.headers import (
    Subject,
    as_text,
    clean,
    field_of,
    read_author,
    read_date,
    read_fields,
    read_subject,
)
from contributions.patches.scanning import scan, surely_starts_file
from contributions.patches.text import Text

if TYPE_CHECKING:
    from datetime import datetime

    from contributions.patches.envelopes import Letter
    from contributions.patches.limits import Limits
    from contributions.patches.sent import SentFile

DIVIDER = re.compile(rb"---[ \t]*\r?\Z")
IN_BODY = re.compile(rb"(?:From|Date|Subject|Author):[ \t]", re.IGNORECASE)
SCISSORS = re.compile(rb"(?:(?:-|>8|8<|>%|%<)\s*){3,}(?:cut here\s*)?(?:-|\s)*\Z")
STAT = re.compile(
    rb"^ (\d+) files? changed(?:, (\d+) insertions?\(\+\))?(?:, (\d+) deletions?\(-\))?\r?$", re.MULTILINE
)
BASE_COMMIT = re.compile(rb"^base-commit: ([0-9a-f]{40}(?:[0-9a-f]{24})?)\s*$", re.MULTILINE)
SHOWN_COMMIT = re.compile(rb"commit [0-9a-f]{7,64}\b")
RAW_AUTHOR = re.compile(rb"^author (.*>) (\d+ [+-]\d{4})$", re.MULTILINE)
UNSTUFFED = re.compile(rb" (?!From |[ >])[^ ]")
MAIL_GOES_ON = re.compile(rb"Subject: .*\[.*PATCH")


@dataclass
class Content:
    """A letter that has been read; `files` is empty for a cover letter."""

    subject: Subject
    message: str
    author: tuple[str, str]
    date: datetime | None
    files: list[SentFile] = field(default_factory=list)
    base_commit: str | None = None
    at: str = ""
    is_mail: bool = False
    line_ends_guessed: bool = False


def read_letter(letter: Letter, limits: Limits) -> Content:
    """Raises Invalid or TooLarge, naming the line."""
    texts = [_as_it_was(text, letter.flowed, limits) for text in letter.texts]
    first = texts[0] if texts else Text([])
    end = message_end(first)
    content = _introduction(letter, Text(first.lines[:end], first.first, first.where))
    limits.check_message(len(content.message), letter.at)
    for text in [first.from_line(end), *texts[1:]]:
        _add_changes(content, text, limits)
    content.base_commit = _base_commit(texts)
    content.line_ends_guessed = letter.line_ends_guessed
    return content


def message_end(text: Text) -> int:
    """The index of the line "---" or of the first change, whichever comes first."""
    return next(
        (index for index, line in enumerate(text.lines) if DIVIDER.match(line) or surely_starts_file(text, index)),
        len(text.lines),
    )


def _add_changes(content: Content, text: Text, limits: Limits) -> None:
    files = scan(text, limits)
    _refuse_next_mail(text, files)
    _compare_with_stat(text, files)
    if content.files and [_shape(sent) for sent in files] == [_shape(sent) for sent in content.files]:
        return  # the same patch in the mail's text and once more as its attachment
    content.files += files


def _shape(sent: SentFile) -> tuple[object, ...]:
    return (sent.names, sent.old, sent.new, sent.blobs, [hunk.lines for hunk in sent.hunks], sent.binary)


def _refuse_next_mail(text: Text, files: list[SentFile]) -> None:
    for index, line in enumerate(text.lines if files else ()):
        if line[:1] == b"S" and MAIL_GOES_ON.match(line):
            raise Invalid(
                f"{text.at(index)}: a second mail begins here; send the series as git format-patch writes it."
            )


def _compare_with_stat(text: Text, files: list[SentFile]) -> None:
    """The summary of git format-patch tells when files or lines were lost on the way."""
    head = b"\n".join(text.lines[: next((i for i in range(len(text.lines)) if surely_starts_file(text, i)), 0)])
    found = list(STAT.finditer(head))
    if len(found) != 1:
        return
    said = [int(number or 0) for number in found[0].groups()]
    lines = [line[:1] for sent in files for hunk in sent.hunks for line in hunk.lines]
    counted = [len(files), lines.count(b"+"), lines.count(b"-")]
    if any(have < told for have, told in zip(counted, said, strict=True)):
        at = text.at(head.count(b"\n", 0, found[0].start()))
        raise Invalid(
            f"{at}: the summary speaks of {said[0]} files, {said[1]} added and {said[2]} removed lines, but the patch "
            f"holds {counted[0]}, {counted[1]} and {counted[2]}; a part of it was lost."
        )


def _base_commit(texts: list[Text]) -> str | None:
    for text in texts:
        if found := BASE_COMMIT.search(b"\n".join(text.lines[-40:])):
            return found[1].decode()
    return None


# the message


def _introduction(letter: Letter, text: Text) -> Content:
    if letter.fields:
        return _mail_introduction(letter, text)
    if text.lines and SHOWN_COMMIT.match(text.lines[0]):
        return _shown_introduction(text)
    return _plain_introduction(letter, text)


def _mail_introduction(letter: Letter, text: Text) -> Content:
    lines, fields = _after_scissors(text.lines), dict(letter.fields)
    lines, own = _in_body_fields(lines)
    fields |= own
    author = field_of(fields, "author", "from") if own else field_of(fields, "from")
    return Content(
        read_subject(fields.get("subject", "")),
        _message(lines, letter.charset),
        read_author(author),
        read_date(fields.get("date", "")),
        at=letter.at,
        is_mail=True,
    )


def _after_scissors(lines: list[bytes]) -> list[bytes]:
    cuts = [index for index, line in enumerate(lines) if SCISSORS.match(line) and (b"8" in line or b"%" in line)]
    return lines[cuts[-1] + 1 :] if cuts else lines


def _in_body_fields(lines: list[bytes]) -> tuple[list[bytes], dict[str, str]]:
    """The From:, Date: and Subject: with which people forward other people's patches."""
    start = next((index for index, line in enumerate(lines) if line.strip()), len(lines))
    end = start
    while end < len(lines) and (IN_BODY.match(lines[end]) or (end > start and lines[end][:1] in (b" ", b"\t"))):
        end += 1
    return lines[end:], read_fields(lines[start:end])


def _shown_introduction(text: Text) -> Content:
    """The output of `git show`: fields, then the message moved in by four."""
    end = next((index for index, line in enumerate(text.lines) if not line.strip()), len(text.lines))
    again = next((i for i in range(end, len(text.lines)) if SHOWN_COMMIT.match(text.lines[i])), None)
    if again is not None:
        raise Invalid(f"{text.at(again)}: a second commit begins here; send a series with git format-patch.")
    fields = read_fields(RAW_AUTHOR.sub(rb"author: \1\nauthordate: \2", b"\n".join(text.lines[1:end])).split(b"\n"))
    if "merge" in fields:
        raise Invalid(f"{text.at(0)}: this is a merge; send the commits it brings with git format-patch.")
    message = _message([line.removeprefix(b"    ") for line in text.lines[end:]], None)
    subject, _, body = message.partition("\n")
    author, date = field_of(fields, "author"), field_of(fields, "authordate", "date")
    return Content(Subject(subject), body.strip("\n"), read_author(author), read_date(date), at=text.at(0))


def _plain_introduction(letter: Letter, text: Text) -> Content:
    """Whatever stands before a bare diff, Mercurial's and Debian's notes among it."""
    notes = [line for line in text.lines if line.startswith(b"# ")]
    fields = {
        line[2:].split()[0].decode("ascii", "replace").lower(): as_text(line[2:].partition(b" ")[2])
        for line in notes
        if line[2:].split()
    }
    lines = [line for line in text.lines if not line.startswith(b"# ")]
    lines, own = _in_body_fields(lines)
    message = _message([line for line in lines if not _NOT_A_MESSAGE.match(line)], None)
    subject, _, body = message.partition("\n")
    subject = own.get("subject", "") or subject.removeprefix("Description:").strip()
    author = field_of(own, "author", "from") or fields.get("user", "") or _told_author(lines)
    date = field_of(own, "date") or fields.get("date", "")
    return Content(read_subject(subject), body.strip("\n"), read_author(author), read_date(date), at=letter.at)


def _told_author(lines: list[bytes]) -> str:
    """As DEP-3 has it, behind the description."""
    told = (line.partition(b":")[2] for line in lines if line.lower().startswith((b"author:", b"from:")))
    return as_text(next(told, b"").strip())


_NOT_A_MESSAGE = re.compile(rb"(?:Index: |={20,}|diff |Only in )")


def _message(lines: list[bytes], charset: str | None) -> str:
    text = as_text(b"\n".join(line.rstrip() for line in lines), charset)
    text = re.sub(r"^>(>*From )", r"\1", text, flags=re.MULTILINE)  # undo what a mail folder did to it
    return clean(text)


# wrapped by rule


def _as_it_was(text: Text, flowed: bool, limits: Limits) -> Text:  # noqa: FBT001 - a property of the mail
    """Undo format=flowed (RFC 3676) where the sender really kept to it; the blob ids tell if a blank was lost."""
    if not flowed or any(UNSTUFFED.match(line) for line in text.lines):
        return text
    unstuffed = replace(text, lines=[line.removeprefix(b" ") for line in text.lines])
    joined = replace(unstuffed, lines=_joined(unstuffed.lines))
    for attempt in (unstuffed, joined):
        try:
            if scan(attempt, limits):
                return attempt
        except Invalid:
            continue
    return text


def _joined(lines: list[bytes]) -> list[bytes]:
    whole: list[bytes] = []
    open_line = False
    for line in lines:
        if open_line:
            whole[-1] += line
        else:
            whole.append(line)
        open_line = line.endswith(b" ") and line != b"-- "
    return whole
