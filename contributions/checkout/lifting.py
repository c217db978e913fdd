"""A fork's patches made into commits that stand on a release, each as small as it can be told.

A patch whose files are in the release as the fork had them is laid there as it is; where they differ it is merged.
What does not merge stands on earlier patches of the fork: it keeps a base of its own, the release with its files (and
no others) as the fork had them, so that no merge ever starts from the wrong text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Self

from contributions.checkout.bench import Bench
from contributions.checkout.bundles import write_bundle
from contributions.checkout.lineage import SUBMODULE, Change, files_in
from contributions.checkout.merging import Merger
from contributions.checkout.runner import Fence, git

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from contributions.checkout.lineage import Own
    from contributions.checkout.unmasking import Logical

MOST_COMMITS, MOST_FILES = 50, 5000  # what a contribution may have, as in receipt.Limits
PORTAL = b"Patchbay <patchbay@example.invalid>"
BASE = b"The files of this change as the fork had them before it.\n"
RAW_DATE = re.compile(r"\d{1,10} [+-]\d{4}")
REF = "refs/lifted/"
IMPORT = ("fast-import", "--quiet", "--done", "--force", "--date-format=raw-permissive")
Entry = tuple[str, str]
Files = dict[bytes, Entry | None]


@dataclass(frozen=True)
class Step:
    """One commit to make: whose it is and what it sets; None takes a file away."""

    own: Own
    message: str
    files: Mapping[bytes, Entry | None] = field(repr=False)


@dataclass(frozen=True)
class Plan:
    """How a patch is to stand: `base` names the files that the release has otherwise; empty, it stands alone."""

    patch: Logical
    steps: tuple[Step, ...]
    base: Mapping[bytes, Entry | None] = field(default_factory=dict)
    is_settled: bool = False  # its files are as a merge of the fork settled them with upstream's

    @property
    def stands_alone(self) -> bool:
        return not self.base

    @property
    def changes_nothing(self) -> bool:
        return not any(step.files for step in self.steps)


@dataclass(frozen=True)
class Lifted:
    base: str
    tip: str


class Ground:
    """A release (or any commit) of `repo`, and how patches are laid on it; gone after the block.

    `settled` are files that one patch of a fork alone touches, as they are at the end of a fork that has the release.
    """

    def __init__(self, repo: Path, release: str, settled: Files | None = None) -> None:
        self.repo, self.release, self.settled = repo, release, settled or {}
        self.files = files_in(repo, release)
        self._bench = Bench(repo)
        self._merger = Merger(self._bench)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._merger.__exit__(kind, error, trace)
        self._bench.__exit__(kind, error, trace)

    def plan(self, patch: Logical) -> Plan | None:
        """How it stands on the release; None for a patch of several commits that cannot be told without others'."""
        steps = self._trivial(patch, {})
        if steps is None:
            steps = self._merged(patch)
        if steps is not None:
            return Plan(patch, steps)
        if len(patch.groups) == 1 and patch.paths <= self.settled.keys():
            now = {path: self.settled[path] for path in patch.paths}
            return Plan(patch, (self._step(patch.groups[0], {}, now),), is_settled=True)
        base = self._before(patch)
        steps = self._trivial(patch, base)
        return None if steps is None else Plan(patch, steps, base)

    def plan_rest(self, patch: Logical) -> Plan:
        """How a patch stands that may not be merged: on its files as it found them."""
        changes = patch.groups[0][0].changes
        base = {path: change.old for path, change in changes.items() if change.old != self.files.get(path)}
        return Plan(patch, (Step(patch.groups[0][0], _message(patch.groups[0]), _after(changes)),), base)

    def has(self, patch: Logical) -> bool:
        """Whether laying the patch on it changes nothing."""
        steps = self._trivial(patch, {})
        if steps is not None:
            return not any(step.files for step in steps)
        here = self._bench.tree_of(self.release)
        for commit in patch.commits:
            merge = self._merger.merge(commit.before, commit.id, here)
            if not merge.is_clean:
                return False
            here = merge.tree
        return here == self._bench.tree_of(self.release)

    def _trivial(self, patch: Logical, base: Files) -> tuple[Step, ...] | None:
        """Every file is as the commit found it, or as it left it: no merge is needed."""
        now: Files = dict(base)
        steps = []
        for group in patch.groups:
            before = dict(now)
            for commit in group:
                for path, change in commit.changes.items():
                    here = self._at(path, now)
                    if here not in (change.old, change.new):
                        return None
                    now[path] = change.new
            steps.append(self._step(group, before, now))
        return tuple(steps)

    def _at(self, path: bytes, now: Files) -> Entry | None:
        return now[path] if path in now else self.files.get(path)

    def _step(self, group: Sequence[Own], before: Files, now: Files) -> Step:
        files = {path: entry for path, entry in now.items() if entry != self._at(path, before)}
        return Step(group[0], _message(group), files)

    def _before(self, patch: Logical) -> Files:
        """Its files as its first commit that touches each found them, where the release has them otherwise."""
        found: Files = {}
        for commit in patch.commits:
            for path, change in commit.changes.items():
                found.setdefault(path, change.old)
        return {path: entry for path, entry in found.items() if entry != self.files.get(path)}

    def _merged(self, patch: Logical) -> tuple[Step, ...] | None:
        """Each commit merged onto the release; None as soon as one does not merge."""
        steps = []
        now: Files = {}
        here = self.release
        for group in patch.groups:
            before = dict(now)
            for commit in group:
                merge = self._merger.merge(commit.before, commit.id, here)
                if not merge.is_clean:
                    return None
                now |= _set_by(self._bench, here, merge.tree)
                here = merge.tree
            steps.append(self._step(group, before, now))
        self._bench.adopt()
        return tuple(steps)

    def lift(self, plans: Sequence[Plan]) -> list[Lifted]:
        """Make the commits of all the plans, in one call of git; the same fork gives the same ids."""
        stream = _Stream(self.release)
        based = [stream.add(number, plan) for number, plan in enumerate(plans)]
        stream.end()
        git(self.repo, *IMPORT, input=stream.content, timeout=300, fence=Fence())
        ids = _lifted_refs(self.repo)
        return [
            Lifted(ids[f"{number}/base"] if has_base else self.release, ids[f"{number}/tip"])
            for number, has_base in enumerate(based)
        ]

    def bundle(self, lifted: Lifted) -> bytes:
        return write_bundle(self.repo, self.release, lifted.tip)


