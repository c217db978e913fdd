"""Finds the file changes in text as people send it: between notes, after a message, with any prefix, slightly bruised.

What is understood here is all that counts: the diff that is applied is written anew from it (see writing.py), so
git never reads a line that this room did not. What is not understood is refused by its line, never skipped, unless it
plainly is no part of a diff.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn

from contributions.errors import Invalid
from contributions.patches.binaries import read_binary
from contributions.patches.paths import unquoted
from contributions.patches.sent import SentFile, SentHunk

if TYPE_CHECKING:
    from contributions.patches.limits import Limits
    from contributions.patches.text import Text

HUNK = re.compile(rb"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@(.*)\Z", re.DOTALL)
INDEX = re.compile(rb"index ([0-9a-f]{4,64})\.\.([0-9a-f]{4,64})(?: (\d+))?\Z")
MODE = re.compile(rb"(old mode|new mode|deleted file mode|new file mode) (\d{1,12})\Z")
MOVE = re.compile(rb"(rename|copy) (from|to) (.+)\Z", re.DOTALL)
SIMILARITY = re.compile(rb"(?:dis)?similarity index \d{1,3}%\Z")
HEADER_LINE = re.compile(rb"(?:old mode|new mode|deleted file mode|new file mode) \d{6}\s*\Z|index [0-9a-f]{4,64}\.\.")
BELOW_DIFF = re.compile(
    rb"index |old mode |new (?:file )?mode |deleted file |similarity |dissimilarity |rename |copy |--- "
)
COLOURED = re.compile(rb"\x1b\[[0-9;]*m(?:diff --git|--- |@@ )")
REPLY = re.compile(rb"(?:> ?)+(?:diff --git |@@ -|--- a/)")
ED_COMMAND = re.compile(rb"\d+(?:,\d+)?(?:[acd]|[acd]\d+(?:,\d+)?)\Z")
BLANKS_LOST_AT_END = 3  # the context git gives; only so many blank lines can be lost at the end of a file


def starts_file(text: Text, index: int) -> bool:
    """Whether a file's change begins here, perhaps a damaged one."""
    line = text.lines[index]
    if line.startswith((b"diff --git ", b"diff --cc ", b"diff --combined ")):
        return True
    following = text.lines[index + 1] if index + 1 < len(text.lines) else b""
    return (line.startswith(b"--- ") and following.startswith(b"+++ ")) or (
        line.startswith(b"*** ") and following.startswith(b"--- ")
    )


def surely_starts_file(text: Text, index: int) -> bool:
    """Whether the lines that follow bear it out; a message may well begin a line with “diff --git” or “---”."""
    if not starts_file(text, index):
        return False
    line = text.lines[index]
    if line.startswith(b"diff "):
        return index + 1 < len(text.lines) and bool(BELOW_DIFF.match(text.lines[index + 1]))
    return index + 2 < len(text.lines) and text.lines[index + 2].startswith((b"@@ ", b"*****"))


def scan(text: Text, limits: Limits) -> list[SentFile]:
    """All file changes in `text`. Raises Invalid, naming the line, for whatever looks like a diff and is not whole."""
    return Scanner(text, limits).files()


