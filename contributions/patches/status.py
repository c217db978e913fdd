"""What became of a patch upstream, as patch headers say it: Yocto's Upstream-Status and Debian's DEP-3.

https://docs.yoctoproject.org/contributor-guide/recipe-style-guide.html#patch-upstream-status
https://dep-team.pages.debian.net/deps/dep3/
"""

from __future__ import annotations

import binascii
import quopri
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PENDING, SUBMITTED, BACKPORT, INAPPROPRIATE, APPLIED = "pending", "submitted", "backport", "inappropriate", "applied"
LINK_LENGTH, REASON_LENGTH, VALUE_LENGTH = 500, 200, 600
LONGEST_MESSAGE = 1 << 16  # of a commit; behind that no field is looked for
LINE = re.compile(
    r"^(Upstream-Status|Origin|Forwarded|Applied-Upstream)[ \t]*:[ \t]*(\S[^\n]{0,1000})$", re.MULTILINE | re.IGNORECASE
)
WORD = re.compile(r"([A-Za-z]+)[ \t]*(.*)", re.DOTALL)
# Yocto's words, those of before 2023 too: Accepted was applied, Denied was not for upstream.
WORDS = {
    "pending": PENDING,
    "submitted": SUBMITTED,
    "backport": BACKPORT,
    "inappropriate": INAPPROPRIATE,
    "denied": INAPPROPRIATE,
    "accepted": BACKPORT,
}
ADDRESS = re.compile(r"https?://[^\s<>\"'\[\]]+", re.IGNORECASE)
COMMIT = re.compile(r"\b(?:commit[: ]\s*)?([0-9a-f]{40})\b", re.IGNORECASE)
MAIL = re.compile(rb"^From [0-9a-f]{40} Mon Sep 17 00:00:00 2001$", re.MULTILINE)
FIELD = re.compile(r"[A-Z][A-Za-z0-9-]{0,40}")
TRAILER = re.compile(r"[A-Za-z0-9-]+:[ \t]")
QUOTED_PRINTABLE = b"\nContent-Transfer-Encoding: quoted-printable\n"


@dataclass(frozen=True)
class Status:
    """One of Yocto's words or "applied"; an http address or nothing; why it is not for upstream; a full commit id."""

    word: str
    link: str = ""
    reason: str = ""
    commit: str = ""


def read_status(messages: Iterable[str]) -> Status | None:
    """What the last message that says anything says; Upstream-Status before DEP-3's fields."""
    found: Status | None = None
    for message in messages:
        fields: dict[str, str] = {}
        for name, value in LINE.findall(message[:LONGEST_MESSAGE]):
            fields.setdefault(name.lower(), value.strip())
        found = _of_yocto(fields.get("upstream-status", "")) or _of_debian(fields) or found
    return found


def _of_yocto(value: str) -> Status | None:
    told = WORD.match(value)
    word = WORDS.get(told[1].lower()) if told else None
    if told is None or word is None:
        return None
    rest = told[2].strip().removeprefix("[").removesuffix("]").strip()
    return Status(word, _link(rest), _reason(rest) if word == INAPPROPRIATE else "", _commit(rest))


def _of_debian(fields: Mapping[str, str]) -> Status | None:
    """The strongest that is told: that upstream has it, that it comes from there, that it was sent, that it was not."""
    if applied := fields.get("applied-upstream", ""):
        return Status(APPLIED, _link(applied), "", _commit(applied))
    origin = fields.get("origin", "")
    if origin.lower().startswith(("upstream", "backport")):
        return Status(BACKPORT, _link(origin), "", _commit(origin))
    forwarded = fields.get("forwarded", "")
    if forwarded.lower().startswith("not-needed"):
        return Status(INAPPROPRIATE, "", _reason(forwarded[len("not-needed") :]))
    if forwarded.lower().startswith("no"):
        return Status(PENDING)
    return Status(SUBMITTED, _link(forwarded)) if forwarded else None


def is_link(address: str) -> bool:
    """Whether it is an http(s) address that can stand in a header and be followed."""
    if not ADDRESS.fullmatch(address) or not address.isprintable() or len(address) > LINK_LENGTH:
        return False
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return bool(parts.hostname) and "@" not in parts.netloc


