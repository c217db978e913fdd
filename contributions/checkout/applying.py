"""Puts one patch on one commit, in memory: from the blobs it was made from, at sure places, to the blobs it names.

A patch that names the blobs it was made from is applied to exactly those and merged into the commit if that has moved
on; what comes out is compared with the blobs that the patch says must come out. So a patch that was bruised on its way
is refused, never applied a little wrong.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from contributions.checkout.placing import Change, place, read_changes
from contributions.checkout.runner import GitFailed
from contributions.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contributions.checkout.bench import Bench

REGULAR, LINK, SUBMODULE = "100644", "120000", "160000"
DOES_NOT_FIT = 1  # what git apply and git merge-tree answer then
AT_ONCE = 200  # paths on one command line
SHORTEST_ID = 7  # git abbreviates no shorter by itself
LITERALLY = {"GIT_LITERAL_PATHSPECS": "1"}


@dataclass(frozen=True)
class PatchText:
    """One commit to be: `diff` in git's own form with a/ and b/; an author or a date of nothing is the committer's."""

    message: str
    author_name: str
    author_email: str
    authored_at: datetime | None
    diff: bytes


class Entry(NamedTuple):
    mode: str
    blob: str


class Applied:
    """One patch on one commit: from `tip` to `tree`."""

    def __init__(self, bench: Bench, tip: str, patch: PatchText, warnings: list[str]) -> None:
        self.bench = bench
        self.tip = tip
        self.patch = patch
        self.warnings = warnings
        self.changes = read_changes(patch.diff)
        self.entries = self._entries_at(tip)
        self.sources = self._sources()
        self._place_hunks()
        self.tree = self._tree()

    def commit(self, committer: tuple[str, str], at: datetime) -> str:
        env = _identities(self.patch, committer, at)
        message = self.patch.message.replace("\0", "").encode("utf-8", "replace") or b"(no message)\n"
        made = self.bench.git("commit-tree", self.tree, "-p", self.tip, stdin=message, env=env)
        return made.decode().strip()

    # what the patch was made from

    def _entries_at(self, commit: str) -> dict[bytes, Entry]:
        paths = [_argument(path) for path in sorted({path for change in self.changes for path in change.paths})]
        listed = b""
        for start in range(0, len(paths), AT_ONCE):
            some = paths[start : start + AT_ONCE]
            listed += self.bench.git("ls-tree", "-z", "--full-tree", commit, "--", *some, env=LITERALLY)
        rows = (row.partition(b"\t") for row in listed.split(b"\0") if row)
        return {path: Entry(facts.split()[0].decode(), facts.split()[2].decode()) for facts, _, path in rows}

    def _sources(self) -> dict[bytes, Entry]:
        """Where the tip has another blob than the patch was made from, or none, and the repository has it: that one.

        Not for copies and moves without change, which would carry a blob from elsewhere into the tree.
        """
        wanted = {change.old: change for change in self.changes if change.old and self._is_made_from_elsewhere(change)}
        found = self._full_ids([change.old_blob for change in wanted.values()])
        sources = {
            path: Entry(self.entries[path].mode if path in self.entries else REGULAR, found[change.old_blob])
            for path, change in wanted.items()
            if change.old_blob in found
        }
        for path in sorted(
            {change.old for change in self.changes if change.old} - self.entries.keys() - sources.keys()
        ):
            raise Invalid(f"“{_shown(path)}” is not in the release; the patch changes it.")
        return sources

    def _is_made_from_elsewhere(self, change: Change) -> bool:
        named = len(change.old_blob) >= SHORTEST_ID and change.hunks and not change.copies
        here = self.entries.get(change.old or b"")
        return bool(named) and (here is None or not here.blob.startswith(change.old_blob))

    def _full_ids(self, blobs: list[str]) -> dict[str, str]:
        if not blobs:
            return {}
        asked = "".join(f"{blob}\n" for blob in blobs).encode()
        answers = self.bench.git("cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=asked).splitlines()
        rows = zip(blobs, (answer.decode().split() for answer in answers), strict=True)
        return {blob: words[0] for blob, words in rows if words[1:] == ["blob"]}

    def _source(self, change: Change) -> Entry:
        return self.sources.get(change.old or b"") or self.entries[change.old or b""]

    def _is_from_source(self, change: Change) -> bool:
        """Whether the blob that the patch was made from is known and at hand."""
        named = len(change.old_blob) >= SHORTEST_ID
        return change.old is None or (named and self._source(change).blob.startswith(change.old_blob))

    # applying

    def _place_hunks(self) -> None:
        placed = [change for change in self.changes if change.old is not None and change.hunks]
        contents = self._contents([self._source(change).blob for change in placed])
        for change, content in zip(placed, contents, strict=True):
            trusted = not change.old_blob.strip("0") or self._is_from_source(change)
            if not trusted:
                self.warnings.append(f"“{change.name}” was made from a version that is not known here; its lines fit.")
            self.warnings += place(change, content, trusted=trusted)

    def _contents(self, blobs: list[str]) -> Iterator[bytes]:
        """The blobs' bytes in this order, fetched in one go."""
        answer = self.bench.git("cat-file", "--batch", stdin="".join(f"{blob}\n" for blob in blobs).encode())
        at = 0
        for _ in blobs:
            start = answer.index(b"\n", at) + 1
            size = int(answer[at:start].split()[2])
            yield answer[start : start + size]
            at = start + size + 1

    def _tree(self) -> str:
        before, after = self._before_and_after()
        self._check_results(before, after)
        if self.sources:
            after = self._merged(before, after)
        if after == self._git("rev-parse", f"{self.tip}^{{tree}}"):
            raise Invalid("The patch changes nothing in the release.")
        return after

    def _before_and_after(self) -> tuple[str, str]:
        """The tree that the patch was made from, as far as it is known, and the tree that it makes of it.

        If it was not made from the tip, they hold the files of the patch alone, as for `git am -3`: so a merge sees
        what the tip has moved to another name.
        """
        if self.sources:
            sides = {change.old: self._source(change) for change in self.changes if change.old}
            rows = (b"%b %b\t%b\0" % (e.mode.encode(), e.blob.encode(), path) for path, e in sides.items())
            self.bench.git("read-tree", "--empty")
            self.bench.git("update-index", "-z", "--index-info", stdin=b"".join(rows))
        else:
            self.bench.git("read-tree", self.tip)
        before = self._git("write-tree")
        self._apply()
        return before, self._git("write-tree")

    def _apply(self) -> None:
        options = ("--cached", "--whitespace=nowarn", "--unidiff-zero", "-")  # each hunk's place was found before
        try:
            self.bench.git("apply", *options, stdin=self.patch.diff)
        except GitFailed as failure:
            if failure.timed_out:
                raise
            raise _refusal(failure) from None

    def _merged(self, before: str, after: str) -> str:
        root = self._bare_commit(before)
        ours, theirs = self._bare_commit(f"{self.tip}^{{tree}}", root), self._bare_commit(after, root)
        try:
            said = self.bench.git("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", ours, theirs)
        except GitFailed as failure:
            if failure.code != DOES_NOT_FIT:
                raise
            files = sorted({_shown(name) for name in failure.stdout.split(b"\0")[1:] if name})
            names = ", ".join(files[:20])
            raise Invalid(
                f"The patch was made for other versions of these files and conflicts with the release: {names}."
            ) from None
        tree = said.split(b"\0")[0].decode().strip()
        if any(change.old and change.old not in self.entries for change in self.changes):
            self._check_landing(tree)
        return tree

    def _check_landing(self, tree: str) -> None:
        """Where the merge followed a file to another name, that name must be the only one with its content."""
        rows = (row.partition(b"\t") for row in self.bench.git("ls-tree", "-r", "-z", self.tip).split(b"\0") if row)
        blobs = {path: facts.split()[2] for facts, _, path in rows}
        counts = Counter(blobs.values())
        meant = {path for change in self.changes for path in change.paths}
        for path in sorted(dict(_changed_entries(self.bench, f"{self.tip}^{{tree}}", tree)).keys() - meant):
            if counts[blobs.get(path, b"")] != 1:
                raise Invalid(
                    f"The patch names a file that is not in the release; “{_shown(path)}” is one of several like it."
                )
            self.warnings.append(
                f"The patch names a file that is not in the release; its change went to “{_shown(path)}”."
            )

    def _bare_commit(self, tree: str, *parents: str) -> str:
        env = _identities(self.patch, _NOBODY, _EPOCH)
        options = [word for parent in parents for word in ("-p", parent)]
        return self.bench.git("commit-tree", tree, *options, env=env).decode().strip()

    def _git(self, *args: str) -> str:
        return self.bench.git(*args).decode().strip()

    # checking

    def _check_results(self, before: str, after: str) -> None:
        made = dict(_changed_entries(self.bench, before, after))
        meant = {path for change in self.changes for path in change.touched}
        for path in sorted(made.keys() ^ meant):  # git apply leaves out in silence what follows damaged binary data
            raise Invalid(
                f"“{_shown(path)}” is not changed as the patch says; the patch is damaged, or changes nothing there."
            )
        for path, entry in made.items():
            if entry:
                self._check_entry(path, entry)
        for change in self.changes:
            self._check_blob(change, made.get(change.new or b""))

    def _check_entry(self, path: bytes, entry: Entry) -> None:
        if entry.mode == SUBMODULE:
            raise Invalid(f"“{_shown(path)}” would be a submodule; a patch may hold files only.")
        if entry.mode == LINK:
            target = self.bench.git("cat-file", "blob", entry.blob)
            if _leaves_tree(path, target):
                raise Invalid(f"The symbolic link “{_shown(path)}” would point out of the tree.")

    def _check_blob(self, change: Change, entry: Entry | None) -> None:
        """A named result must come out, if we started from the named source."""
        if entry is None or not change.new_blob.strip("0") or not self._is_from_source(change):
            return
        if not entry.blob.startswith(change.new_blob):
            raise Invalid(
                f"“{change.name}” does not come out as the patch's index line says ({change.new_blob[:12]}): the patch "
                "was changed after git wrote it, as mail programs do with blanks, tabs, line ends and accents. "
                "Send the file that git format-patch wrote as an attachment, or take out the index line if you "
                "changed it on purpose."
            )


