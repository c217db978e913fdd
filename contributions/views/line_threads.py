"""Threads on lines as pages show them: below the lines they are about, or at the head of their file."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from contributions import anchoring
from contributions.models import LineComment
from contributions.models.whereabouts import Stand, file_named, said_of, stands

from .diffs import EMPTY, anchor_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.http import HttpRequest

    from contributions.models import Contribution, Revision

KINDS = {"+": "added", "-": "removed", " ": "context"}
MOST_SHOWN = 2000  # remarks on one page
SIDES = {LineComment.Side.OLD: "L", LineComment.Side.NEW: "R"}


@dataclass(frozen=True)
class Rights:
    """What somebody may do on the threads of a contribution, asked once."""

    person: Any
    may_answer: bool
    may_resolve_all: bool
    may_take: bool

    @classmethod
    def of(cls, person: Any, contribution: Contribution) -> Rights:
        may_answer = contribution.may_be_discussed_by(person)
        keeps = contribution.is_by(person) or (may_answer and person.is_staff)
        keeps = keeps or contribution.component.is_maintained_by(person)
        return cls(person, may_answer, may_answer and keeps, contribution.may_be_revised_by(person))


@dataclass(frozen=True)
class Said:
    """One remark or answer, with what the reader may do to it."""

    remark: LineComment
    may_edit: bool
    may_remove: bool

    @property
    def suggested(self) -> list[tuple[str, str, str]]:
        """The suggestion as a small diff: of each line its sign, its kind and its text."""
        old, new = self.remark.quoted.split("\n"), anchoring.lines_in(self.remark.suggestion)
        rows: list[tuple[str, str]] = []
        for kind, first, last, start, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            if kind == "equal":
                rows += [(" ", line) for line in old[first:last]]
            else:
                rows += [("-", line) for line in old[first:last]] + [("+", line) for line in new[start:end]]
        return [(sign, KINDS[sign], line) for sign, line in rows]


@dataclass
class Thread:
    """A remark with its answers; `stand` is where it stands in the revision that is shown."""

    root: LineComment
    rights: Rights
    stand: Stand | None = None
    answers: list[Said] = field(default_factory=list)

    @cached_property
    def said(self) -> list[Said]:
        return [said(self.root, self.rights), *self.answers]

    @property
    def may_resolve(self) -> bool:
        mine = self.rights.may_answer and self.root.author_id == self.rights.person.pk
        return not self.root.is_draft and (mine or self.rights.may_resolve_all)

    @property
    def may_take(self) -> bool:
        return self.rights.may_take and self.is_open_suggestion

    @property
    def is_open_suggestion(self) -> bool:
        root = self.root
        return root.suggests and not root.is_draft and not root.is_taken and root.removed_at is None

    @property
    def is_outdated(self) -> bool:
        return self.stand is not None and (self.stand.is_outdated or self.stand.index is None)

    @property
    def lines(self) -> str:
        """Where it stands now, in words."""
        if not self.root.start:
            return "the whole file"
        stand = self.stand
        start, end = (stand.start, stand.end) if stand and stand.start else (self.root.start, self.root.end)
        side = "" if self.root.side == LineComment.Side.NEW else " before the change"
        return (f"line {start}" if start == end else f"lines {start} to {end}") + side

    @property
    def anchor(self) -> str:
        """The place of its last line on a page of changes."""
        place, line = anchor_of(self.root.path), self.stand.end if self.stand else 0
        return f"{place}{SIDES[LineComment.Side(self.root.side)]}{line}" if line else place

    @property
    def quoted(self) -> list[tuple[int, str]]:
        """The lines that it is about, as they stood, with their numbers then."""
        return list(enumerate(self.root.quoted.split("\n"), self.root.start)) if self.root.start else []


def said(remark: LineComment, rights: Rights) -> Said:
    person = rights.person
    return Said(remark, remark.may_be_edited_by(person), remark.may_be_removed_by(person))


def gathered(remarks: Iterable[LineComment], contribution: Contribution, person: Any) -> list[Thread]:
    """Threads of these remarks, oldest first; a remark whose thread is not among them is left out."""
    rights, found = Rights.of(person, contribution), {}
    for remark in remarks:
        remark.contribution = contribution
        if remark.parent_id is None:
            found[remark.pk] = Thread(remark, rights)
        elif remark.parent_id in found:
            found[remark.parent_id].answers.append(said(remark, rights))
    return list(found.values())


def threads_of(contribution: Contribution, person: Any) -> list[Thread]:
    """All threads of a contribution that the person may read, in one query."""
    remarks = contribution.line_comments.visible_to(person).with_names().order_by("pk")
    return gathered(remarks[:MOST_SHOWN], contribution, person)


class RevisionNotes:
    """What was said of a revision's files; called with a path it gives what was said of that file."""

    def __init__(self, request: HttpRequest, contribution: Contribution, revision: Revision, address: str) -> None:
        self.request, self.contribution, self.revision, self.address = request, contribution, revision, address

    @cached_property
    def threads(self) -> dict[int | None, list[Thread]]:
        """By the number of the file that they stand in; by None those whose file the revision has not."""
        all_threads = threads_of(self.contribution, self.request.user)
        if not all_threads:
            return {}
        found = stands([thread.root for thread in all_threads], self.revision, only=())
        by_file: dict[int | None, list[Thread]] = defaultdict(list)
        for thread in all_threads:
            thread.stand = found[thread.root.pk]
            by_file[thread.stand.index].append(thread)
        return by_file

    @cached_property
    def said(self) -> dict[int, Revision]:
        """The revisions that the threads were made on, read once for all files."""
        return said_of(thread.root for threads in self.threads.values() for thread in threads)

    @cached_property
    def csrf_token(self) -> str:
        return get_token(self.request) if self.request.user.is_authenticated else ""

    def __call__(self, path: str) -> FileNotes:
        if not self.threads:
            return FileNotes(self, path, ())
        index = file_named(self.revision, path)
        threads = self.threads.get(index, [])
        if index is not None and threads:
            found = stands([thread.root for thread in threads], self.revision, (index,), self.said)
            for thread in threads:
                thread.stand = found[thread.root.pk]
        return FileNotes(self, path, threads)

    def html(self, template: str, **context: Any) -> SafeString:
        given = {"csrf_token": self.csrf_token, "contribution": self.contribution, "next": self.address}
        given |= {"revision": self.revision, "user": self.request.user}
        return mark_safe(render_to_string(template, given | context))  # noqa: S308 - a template's own

    @property
    def lost(self) -> SafeString:
        """Those that have no place in this revision any more."""
        threads = self.threads.get(None, [])
        return self.html("remarks/_lost.html", threads=threads) if threads else EMPTY


