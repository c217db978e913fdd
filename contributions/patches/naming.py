"""Settles which path of the tree each change means: git's prefixes, `diff -u` names, dates, `.orig` and all.

git says the path in up to five places; they must agree, for a patch that says two things shows one and does another.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contributions.errors import Invalid
from contributions.patches.paths import NULL, refuse_unsafe, shown, unquoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from contributions.patches.sent import SentFile

    Exists = Callable[[str], bool]

STAMP = re.compile(
    rb"(?:\t.*| +(?:\d{4}-\d\d-\d\d \d\d:\d\d.*|\((?:revision \d+|working copy|nonexistent|[^()]*revision[^()]*)\)))\Z",
    re.DOTALL,
)
NOTHING = re.compile(
    rb"(?:\t|  +)(?:1970-01-01 |1969-12-31 |\(nonexistent\)|\(revision 0\)"
    rb"|Thu Jan +1 \d\d:\d\d:\d\d 1970|Wed Dec 31 \d\d:\d\d:\d\d 1969)"
)
BACKUP = re.compile(rb"(?:\.orig|\.old|\.bak|\.ORIG|~)\Z")


@dataclass(frozen=True)
class Named:
    """The paths before and after; None where the file does not exist."""

    old: bytes | None
    new: bytes | None


def settle(files: list[SentFile], exists: Exists | None = None) -> list[Named]:
    """One Named for each file; `exists`, when given, tells whether the base has a path and decides doubtful names."""
    plain = [sent for sent in files if sent.names is None]
    strip = _common_strip(plain, exists) if plain else 0
    named = [_plain_names(sent, strip, exists) if sent.names is None else _git_names(sent) for sent in files]
    for sent, names in zip(files, named, strict=True):
        for path in {names.old, names.new} - {None}:
            refuse_unsafe(path or b"", sent.at)
    return named


# git's own form


def _git_names(sent: SentFile) -> Named:
    if sent.moved_from is not None and sent.moved_to is not None:
        old, new = sent.moved_from, sent.moved_to
        prefixes = _prefixes_around(sent, old, new)
    else:
        name, prefixes = _one_name(sent)
        old = new = name
    _check_minus_plus(sent, prefixes[0] + old, prefixes[1] + new)
    return Named(None if "new file mode" in sent.modes else old, None if "deleted file mode" in sent.modes else new)


def _prefixes_around(sent: SentFile, old: bytes, new: bytes) -> tuple[bytes, bytes]:
    for left, right in _splits(sent.names or b""):
        before, after = left.removesuffix(old), right.removesuffix(new)
        if before + old == left and after + new == right and _is_prefix(before) and _is_prefix(after):
            return before, after
    raise _disagreement(sent)


def _is_prefix(prefix: bytes) -> bool:
    return not prefix or (prefix.endswith(b"/") and prefix.count(b"/") == 1)


def _one_name(sent: SentFile) -> tuple[bytes, tuple[bytes, bytes]]:
    """The path when both sides have the same: "a/PATH b/PATH", "i/PATH w/PATH", or "PATH PATH" without prefixes."""
    found = set()
    for left, right in _splits(sent.names or b""):
        if left == right:
            found.add((left, (b"", b"")))
            continue
        (before, _, old), (after, _, new) = left.partition(b"/"), right.partition(b"/")
        if old and old == new:
            found.add((old, (before + b"/", after + b"/")))
    if len(found) != 1:
        raise Invalid(
            f"{sent.at}: the file's name cannot be read from this line; "
            "it was wrapped or changed on the way, or it names two different files."
        )
    return found.pop()


def _splits(names: bytes) -> Iterator[tuple[bytes, bytes]]:
    if b'"' in names:
        yield from _quoted_splits(names)
        return
    at = names.find(b" ")
    while at >= 0:
        yield names[:at], names[at + 1 :]
        at = names.find(b" ", at + 1)


def _quoted_splits(names: bytes) -> Iterator[tuple[bytes, bytes]]:
    word = rb'"(?:[^"\\]|\\.)*"'
    for pattern in (rb"(%b) (%b)\Z" % (word, word), rb"(%b) ([^\"]+)\Z" % word, rb"([^\"]+) (%b)\Z" % word):
        if found := re.match(pattern, names):
            yield unquoted(found[1]), unquoted(found[2])


def _check_minus_plus(sent: SentFile, old: bytes, new: bytes) -> None:
    if sent.old is None or sent.new is None:
        return
    minus, plus = (unquoted(name.partition(b"\t")[0]) for name in (sent.old, sent.new))
    wanted_old = NULL if "new file mode" in sent.modes else old
    wanted_new = NULL if "deleted file mode" in sent.modes else new
    if (minus, plus) != (wanted_old, wanted_new):
        raise _disagreement(sent)


def _disagreement(sent: SentFile) -> Invalid:
    return Invalid(f"{sent.at}: the lines that name this file do not agree with each other.")


# diff -u


def _bare(name: bytes) -> bytes:
    bare = unquoted(STAMP.sub(b"", name).rstrip(b" "))
    while bare.startswith(b"./"):
        bare = bare[2:].lstrip(b"/")
    return bare


def _is_nothing(name: bytes) -> bool:
    return _bare(name) == NULL or bool(NOTHING.search(name))


def _common_strip(plain: list[SentFile], exists: Exists | None) -> int:
    """How many leading directories to take off, the same for all files of one diff as `patch -pN` does."""
    wishes = {_wish(_bare(sent.old or b""), _bare(sent.new or b"")) for sent in plain} - {None}
    if exists is not None:
        candidates = [*sorted(wish for wish in wishes if wish is not None), 0, 1, 2]
        for strip in candidates:
            if _all_exist(plain, strip, exists):
                return strip
    if len(wishes) > 1:
        raise Invalid(
            f"{plain[0].at}: some names of this diff have a leading directory to take off and some have none."
        )
    return wishes.pop() or 0 if wishes else 0


def _wish(old: bytes, new: bytes) -> int | None:
    """1 where only the first directory differs (a/x and b/x), 0 where the names are one but for a backup's ending."""
    if NULL in (old, new):
        side = old if new == NULL else new
        return 1 if side.startswith((b"a/", b"b/")) else None
    if old == new or BACKUP.sub(b"", old) == BACKUP.sub(b"", new):
        return 0
    _, _, below_old = old.partition(b"/")
    _, _, below_new = new.partition(b"/")
    if below_old and BACKUP.sub(b"", below_old) == BACKUP.sub(b"", below_new):
        return 1
    return None