def _after(changes: Mapping[bytes, Change]) -> Files:
    return {path: change.new for path, change in changes.items()}


def _set_by(bench: Bench, before: str, after: str) -> Files:
    listed = bench.git("diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", f"{before}^{{tree}}", after)
    words = listed.split(b"\0")
    found: Files = {}
    for raw, path in zip(words[0::2], words[1::2], strict=False):
        old_mode, new_mode, old_blob, new_blob = raw[1:].decode().split(" ")[:4]
        found[path] = Change(old_mode, old_blob, new_mode, new_blob).new
    return found


def _message(group: Sequence[Own]) -> str:
    """The first one's words; what a squash! says beside its subject is kept as well."""
    said = [commit.body for commit in group[1:] if commit.subject.startswith("squash! ") and commit.body]
    return "\n\n".join([group[0].message.strip(), *said]) + "\n"


def _lifted_refs(repo: Path) -> dict[str, str]:
    listed = git(repo, "for-each-ref", "--format=%(refname) %(objectname)", REF).decode().splitlines()
    return dict(line.removeprefix(REF).rsplit(" ", 1) for line in listed)


class _Words(NamedTuple):
    author: bytes
    when: bytes
    message: bytes


class _Stream:
    """What `git fast-import` reads."""

    def __init__(self, release: str) -> None:
        self.release = release
        self.content = b""
        self._parts: list[bytes] = []
        self._last = 0

    def add(self, number: int, plan: Plan) -> bool:
        """Write one plan; tells whether it has a base of its own."""
        here = self.release.encode()
        if plan.base:
            when = _when(plan.steps[0].own)
            words = _Words(PORTAL, when, BASE)
            here = self._commit(f"{REF}{number}/base", words, here, plan.base)
        for step in plan.steps:
            if step.files:
                words = _Words(_who(step.own), _when(step.own), step.message.encode())
                here = self._commit(f"{REF}{number}/tip", words, here, step.files)
        return bool(plan.base)

    def end(self) -> None:
        self.content = b"".join([*self._parts, b"done\n"])

    def _commit(self, ref: str, words: _Words, parent: bytes, files: Mapping[bytes, Entry | None]) -> bytes:
        self._last += 1
        when, message = words.when, words.message
        mark = b":%d" % self._last
        self._parts += [
            b"commit %s\nmark %s\n" % (ref.encode(), mark),
            b"author %s %s\ncommitter %s %s\n" % (words.author, when, PORTAL, when),
            b"data %d\n%s\n" % (len(message), message),
            b"from %s\n" % parent,
            *_lines(files),
            b"\n",
        ]
        return mark


def _lines(files: Mapping[bytes, Entry | None]) -> Iterator[bytes]:
    """What goes first, so that a folder may come where a file was."""
    for path, entry in sorted(files.items(), key=lambda item: (item[1] is not None, item[0])):
        if entry is None:
            yield b"D %s\n" % _quoted(path)
        else:
            yield b"M %s %s %s\n" % (entry[0].encode(), entry[1].encode(), _quoted(path))


def _quoted(path: bytes) -> bytes:
    return b'"' + path.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'


def _who(own: Own) -> bytes:
    """Git takes no author without a name."""
    name, mail = (re.sub(r"[<>\n\x00]", "", word).strip() for word in (own.author_name, own.author_email))
    return f"{name or mail or 'Nobody'} <{mail}>".encode()


def _when(own: Own) -> bytes:
    return own.authored.encode() if RAW_DATE.fullmatch(own.authored) else b"0 +0000"


def fault_of(plan: Plan) -> str:
    """Why such a patch cannot become a contribution, in a sentence; empty when nothing stands against it."""
    if len(plan.steps) > MOST_COMMITS:
        return f"It has {len(plan.steps)} commits; a contribution may have {MOST_COMMITS}."
    for step in plan.steps:
        if len(step.files) > MOST_FILES:
            return f"It changes {len(step.files):,} files; a contribution may change {MOST_FILES:,}."
        for path, entry in step.files.items():
            name = path.decode("utf-8", "replace")
            if entry and entry[0] == SUBMODULE:
                return f"It brings the submodule {name}; a contribution brings its own files only."
            if not name.isprintable() or "\\" in name or "\ufffd" in name:
                return "It has a file name that the portal does not take."
    return ""