class FileNotes:
    """What was said of one file: each thread once, below the last of its lines."""

    def __init__(self, notes: RevisionNotes, path: str, threads: Sequence[Thread]) -> None:
        self._notes, self._path = notes, path
        self._below: dict[tuple[str, int], list[Thread]] = defaultdict(list)
        self._above: list[Thread] = []
        for thread in threads:
            if thread.stand and thread.stand.end:
                self._below[SIDES[LineComment.Side(thread.root.side)], thread.stand.end].append(thread)
            else:
                self._above.append(thread)

    def after(self, side: str, number: int) -> SafeString:
        threads = self._below.pop((side, number), [])
        return self._notes.html("remarks/_threads.html", threads=threads) if threads else EMPTY

    def mark(self, side: str, number: int) -> SafeString:
        del side, number
        return EMPTY

    @property
    def head(self) -> SafeString:
        """What stands above the lines, once they are shown: of the whole file, outdated, or on lines that are not."""
        hidden = [thread for threads in self._below.values() for thread in threads]
        may_remark = self._notes.contribution.may_be_discussed_by(self._notes.request.user)
        if not self._above and not hidden and not may_remark:
            return EMPTY
        shown = [thread for thread in self._above if not thread.is_outdated]
        outdated = [thread for thread in self._above if thread.is_outdated]
        given = {"path": self._path, "shown": shown, "outdated": outdated, "hidden": hidden}
        return self._notes.html("remarks/_head.html", may_remark=may_remark, **given)
