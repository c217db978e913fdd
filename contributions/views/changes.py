"""The changes of a revision: its commits, the tree of its files, and the files, which load as they are reached."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from contributions.actions.viewing import mark_viewed
from contributions.errors import Invalid, Missing
from contributions.keeping import kept
from contributions.markup import reveal_code
from contributions.models import Person, Revision, Viewed
from contributions.patches import sides
from contributions.patches.pictures import picture_in

from .contribution import chosen_revision, find, framed
from .diffs import anchor_of
from .entering import person_of, verb
from .expanding import RANGE, Layout, ranges_in, rows_between
from .files import GUARD
from .line_threads import RevisionNotes
from .numbers import natural
from .showing import LISTED, SPACES, VIEWS, Manner, listed_files, parsed_file, room_for, shown_files, surroundings
from .trees import Leading, tree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest

    from contributions.models import Contribution

    from .showing import ShownFile

LONG = ("files", "commits", "fingerprints")
PARTS = ("", "file", "gap", "files")  # what of the page is wanted; nothing for the whole
PICTURE_HEADERS = {
    "Content-Security-Policy": GUARD,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Disposition": "inline",
    "Cache-Control": "private, max-age=3600",
}


@dataclass(frozen=True)
class Asked:
    """What the address asks for."""

    view: str
    space: str
    only: int | None
    start: int
    under: str
    part: str
    context: str
    gap: str

    @classmethod
    def of(cls, request: HttpRequest) -> Asked:
        view, space, part = (_one_of(request, *each) for each in (("view", VIEWS), ("space", SPACES), ("part", PARTS)))
        only, start = natural(request, "file"), natural(request, "from") or 0
        under, context, gap = (request.GET.get(name, "") for name in ("under", "context", "gap"))
        return cls(view, space, only, start, under, part, context, gap)


def _one_of(request: HttpRequest, name: str, words: Sequence[str]) -> str:
    word = request.GET.get(name, words[0])
    if word not in words:
        raise Invalid(f"The {name} is {' or '.join(filter(None, words))}.")
    return word


@dataclass(frozen=True)
class Reading:
    """A revision as it is asked for."""

    revision: Revision
    asked: Asked
    person: Any
    notes: RevisionNotes

    @classmethod
    def of(cls, request: HttpRequest, contribution: Contribution, revision: Revision) -> Reading:
        address = f"{reverse('contribution-changes', args=[contribution.pk])}?revision={revision.number}"
        notes = RevisionNotes(request, contribution, revision, address)
        return cls(revision, Asked.of(request), request.user, notes)

    @cached_property
    def viewed(self) -> frozenset[str] | None:
        person = self.person
        return Viewed.objects.paths(self.revision, person) if isinstance(person, Person) else None

    @cached_property
    def manner(self) -> Manner:
        revision, number = self.revision, self.revision.contribution_id
        return Manner(
            self.notes.address,
            self.asked.view,
            self.asked.space,
            self.notes,
            sides=revision.sides,
            wanted=ranges_in(self.asked.context),
            pictures=lambda index, which: reverse("revision-picture", args=[number, revision.number, index, which]),
            viewed=self.viewed,
        )

    @cached_property
    def indexes(self) -> Sequence[int]:
        """The files that are below the asked folder."""
        files, under = self.revision.files, self.asked.under
        return (
            [at for at, known in enumerate(files) if str(known["path"]).startswith(under)]
            if under
            else range(len(files))
        )

    @cached_property
    def files(self) -> list[ShownFile]:
        asked, revision = self.asked, self.revision
        assert revision.diff is not None  # noqa: S101 - whoever makes a Reading looked
        if asked.only is not None:
            return shown_files(revision.diff, revision.files, self.manner, only=asked.only, start=asked.start)
        return listed_files(
            revision.diff, revision.files, self.manner, self.indexes[asked.start : asked.start + LISTED]
        )

    @property
    def further(self) -> str:
        """The address of the files after these."""
        beyond = self.asked.start + LISTED
        is_more = self.asked.only is None and beyond < len(self.indexes)
        return self.link(**{"from": beyond}) if is_more else ""

    @property
    def room(self) -> int:
        """Pixels to keep free for the files after these, so that nothing moves when they come."""
        return room_for(self.revision.files[index] for index in self.indexes[self.asked.start + LISTED :])

    @property
    def earlier(self) -> str:
        before = max(0, self.asked.start - LISTED)
        return self.link(**{"from": before}) if self.asked.only is None and self.asked.start else ""

    def link(self, **more: Any) -> str:
        under = {"under": self.asked.under} if self.asked.under else {}
        return self.manner.link(**under, **more)

    @property
    def all_link(self) -> str:
        """The address of the page of all files."""
        return self.manner.link()

    @cached_property
    def folder_link(self) -> str:
        """The address, but for its path, of the page that tells who else touches a file."""
        return f"{self.notes.contribution.component.get_absolute_url()}files/"

    @property
    def viewed_link(self) -> str:
        """Where a mark is sent to, with how the page is shown."""
        query = self.link().partition("?")[2]
        return f"{reverse('contribution-viewed', args=[self.revision.contribution_id])}?{query}"

    def tree(self) -> str:
        """The tree of all files; those that are not on this page are links to the page that they are on."""
        places = {index: at for at, index in enumerate(self.indexes)}
        here = range(self.asked.start, self.asked.start + LISTED) if self.asked.only is None else range(0)

        def to_file(index: int) -> str:
            at, anchor = places[index], anchor_of(str(self.revision.files[index]["path"]))
            return f"#{anchor}" if at in here else f"{self.link(**{'from': at - at % LISTED})}#{anchor}"

        def to_folder(path: str) -> str:
            return self.manner.link(under=path)

        return tree(self.revision.files, self.indexes, Leading(to_file, to_folder, self.viewed or frozenset()))

    def viewed_count(self) -> int:
        """How many of the files carry a mark."""
        seen = self.viewed or frozenset()
        return sum(1 for known in self.revision.files if known["path"] in seen) if seen else 0

    def context(self) -> dict[str, Any]:
        """What the page and its parts show of the files."""
        return {
            "reading": self,
            "revision": self.revision,
            "number": self.revision.contribution_id,
            "files": self.files,
            "only": self.asked.only,
            "view": self.asked.view,
            "space": self.asked.space,
            "file_count": len(self.revision.files),
        }


@require_safe
@kept
def changes(request: HttpRequest, number: int) -> HttpResponse:
    contribution = find(request, number)
    revision = chosen_revision(request, contribution)
    if revision is None or revision.diff is None:
        context: dict[str, Any] = {"revision": revision}
        return render(request, "contribution/changes.html", framed(request, contribution, "changes", **context))
    reading = Reading.of(request, contribution, revision)
    if reading.asked.part == "gap":
        return HttpResponse(_between(reading))
    if reading.asked.part:
        return render(request, "contribution/_files.html", reading.context())
    return render(request, "contribution/changes.html", framed(request, contribution, "changes", **_whole(reading)))


def _whole(reading: Reading) -> dict[str, Any]:
    revision = reading.revision
    received = Revision.objects.filter(contribution=revision.contribution_id, state=Revision.State.RECEIVED)
    return reading.context() | {
        "revisions": received.order_by("-number").only("number", "contribution_id"),
        "commits": [_commit(commit) for commit in revision.commits],
        "tree": reading.tree() if reading.asked.only is None else "",
        "viewed_count": reading.viewed_count(),
        "under": reading.asked.under,
        "lost": reading.notes.lost,
    }


def _between(reading: Reading) -> str:
    """The rows of hidden lines that somebody opens."""
    asked, revision = reading.asked, reading.revision
    span = RANGE.fullmatch(asked.gap)
    if span is None or asked.only is None or asked.only >= len(revision.files):
        raise Invalid("The gap is the hidden lines of a file, such as 100-119.")
    known = revision.files[asked.only]
    assert revision.diff is not None  # noqa: S101 - changes() looked
    around = surroundings(known, asked.only, reading.manner)
    with revision.diff.open() as content:
        parsed = parsed_file(content, known)
    if around is None or parsed is None:
        raise Missing("What stands around this change was not kept.")
    path = str(known["path"])
    notes = reading.manner.notes(path) if reading.manner.notes else None
    layout = Layout(anchor_of(path), path, asked.view, notes)
    return rows_between(parsed.hunks, (int(span[1]), int(span[2])), layout, around)


def _commit(known: dict[str, Any]) -> dict[str, str]:
    return {
        name: reveal_code(str(known.get(name) or "")) for name in ("sha", "subject", "body", "author", "authored_at")
    }


@require_safe
def revision_picture(request: HttpRequest, number: str, revision: str, index: str, which: str) -> HttpResponse:
    """A picture of a change: only what its bytes say is one, and never a page of this site."""
    revisions = find(request, int(number)).revisions.select_related("sides").defer(*LONG)
    found = revisions.filter(number=int(revision)).first()
    content = None
    if found is not None and found.sides is not None:
        with found.sides.open() as stream:
            content = sides.read(stream, int(index), "old" if which == "old" else "new")
    shown = picture_in(content) if content else None
    if content is None or shown is None:
        raise Missing("There is no such picture.")
    return HttpResponse(content, content_type=shown.kind, headers=PICTURE_HEADERS)


@verb("contribution-changes")
def viewed(request: HttpRequest, number: int) -> HttpResponse:
    """Mark a file, or take the mark back; a script gets the file and the count again, a form its page."""
    contribution = find(request, number)
    revision, index = _named_file(request, contribution)
    is_viewed = request.POST.get("viewed", "1") == "1"
    mark_viewed(person=person_of(request), revision=revision, index=index, viewed=is_viewed)
    reading = Reading.of(request, contribution, revision)
    if not request.headers.get("HX-Request"):
        at = reading.indexes.index(index) if index in reading.indexes else 0
        anchor = anchor_of(str(revision.files[index]["path"]))
        return redirect(f"{reading.link(**{'from': at - at % LISTED})}#{anchor}")
    assert revision.diff is not None  # noqa: S101 - _named_file looked
    files = listed_files(revision.diff, revision.files, reading.manner, [index])
    context = reading.context() | {"files": files, "viewed_count": reading.viewed_count(), "marked": True, "only": None}
    return render(request, "contribution/_files.html", context)


def _named_file(request: HttpRequest, contribution: Contribution) -> tuple[Revision, int]:
    numbers = [request.POST.get(name, "") for name in ("revision", "file")]
    if not all(word.isascii() and word.isdigit() and len(word) < 9 for word in numbers):  # noqa: PLR2004 - as above
        raise Invalid("Name the revision and the file by their numbers.")
    revisions = contribution.revisions.select_related("diff", "sides")
    found: Revision | None = revisions.filter(number=int(numbers[0]), diff__isnull=False).first()
    if found is None:
        raise Missing("This contribution has no patch of that number.")
    return found, int(numbers[1])
