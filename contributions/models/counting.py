"""Counting what speaks for and against contributions: the rows of many of them, read by a fixed number of queries."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from django.db.models import Count, F, Max
from django.utils import timezone

from contributions.ranking import Evidence, Voice, activity

from .baseline import RED, Word, compared
from .build import Build
from .carrying import Carry
from .event import Event
from .fit import Fit
from .person import Membership
from .porting import holds_for, ports_of_each
from .release import Release
from .revision import Revision
from .transfer import Transfer
from .voices import Comment, FieldReport, Review, Vote

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from .contribution import Contribution
    from .standing import Standing

COUNTS_AS_EVIDENCE = (
    Event.Verb.SUBMITTED,
    Event.Verb.REVISED,
    Event.Verb.SHARED,
    Event.Verb.VOTED,
    Event.Verb.REPORTED,
    Event.Verb.BUILT,
    Event.Verb.REVIEWED,
)
SPOKEN = ("contribution", "release", "organisation", "author", "outcome", "stage", "reported_at")


class Rows:
    """All that is counted of some contributions."""

    def __init__(self, contributions: Sequence[Contribution]) -> None:
        self._contributions = contributions
        self._keys = [row.pk for row in contributions]
        self.now = timezone.now()
        self.supported = self._supported()
        self.numbers = self._numbers()
        self.ports = ports_of_each(row for row in contributions if row.has_patch)
        self._revisions = [*self.numbers, *(port.pk for ports in self.ports.values() for port in ports.values())]
        self.fits = self._fits()
        self.builds = self._newest_builds()
        self.compared = compared(self.builds.values())
        self.made_for = self._made_for()
        self.votes = self._votes()
        self.reports = self._reports()
        self.own = self._own_voices()
        self.comments = self._counted(Comment.objects.standing())
        self.questions = self._counted(Comment.objects.open_questions())
        self.approved = self._approved()
        self.last_evidence = self._last_evidence()

    def _supported(self) -> dict[int, dict[int, bool]]:
        """By component its releases, and whether each is a candidate."""
        found: dict[int, dict[int, bool]] = defaultdict(dict)
        rows = Release.objects.supported().filter(component__in={row.component_id for row in self._contributions})
        for component, pk, is_candidate in rows.values_list("component", "pk", "is_candidate"):
            found[component][pk] = is_candidate
        return found

    def _numbers(self) -> dict[int, tuple[int, dict[int, str]]]:
        """Of each current revision its number, and how far what was said of each holds for it; nothing of others."""
        current = Revision.objects.filter(pk__in=[row.current_id for row in self._contributions if row.current_id])
        return {
            pk: (number, {number: Carry.SAME} | {int(older): how for older, how in earlier.items()})
            for pk, number, earlier in current.values_list("pk", "number", "carries")
        }

    def _fits(self) -> dict[tuple[int, int], str]:
        """By revision and release."""
        rows = Fit.objects.filter(revision__in=self._revisions).order_by().values_list("revision", "release", "state")
        return {(revision, release): state for revision, release, state in rows}

    def _newest_builds(self) -> dict[tuple[int, int], Build]:
        """By revision and release: asking again for the same build is not new evidence."""
        rows = Build.objects.originals().filter(revision__in=self._revisions).defer("recipe", "sandbox")
        newest = rows.order_by("revision_id", "release_id", "-serial").distinct("revision_id", "release_id")
        return {(build.revision_id, build.release_id): build for build in newest}

    def _made_for(self) -> dict[int, set[int]]:
        """The releases that those without a patch are true on."""
        notes = [row for row in self._contributions if not row.has_patch]
        found: dict[int, set[int]] = defaultdict(set)
        named = Release.objects.filter(notes_that_hold__in=notes).order_by()
        for contribution, release in named.values_list("notes_that_hold", "pk"):
            found[contribution].add(release)
        for note in notes:
            if note.pk not in found and note.release_id is not None:
                found[note.pk] = {note.release_id}
        return found

    def _votes(self) -> dict[int, list[tuple[int, int | None, int]]]:
        """Value, the number of the revision that was voted on, and how often."""
        found: dict[int, list[tuple[int, int | None, int]]] = defaultdict(list)
        cast = Vote.objects.filter(contribution__in=self._keys).order_by()
        for pk, *vote in cast.values_list("contribution", "value", "revision__number").annotate(count=Count("pk")):
            found[pk].append(tuple(vote))
        return found

    def _reports(self) -> dict[int, list[Any]]:
        """With the `number` of the revision that each is of, the author's own too."""
        found: dict[int, list[Any]] = defaultdict(list)
        rows = FieldReport.objects.filter(contribution__in=self._keys).only(*SPOKEN)
        for report in rows.annotate(number=F("revision__number")):
            found[report.contribution_id].append(report)
        return found

    def _own_voices(self) -> dict[int, tuple[set[int], set[int]]]:
        """People and organisations that speak for their own contribution.

        They are the author, whoever was the author before, the organisation that it was shared for and all that
        the author belongs to now.
        """
        belongs: dict[int, set[int]] = defaultdict(set)
        authors = {row.author_id for row in self._contributions}
        for person, organisation in Membership.objects.filter(person__in=authors).values_list("person", "organisation"):
            belongs[person].add(organisation)
        given = Transfer.objects.accepted().filter(contribution__in=self._keys).order_by()
        former: dict[int, set[int]] = defaultdict(set)
        for contribution, giver in given.values_list("contribution", "giver"):
            former[contribution].add(giver)
        return {
            row.pk: (
                {row.author_id} | former[row.pk],
                belongs[row.author_id] | ({row.organisation_id} if row.organisation_id else set()),
            )
            for row in self._contributions
        }

    def _counted(self, comments: Any) -> dict[int, int]:
        of_these = comments.filter(contribution__in=self._keys).order_by()
        return dict(of_these.values_list("contribution").annotate(count=Count("pk")))

    def _approved(self) -> set[int]:
        in_force = Review.objects.in_force_of(self._keys).filter(verdict=Review.Verdict.APPROVE)
        return set(in_force.order_by().values_list("revision__contribution", flat=True))

    def _last_evidence(self) -> dict[int, datetime]:
        events = Event.objects.filter(contribution__in=self._keys, verb__in=COUNTS_AS_EVIDENCE)
        of_itself = events.exclude(revision__ports__isnull=False).order_by()
        return dict(of_itself.values_list("contribution").annotate(last=Max("at")))