_NOBODY = ("nobody", "nobody@example.invalid")
_EPOCH = datetime.fromisoformat("1970-01-02T00:00:00+00:00")


def _changed_entries(bench: Bench, before: str, after: str) -> Iterator[tuple[bytes, Entry | None]]:
    """Every path that differs, and what it is afterwards; None if it is gone."""
    words = bench.git("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", before, after).split(b"\0")
    for facts, path in zip(words[::2], words[1::2], strict=False):
        _, mode, _, blob, _ = facts.decode().split(" ")
        yield path, Entry(mode, blob) if mode != "000000" else None


def _leaves_tree(path: bytes, target: bytes) -> bool:
    aim = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    return (
        not target
        or target.startswith(b"/")
        or aim.split(b"/")[0] in {b"..", b""}
        or b".git" in aim.lower().split(b"/")
    )


def _refusal(failure: GitFailed) -> Invalid:
    """The reason that git gives, without its word “error” and without any path of this machine."""
    reasons = re.findall(r"^error: (?!while searching)(.+)$", failure.stderr, re.MULTILINE)
    reason = (reasons or ["git cannot apply it."])[0].strip()[:300]
    return Invalid(f"The patch does not apply: {reason}")


def _identities(patch: PatchText, committer: tuple[str, str], at: datetime) -> dict[str, str]:
    name, email = _plain(patch.author_name), _plain(patch.author_email)
    if not name:
        name = email or committer[0]
    return {
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": email or committer[1],
        "GIT_AUTHOR_DATE": _stamp(patch.authored_at or at),
        "GIT_COMMITTER_NAME": committer[0],
        "GIT_COMMITTER_EMAIL": committer[1],
        "GIT_COMMITTER_DATE": _stamp(at),
    }


def _plain(text: str) -> str:
    """Without what git does not take in a name: brackets, line ends, and its list of dull characters at the ends."""
    return re.sub(r"[<>\x00-\x1f\x7f]", "", text).strip(" .,:;\"'\\").encode("utf-8", "replace").decode()


def _stamp(moment: datetime) -> str:
    return f"@{max(int(moment.timestamp()), 0)} {moment.strftime('%z')[:5] or '+0000'}"


def _shown(path: bytes) -> str:
    return path.decode("utf-8", "backslashreplace")


def _argument(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")