def _link(text: str) -> str:
    found = ADDRESS.search(text)
    address = found[0].rstrip(".,;)") if found else ""
    return address if is_link(address) else ""


def _commit(text: str) -> str:
    found = COMMIT.search(text)
    return found[1].lower() if found else ""


def _reason(text: str) -> str:
    return _plain(text).strip(" ()[],;")[:REASON_LENGTH]


def fields_of(status: Status) -> dict[str, str]:
    """The header fields that say it to Yocto and to Debian."""
    link, told = status.link, f" [{status.link or status.reason}]" if status.link or status.reason else ""
    if status.word == APPLIED:
        # Yocto has no word of its own for it: what upstream took is a backport until that release is used.
        where = link or (f"commit:{status.commit}" if status.commit else "")
        applied = {"Applied-Upstream": f"commit:{status.commit}" if status.commit else where} if where else {}
        return {"Upstream-Status": f"Backport [{where}]" if where else "Backport", "Forwarded": "not-needed", **applied}
    if status.word == BACKPORT:
        where = link or (f"commit:{status.commit}" if status.commit else "")
        origin = {"Origin": f"backport, {where}"} if where else {}
        told = f" [{where}]" if where else ""
        return {"Upstream-Status": f"Backport{told}", **origin, "Forwarded": "not-needed"}
    forwarded = {SUBMITTED: link or "yes", INAPPROPRIATE: "not-needed"}.get(status.word, "no")
    return {"Upstream-Status": f"{status.word.capitalize()}{told}", "Forwarded": forwarded}


def with_header(mails: bytes, fields: Mapping[str, str]) -> bytes:
    """The same mails, as `checkout.commits.mbox` writes them, with the fields at the end of each one's message.

    That is where git keeps them, and where those who read DEP-3 and Upstream-Status look. A field that a message has
    already is told once, as `fields` says; what is no such mail stays as it is. Names and values that are not fit for a
    header do not get there.
    """
    starts = [found.start() for found in MAIL.finditer(mails)]
    if not starts:
        return mails
    pieces = [mails[start:end] for start, end in pairwise([*starts, len(mails)])]
    lines = [f"{name}: {_plain(value)[:VALUE_LENGTH]}" for name, value in fields.items() if FIELD.fullmatch(name)]
    return b"".join(_with_lines(piece, [line for line in lines if not line.endswith(": ")]) for piece in pieces)


def _plain(text: str) -> str:
    """In one line, of what can be seen: a value that goes on in a line of its own would be another field."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _with_lines(mail: bytes, lines: list[str]) -> bytes:
    heading, _, body = mail.partition(b"\n\n")
    is_quoted = QUOTED_PRINTABLE in heading + b"\n"
    raw, change = (b"", body) if body.startswith(b"---\n") else _parted(body)
    message = (quopri.decodestring(raw) if is_quoted else raw).decode("utf-8", "surrogateescape")
    made = _message(message, lines).encode("utf-8", "surrogateescape")
    if is_quoted:
        made = b"".join(binascii.b2a_qp(line, istext=False) + b"\n" for line in made.split(b"\n")[:-1])
    return heading + b"\n\n" + made + change


def _parted(body: bytes) -> tuple[bytes, bytes]:
    """The message, and what begins with the line that ends it."""
    message, _, change = body.partition(b"\n---\n")
    return message + b"\n", b"---\n" + change


def _message(message: str, lines: list[str]) -> str:
    names = {line.partition(":")[0].lower() for line in lines}
    kept = [line for line in message.rstrip("\n").split("\n") if line.partition(":")[0].strip().lower() not in names]
    while kept and not kept[-1].strip():
        kept.pop()
    if not kept:
        return "".join(f"{line}\n" for line in lines)
    last = kept[len(kept) - kept[::-1].index("") :] if "" in kept else kept
    together = all(TRAILER.match(line) for line in last)
    return "".join(f"{line}\n" for line in [*kept, *([] if together else [""]), *lines])