class Tally:
    """What the rows say of one contribution."""

    def __init__(self, contribution: Contribution, rows: Rows) -> None:
        self.contribution = contribution
        self._rows = rows
        self.number, self.carries = rows.numbers.get(contribution.current_id or 0, (0, {}))
        self.ports = self._ports()
        self.reports = self._reports()
        supported = rows.supported.get(contribution.component_id, {})
        self.candidates = {pk for pk, is_candidate in supported.items() if is_candidate}
        self.releases = self._held_for(set(supported))
        self.votes = rows.votes.get(contribution.pk, [])

    def _ports(self) -> dict[int, Revision]:
        """By their release: what stands there in the place of the current revision, unless upstream has that."""
        ports = self._rows.ports.get(self.contribution.pk, {})
        taken = {release for release in ports if self._fit_of(self.contribution.current_id, release) == "upstream"}
        return {release: port for release, port in ports.items() if release not in taken}

    def _fit_of(self, revision: int | None, release: int) -> str:
        return self._rows.fits.get((revision or 0, release), "")

    def _shown(self, release: int) -> int | None:
        """The key of what stands on a release: a port there, elsewhere the current revision."""
        port = self.ports.get(release)
        return port.pk if port else self.contribution.current_id

    def _held_for(self, supported: set[int]) -> set[int]:
        """A patch is tried on every release; what is not is held for those it was made for and those of reports."""
        made_for = self._rows.made_for.get(self.contribution.pk, set())
        if self.contribution.has_patch or not made_for:
            return supported
        return supported & {*made_for, *(report.release_id for report in self.reports)}

    def _reports(self) -> list[Any]:
        """Reports that hold for what stands on their release, without the author's voice."""
        people, organisations = self._rows.own[self.contribution.pk]
        return [
            row
            for row in self._rows.reports.get(self.contribution.pk, [])
            if row.author_id not in people
            and row.organisation_id not in organisations
            and self._holds(row.number, row.release_id) != Carry.TOUCHED
        ]

    def _holds(self, number: int | None, release: int | None = None) -> str:
        """How far what was said of the revision of that number holds for what stands on a release, or for the current.

        What was said before votes had a revision holds for the current one.
        """
        port = self.ports.get(release) if release else None
        if port is not None:
            return holds_for(port, number, current=self.number)
        return self.carries.get(number, Carry.TOUCHED) if number else Carry.SAME

    def _cast(self, release: int | None = None) -> Counter[tuple[int, str]]:
        """How many votes of each value hold there, and how far."""
        votes: Counter[tuple[int, str]] = Counter()
        for value, number, count in self.votes:
            votes[value, self._holds(number, release)] += count
        return votes

    def _balance(self) -> tuple[int, int]:
        cast = self._cast()
        up, down = (cast[value, Carry.SAME] + cast[value, Carry.PARTLY] for value in (1, -1))
        return up, down

    def _build_on(self, release: int) -> Build | None:
        return self._rows.builds.get((self._shown(release) or 0, release))

    def evidence(self, release: int) -> Evidence:
        voices = tuple(
            self._voice(report)
            for report in self.reports
            if report.release_id == release and report.outcome != FieldReport.Outcome.PARTLY
        )
        build, votes = self._build_on(release), self._cast(release)
        return Evidence(
            up=votes[1, Carry.SAME],
            down=votes[-1, Carry.SAME],
            voices=voices,
            green_builds=int(build is not None and build.has_passed),
            broken_builds=int(build is not None and self._broke(build)),
            earlier_up=votes[1, Carry.PARTLY],
            earlier_down=votes[-1, Carry.PARTLY],
        )

    def _voice(self, report: Any) -> Voice:
        return Voice(
            report.outcome == FieldReport.Outcome.WORKS,
            report.stage,
            self._rows.now - report.reported_at,
            is_earlier=self._holds(report.number, report.release_id) == Carry.PARTLY,
        )

    def _broke(self, build: Build) -> bool:
        """The patch broke it: the bare release passes what it fails."""
        found = self._rows.compared.get(build.pk) if build.state in RED else None
        return found is not None and found.word == Word.BROKEN_BY_PATCH

    def on(self, release: int) -> dict[str, Any]:
        evidence = self.evidence(release)
        outcomes = Counter(report.outcome for report in self.reports if report.release_id == release)
        build = self._build_on(release)
        return {
            "score": evidence.score,
            "parts": evidence.parts,
            "counts": evidence.counts,
            "fit": self._fit_of(self._shown(release), release),
            "port_id": self.ports[release].pk if release in self.ports else None,
            "works_count": outcomes[FieldReport.Outcome.WORKS],
            "broken_count": outcomes[FieldReport.Outcome.BROKEN],
            "build_state": build.state if build else "",
        }

    def overall(self, rows: Iterable[Standing]) -> dict[str, Any]:
        """The totals, given where it stands on each release."""
        standings = list(rows)
        final = [row for row in standings if row.release_id not in self.candidates]
        fits = Counter(row.fit for row in final)
        states = Counter(row.build_state for row in final)
        judged = sum(count for fit, count in fits.items() if fit not in {"", "queued", "running"})
        up, down = self._balance()
        running = {r.organisation_id for r in self.reports if r.outcome == FieldReport.Outcome.WORKS}
        pk = self.contribution.pk
        last = self._rows.last_evidence.get(pk) or self.contribution.created_at
        return {
            "up": up,
            "down": down,
            "comment_count": self._rows.comments.get(pk, 0),
            "question_count": self._rows.questions.get(pk, 0),
            "running_count": len(running),
            "fit_count": fits["applies"] + fits["merges"],
            "upstream_count": fits["upstream"],
            "release_count": judged,
            "green_count": states["passed"],
            "red_count": states["failed"] + states["timed-out"],
            "score": max((row.score for row in standings), default=0.0),
            "activity": activity(up, down, last),
            "waits_since": None if pk in self._rows.approved else last.timestamp(),
        }