def _all_exist(plain: list[SentFile], strip: int, exists: Exists) -> bool:
    checked = 0
    for sent in plain:
        if _is_nothing(sent.old or b""):
            continue
        if not any(exists(shown(path)) for path in _candidates(sent, strip)):
            return False
        checked += 1
    return checked > 0


def _candidates(sent: SentFile, strip: int) -> Iterable[bytes]:
    for name in (_bare(sent.new or b""), _bare(sent.old or b"")):
        if name == NULL:
            continue
        path = _without(name, strip)
        yield path
        yield BACKUP.sub(b"", path)


def _without(name: bytes, strip: int) -> bytes:
    for _ in range(strip):
        name = name.partition(b"/")[2] or name
    return name


def _plain_names(sent: SentFile, strip: int, exists: Exists | None) -> Named:
    old, new = sent.old or b"", sent.new or b""
    path = _plain_path(sent, strip, exists)
    created, removed = _is_created(sent, path, exists), _is_nothing(new) and _takes_all(sent)
    if _bare(old) == NULL and not created:
        raise _disagreement(sent)
    return Named(None if created else path, None if removed else path)


def _plain_path(sent: SentFile, strip: int, exists: Exists | None) -> bytes:
    old, new = _bare(sent.old or b""), _bare(sent.new or b"")
    if exists is not None:
        for candidate in _candidates(sent, strip):
            if exists(shown(candidate)):
                return candidate
    paths = {_without(name, strip) for name in {old, new} - {NULL}}
    if len(paths) > 1:
        paths = {BACKUP.sub(b"", path) for path in paths}
    if len(paths) != 1:
        raise _disagreement(sent)
    return paths.pop()


def _is_created(sent: SentFile, path: bytes, exists: Exists | None) -> bool:
    if sent.hunks[0].numbers[:2] != (0, 0) or len(sent.hunks) != 1:
        return False
    return _is_nothing(sent.old or b"") or exists is None or not exists(shown(path))


def _takes_all(sent: SentFile) -> bool:
    return len(sent.hunks) == 1 and sent.hunks[0].numbers[2:] == (0, 0)
