"""Writes the changes that were understood as one clean diff of git's own form: what is shown is what is applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contributions.errors import Invalid
from contributions.patches.paths import NULL, link_leaves_tree, quoted, shown

if TYPE_CHECKING:
    from contributions.patches.naming import Named
    from contributions.patches.sent import SentFile, SentHunk

REGULAR, EXECUTABLE, LINK, SUBMODULE = "100644", "100755", "120000", "160000"
MODES = {REGULAR, EXECUTABLE, LINK, "100664"}  # 100664: from the days before git settled on two
FULL_LENGTHS = {40, 64}  # of a blob id, SHA-1 and SHA-256


def write(sent: SentFile, named: Named) -> bytes:
    """The diff of one file, "diff --git a/… b/…" first. Raises Invalid for what no tree of ours may hold."""
    _refuse_modes(sent)
    _refuse_link(sent, named)
    lines = [*_heading(sent, named), *_body(sent, named)]
    return b"".join(line + b"\n" for line in lines)


def _heading(sent: SentFile, named: Named) -> list[bytes]:
    old, new = named.old or named.new or b"", named.new or named.old or b""
    lines = [b"diff --git " + quoted(b"a/" + old) + b" " + quoted(b"b/" + new)]
    lines += [f"{name} {_plain_mode(mode)}".encode() for name, mode in _modes(sent, named).items()]
    if sent.verb:
        verb = sent.verb.encode()
        lines += [verb + b" from " + quoted(old), verb + b" to " + quoted(new)]
    if all(sent.blobs):
        mode = f" {_plain_mode(sent.mode)}" if sent.mode else ""
        lines.append(f"index {sent.blobs[0]}..{sent.blobs[1]}{mode}".encode())
    return lines


def _modes(sent: SentFile, named: Named) -> dict[str, str]:
    if sent.names is not None:
        return sent.modes
    if named.old is None:
        return {"new file mode": REGULAR}
    return {"deleted file mode": REGULAR} if named.new is None else {}


def _plain_mode(mode: str) -> str:
    return REGULAR if mode == "100664" else mode


def _body(sent: SentFile, named: Named) -> list[bytes]:
    if sent.binary:
        _refuse_short_ids(sent)
        return sent.binary
    if not sent.hunks:
        return []
    lines = [b"--- " + _side(b"a/", named.old), b"+++ " + _side(b"b/", named.new)]
    growth = 0
    for hunk in sent.hunks:
        lines += [_hunk_heading(hunk, growth), *hunk.lines]
        growth += hunk.numbers[3] - hunk.numbers[1]
    return lines


def _side(prefix: bytes, path: bytes | None) -> bytes:
    if path is None:
        return NULL
    name = quoted(prefix + path)
    return name + b"\t" if b" " in name else name


def _hunk_heading(hunk: SentHunk, growth: int) -> bytes:
    """The new start follows from the old one, also where a hunk before was taken out by hand."""
    old_start, old_count, _, new_count = hunk.numbers
    new_start = old_start + growth + (old_count == 0) - (new_count == 0)
    return b"@@ -%d,%d +%d,%d @@%b" % (old_start, old_count, max(new_start, 0), new_count, hunk.heading)


# what no tree of ours may hold


def _refuse_modes(sent: SentFile) -> None:
    for mode in filter(None, [*sent.modes.values(), sent.mode]):
        if mode == SUBMODULE:
            raise Invalid(f"{sent.at}: this adds or changes a submodule; a patch may hold files only.")
        if mode not in MODES:
            raise Invalid(f"{sent.at}: the mode {mode} is none that git gives a file.")


def _refuse_short_ids(sent: SentFile) -> None:
    if {len(blob) for blob in sent.blobs} - FULL_LENGTHS:
        raise Invalid(
            f"{sent.at}: the binary patch lacks its full index line; use git format-patch or git diff --binary."
        )


def _refuse_link(sent: SentFile, named: Named) -> None:
    mode = sent.modes.get("new file mode") or sent.modes.get("new mode") or sent.mode
    if mode != LINK or named.new is None:
        return
    path = shown(named.new)
    if sent.binary:
        raise Invalid(f"{sent.at}: the symbolic link “{path}” comes as binary data and cannot be judged.")
    target = b"\n".join(line[1:] for hunk in sent.hunks for line in hunk.lines if line[:1] == b"+")
    if sent.hunks and link_leaves_tree(path, target):
        raise Invalid(f"{sent.at}: the symbolic link “{path}” points out of the tree, to “{shown(target)[:100]}”.")
