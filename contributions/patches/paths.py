"""What a path in a patch may be, and how git quotes it."""

from __future__ import annotations

import re

from contributions.errors import Invalid

NULL = b"/dev/null"
LONGEST = 1024  # more than any real tree holds; file systems end a name at 255 bytes

_ESCAPE = re.compile(rb'\\([0-7]{3}|[abtnvfr"\\])')
_ESCAPED = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}
_QUOTED = re.compile(rb'[\x00-\x1f"\\\x7f-\xff]')
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
# Characters that HFS+ leaves out when it compares names, as git's utf8.c lists them.
_IGNORED_BY_HFS = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")


def shown(path: bytes) -> str:
    """The path as text; what is not UTF-8 is shown escaped."""
    return path.decode("utf-8", "backslashreplace")


def unquoted(name: bytes) -> bytes:
    """Undo the C quoting that git puts around a name with special bytes."""
    if len(name) < 2 or name[:1] != b'"' or name[-1:] != b'"':  # noqa: PLR2004 - two quotes
        return name
    return _ESCAPE.sub(_byte, name[1:-1])


def _byte(found: re.Match[bytes]) -> bytes:
    code = found[1]
    return bytes([int(code, 8) & 0xFF]) if code.isdigit() else _ESCAPED.get(code, code)


def quoted(name: bytes) -> bytes:
    """Quote a name as git does, if it needs it."""
    if not _QUOTED.search(name):
        return name
    return b'"' + _QUOTED.sub(lambda found: b"\\%03o" % found[0][0], name) + b'"'


def refuse_unsafe(path: bytes, at: str) -> None:
    """Raise Invalid, in a sentence that begins with the place `at`, unless the path stays inside the tree."""
    name = shown(path)[:200]
    if not path or len(path) > LONGEST:
        raise Invalid(f"{at}: a path must have 1 to {LONGEST} bytes.")
    if _CONTROL.search(path):
        raise Invalid(
            f"{at}: the path “{_CONTROL.sub(b'?', path[:200]).decode('utf-8', 'replace')}” has a control character."
        )
    try:
        text = path.decode()
    except UnicodeDecodeError:
        raise Invalid(f"{at}: the path “{name}” is not UTF-8.") from None
    if text.startswith(("/", "\\")) or re.match(r"[A-Za-z]:[/\\]", text):
        raise Invalid(f"{at}: the path “{name}” is absolute; paths must be relative to the top of the tree.")
    for part in re.split(r"[/\\]", text):
        _refuse_part(part, name, at)


def _refuse_part(part: str, name: str, at: str) -> None:
    if part == "..":
        raise Invalid(f"{at}: the path “{name}” leaves the tree.")
    if part in {"", "."}:
        raise Invalid(f"{at}: the path “{name}” has an empty part.")
    if is_dot_git(part):
        raise Invalid(f"{at}: the path “{name}” lies in git's own directory; a patch may not touch .git.")


def is_dot_git(part: str) -> bool:
    """Whether some file system would take this name for ".git" (case, HFS+, NTFS short names and streams)."""
    plain = _IGNORED_BY_HFS.sub("", part).lower()
    return plain.partition(":")[0].rstrip(" .") in {".git", "git~1"}


def link_leaves_tree(path: str, target: bytes) -> bool:
    """Whether a symbolic link at `path` points out of the tree, into .git, or to nothing nameable."""
    if not target or target.startswith((b"/", b"\\")) or _CONTROL.search(target) or re.match(rb"[A-Za-z]:", target):
        return True
    depth = path.count("/")
    for part in re.split(rb"[/\\]", target):
        if is_dot_git(part.decode("utf-8", "replace")):
            return True
        depth += -1 if part == b".." else part not in {b"", b"."}
        if depth < 0:
            return True
    return False