class Scanner:
    """A cursor over the lines of one text."""

    def __init__(self, text: Text, limits: Limits) -> None:
        self.text = text
        self.lines = text.lines
        self.limits = limits
        self.index = 0

    def files(self) -> list[SentFile]:
        found: list[SentFile] = []
        while self.index < len(self.lines):
            if self.lines[self.index].startswith(b"diff --git "):
                found.append(self._git_file())
            elif starts_file(self.text, self.index):
                found.append(self._plain_file())
            else:
                self._pass_by()
            self.limits.check_files(len(found))
        return found

    def refuse(self, why: str, index: int | None = None) -> NoReturn:
        raise Invalid(f"{self.text.at(self.index if index is None else index)}: {why}")

    def _pass_by(self) -> None:
        """Go over one line between the changes; refuse what must have been part of one."""
        line = self.lines[self.index]
        if line[:1] in _SUSPECTS:
            self._refuse_debris(line)
        self.index += 1

    def _refuse_debris(self, line: bytes) -> None:
        if line.startswith(b"@@@ "):
            self.refuse("this is the combined diff of a merge; send each commit with git format-patch.")
        if line.startswith(b"@@ -"):
            self.refuse("a hunk stands here without the names of its file above it.")
        if line.startswith((b"Binary files ", b"Files ")) and line.endswith(b" differ"):
            self.refuse(
                "a binary file is only named, its content is missing; use git format-patch or git diff --binary."
            )
        if line.startswith(b"Only in ") and b": " in line:
            self.refuse("diff names a file that only one side has, without its content; use diff -ruN.")
        if line.startswith(b"GIT binary patch"):
            self.refuse("binary data stands here without the name of its file above it.")
        if line.startswith(b"Property changes on: "):
            self.refuse("changes of Subversion properties cannot be carried over; leave them out.")
        if HEADER_LINE.match(line):
            self.refuse("this line belongs below the “diff --git” line of a file, which is missing.")
        if COLOURED.match(line):
            self.refuse("the diff has colour codes; use git diff --no-color.")
        if REPLY.match(line):
            self.refuse("the diff is quoted as in a reply to a mail; send the original.")

    # one file

    def _git_file(self) -> SentFile:
        sent = SentFile(self.text.at(self.index), self.lines[self.index].rstrip(b"\r")[len(b"diff --git ") :])
        self.index += 1
        self._extended_header(sent)
        if self._at(b"--- "):
            self._names(sent)
        if self._at(b"GIT binary patch"):
            self.index, sent.binary = read_binary(self.text, self.index, self.limits)
        elif self._at(b"Binary files "):
            self._refuse_debris(self.lines[self.index].rstrip(b"\r"))
        else:
            self._hunks(sent)
        self._refuse_lost_modes(sent)
        self._refuse_empty(sent)
        return sent

    def _plain_file(self) -> SentFile:
        line = self.lines[self.index]
        if line.startswith(b"*** "):
            self.refuse("this is a context diff; use git format-patch or diff -u.")
        if line.startswith(b"diff --c"):
            self.refuse("this is the combined diff of a merge; send each commit with git format-patch.")
        sent = SentFile(self.text.at(self.index), None)
        self._names(sent)
        if not self._at(b"@@ "):
            self.refuse("the two names of a file are not followed by a hunk.")
        self._hunks(sent)
        return sent

    def _extended_header(self, sent: SentFile) -> None:
        while self.index < len(self.lines) and self._extended_line(sent, self.lines[self.index].rstrip(b"\r")):
            self.index += 1

    def _extended_line(self, sent: SentFile, line: bytes) -> bool:
        if found := MODE.match(line):
            sent.modes[found[1].decode()] = found[2].decode()
        elif found := MOVE.match(line):
            sent.verb = found[1].decode()
            setattr(sent, f"moved_{found[2].decode()}", unquoted(found[3]))
        elif found := INDEX.match(line):
            sent.blobs = (found[1].decode(), found[2].decode())
            sent.mode = (found[3] or b"").decode()
        else:
            return bool(SIMILARITY.match(line))
        return True

    def _names(self, sent: SentFile) -> None:
        sent.old = self.lines[self.index][4:].rstrip(b"\r")
        self.index += 1
        if not self._at(b"+++ "):
            self.refuse("the line with the new name of the file (“+++”) is missing.")
        sent.new = self.lines[self.index][4:].rstrip(b"\r")
        self.index += 1

    def _at(self, mark: bytes) -> bool:
        return self.index < len(self.lines) and self.lines[self.index].startswith(mark)

    def _refuse_lost_modes(self, sent: SentFile) -> None:
        """A change of mode is written on two lines, and only then does the index line not name the mode."""
        pair = {"old mode", "new mode"} & sent.modes.keys()
        unsaid = sent.hunks and sent.blobs[0] and not sent.mode and not sent.modes
        if len(pair) == 1 or unsaid:
            raise Invalid(f"{sent.at}: a line about the mode of this file was lost.")

    def _refuse_empty(self, sent: SentFile) -> None:
        if sent.hunks or sent.binary or sent.modes or (sent.moved_from and sent.moved_to):
            return
        raise Invalid(
            f"{sent.at}: the change of this file says nothing that could be applied; "
            "the patch was cut short or its lines were wrapped on the way."
        )

    # hunks

    def _hunks(self, sent: SentFile) -> None:
        while self._at(b"@@"):
            sent.hunks.append(self._hunk())
        if sent.hunks:
            self._refuse_surplus()
            self._refuse_cut_line(sent)

    def _refuse_cut_line(self, sent: SentFile) -> None:
        """A changed last line without its newline may be half a line; only the file's blob id could tell."""
        cut = self.text.ends_open and self.index == len(self.lines) and self.lines[-1][:1] in (b"+", b"-")
        if cut and not sent.blobs[1].strip("0"):
            self.refuse("the patch ends within this line; it was cut short.", self.index - 1)

    def _hunk(self) -> SentHunk:
        found = HUNK.match(self.lines[self.index].rstrip(b"\r"))
        if not found:
            if self._at(b"@@@"):
                self._refuse_debris(self.lines[self.index])
            self.refuse("this is not the heading of a hunk (“@@ -1,3 +1,4 @@”).")
        start = self.index
        numbers = [1 if number is None else int(number) for number in found.groups()[:4]]
        self.index += 1
        lines = self._hunk_lines(numbers[1], numbers[3], start)
        old_start, old_count, new_start, new_count = numbers
        return SentHunk((old_start, old_count, new_start, new_count), found[5], lines, self.text.at(start))

    def _hunk_lines(self, old: int, new: int, start: int) -> list[bytes]:
        """Take lines until the announced counts are used up; `start` is the index of the heading."""
        taken: list[bytes] = []
        lines, index, count = self.lines, self.index, len(self.lines)
        while (old > 0 or new > 0) and index < count:
            line = lines[index]
            kind = line[:1]
            if kind in (b" ", b"", b"\r") and old and new:
                line = line if kind == b" " else b" " + line
                old -= 1
                new -= 1
            elif kind == b"+" and new:
                new -= 1
            elif kind == b"-" and old:
                old -= 1
            elif kind != b"\\" or not taken:
                break
            taken.append(line)
            index += 1
        self.index = index
        if old or new:
            taken += self._lost_blanks(old, new, start)
        if self._at(b"\\"):
            taken.append(lines[self.index])
            self.index += 1
        return taken

    def _lost_blanks(self, old: int, new: int, start: int) -> list[bytes]:
        """A blank last line of context is easily lost with the end of a file; whether it was blank git will see."""
        at_end = self.index >= len(self.lines) or self.lines[self.index] in (b"-- ", b"--")
        if at_end and old == new and old <= BLANKS_LOST_AT_END:
            return [b" "] * old
        if self.index >= len(self.lines):
            self.refuse("the patch ends in the middle of this hunk; it was cut short.", start)
        return self.refuse(
            f"this line cannot belong to the hunk that begins in line {self.text.first + start}, which still lacks "
            f"{old} old and {new} new lines; lines were wrapped, changed or lost on the way."
        )

    def _refuse_surplus(self) -> None:
        """Lines after a whole hunk that still look like its own would be dropped in silence by git."""
        if self.index >= len(self.lines):
            return
        line = self.lines[self.index]
        if line.rstrip(b"\r") in (b"--", b"-- ") or starts_file(self.text, self.index) or not line.strip():
            return
        if line[:1] in (b"+", b"-", b" ", b"\\", b"\t"):
            self.refuse("the hunk above has more lines than its heading announces.")


_SUSPECTS = {b"@", b"B", b"F", b"O", b"G", b"P", b"\x1b", b">", b"o", b"n", b"d", b"i"}


def refuse_other_diffs(text: Text) -> NoReturn:
    """Say why `text`, which holds no change that could be read, is refused."""
    for index, line in enumerate(text.lines):
        if line.startswith(b"Index: "):
            raise Invalid(f"{text.at(index)}: the file is only named by “Index:”; use diff -u or git diff.")
        if ED_COMMAND.match(line.rstrip(b"\r")):
            raise Invalid(
                f"{text.at(index)}: this looks like diff without context or an ed script; use diff -u or git diff."
            )
        if b"{+" in line or b"[-" in line:
            raise Invalid(f"{text.at(index)}: this looks like a word diff; use git diff without --word-diff.")
    raise Invalid("This is not a patch: no line begins a change (“diff --git” or “---” and “+++”).")
