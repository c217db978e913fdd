"""What became of what a lock file names, in a fixed number of queries, through the eyes of the one who asks.

Who has the SHA-256 of a patch has had the patch: to them it is told that it is in quarantine now, and nothing more.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import F, Q

from contributions.errors import Invalid

from .advisory import Advisory
from .carrying import Carry
from .component import Component
from .contribution import Contribution
from .event import Event
from .fit import Fit
from .forecasting import Do, Outlook, outlooks
from .porting import rank
from .publication import Publication
from .revision import Revision

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from django.contrib.auth.models import AnonymousUser

    from .person import Person
    from .release import Release

    Eyes = Person | AnonymousUser


class Word(models.TextChoices):
    """What may be said of an entry; the first one that holds is its state."""

    WITHDRAWN = "withdrawn"
    QUARANTINED = "quarantined"
    SUPERSEDED = "superseded"
    UPSTREAM = "upstream"
    PORT = "port"
    UNKNOWN = "unknown"
    OK = "ok"


# What a pipeline ends with. Whatever is worse is the higher number, and the highest one counts.
FINE, ATTENTION, DROP, TAKE, TAKEN_BACK = 0, 1, 10, 11, 12
CODES = {
    Word.WITHDRAWN: TAKEN_BACK, Word.QUARANTINED: TAKEN_BACK, Word.SUPERSEDED: TAKE, Word.UPSTREAM: DROP,
    Word.UNKNOWN: ATTENTION,
}  # fmt: skip
COSTS = {Do.DROP: DROP, Do.PORT: TAKE, Do.WORK: ATTENTION, Do.UNKNOWN: ATTENTION}
SENTENCES = {
    FINE: "Nothing needs attention.",
    ATTENTION: "Something is not known here, or needs work.",
    DROP: "Upstream has some of it: drop that with the next upgrade.",
    TAKE: "Some of it has a newer form that should be taken.",
    TAKEN_BACK: "Some of it was taken back, or has an advisory against it: do not run it as it is.",
}
HELD = "It is in quarantine: staff keep it out of reach."
STRANGE = "It is not known here, or you may not know of it."


@dataclass(frozen=True)
class Finding:
    """One thing that became of an entry, and the revision, release and commit that it is about."""

    word: Word
    sentence: str
    revision: int | None = None
    release: str | None = None
    commit: str = ""


@dataclass
class Entry:
    named: Mapping[str, Any]
    findings: list[Finding] = field(default_factory=list)
    advisories: list[Advisory] = field(default_factory=list)
    outlook: Outlook | None = None

    @property
    def state(self) -> Word:
        said = {finding.word for finding in self.findings}
        return next((word for word in Word if word in said), Word.OK)

    @property
    def code(self) -> int:
        found = [CODES.get(finding.word, FINE) for finding in self.findings]
        cost = COSTS.get(Do(self.outlook.do), FINE) if self.outlook else FINE
        return max([*found, cost, TAKEN_BACK if self.advisories else FINE])


@dataclass(frozen=True)
class Yank:
    """A file of the lock, and what was decided about its bytes."""

    named: Mapping[str, Any]
    state: str = "ok"
    reason: str = ""


@dataclass(frozen=True)
class Checkup:
    component: Component
    release: Release | None
    entries: list[Entry]
    artifacts: list[Yank]

    @property
    def exit_code(self) -> int:
        yanked = TAKEN_BACK if any(file.state != "ok" for file in self.artifacts) else FINE
        return max([yanked, *(entry.code for entry in self.entries)])

    @property
    def sentence(self) -> str:
        return SENTENCES[self.exit_code]

    @property
    def counts(self) -> dict[str, int]:
        states = [entry.state for entry in self.entries]
        return {str(word): states.count(word) for word in Word}


def check(lock: Mapping[str, Any], person: Eyes, release: str = "") -> Checkup:
    """Look up everything that the lock names. Raises Invalid for a component or release that is not here."""
    component = Component.objects.filter(slug=lock["component"]["slug"]).first()
    if component is None:
        raise Invalid(f"There is no component {lock['component']['slug'][:60]!r} here.", field="component")
    target = _target(component, release)
    looked = _Looked(component, lock, person, target)
    entries = [looked.entry(named) for named in lock["entries"]]
    files = lock["build"]["artifacts"] if lock["build"] else []
    return Checkup(component, target, entries, _yanked(files, person))


def _target(component: Component, release: str) -> Release | None:
    if not release:
        return None
    found = component.releases.filter(Q(name=release) | Q(slug=release)).first()
    if found is None:
        raise Invalid(f"{component.name} has no release {release[:60]!r}.", field="release")
    return found


class _Looked:
    """The rows about all entries, read at once."""

    def __init__(self, component: Component, lock: Mapping[str, Any], person: Eyes, target: Release | None) -> None:
        self.component, self.target = component, target
        self.base = component.releases.filter(name=lock["release"]["name"]).values_list("position", flat=True).first()
        numbers = {named["contribution"] for named in lock["entries"]}
        if len(numbers) != len(lock["entries"]):
            raise Invalid("The lock names a contribution twice.")
        wanted = Q(number__in={named["revision"] for named in lock["entries"]}) | Q(pk=F("contribution__current"))
        rows = Revision.objects.filter(wanted, contribution__in=numbers).select_related("contribution")
        rows = rows.annotate(origin=F("ports__number")).defer(*LARGE)
        self.revisions: dict[tuple[int, int], Any] = {(row.contribution_id, row.number): row for row in rows}
        self.current = {row.contribution_id: row for row in self.revisions.values() if _is_current(row)}
        visible = Contribution.objects.visible_to(person).filter(pk__in=numbers)
        self.visible = set(visible.values_list("pk", flat=True))
        self._refuse_others()
        seen = [row.pk for row in self.revisions.values() if row.contribution_id in self.visible]
        self.reasons = self._reasons()
        self.merged = self._merged(seen)
        self.ports = self._ports(seen)
        self.warned = _warned(seen)
        known = [row for row in self.revisions.values() if row.contribution_id in self.visible]
        self.outlooks = outlooks(known, target) if target else {}

    def _refuse_others(self) -> None:
        for row in self.revisions.values():
            if row.contribution_id in self.visible and row.contribution.component_id != self.component.pk:
                raise Invalid(f"#{row.contribution_id} is not a contribution to {self.component.name}.")

    def _reasons(self) -> dict[int, str]:
        """Why each was withdrawn; the last word counts."""
        taken = Event.objects.filter(verb=Event.Verb.WITHDRAWN, contribution__in=self.visible).order_by("pk")
        return dict(taken.values_list("contribution", "text"))

    def _merged(self, seen: Iterable[int]) -> dict[int, list[Fit]]:
        """By revision, the releases that have it, the oldest first."""
        rows = Fit.objects.filter(revision__in=seen, state=Fit.State.UPSTREAM, release__component=self.component)
        return _by_revision(rows.select_related("release").order_by("release__position"))

    def _ports(self, seen: Iterable[int]) -> dict[int, list[Revision]]:
        """By the revision that they bring to another release, the best first."""
        rows = Revision.objects.ports().filter(ports__in=seen, state=Revision.State.RECEIVED, release__isnull=False)
        found = defaultdict(list)
        ports = rows.select_related("release", "contribution").defer(*LARGE).order_by("number")
        for row in sorted(ports, key=lambda row: rank(row, row.contribution), reverse=True):
            found[row.ports_id].append(row)
        return found

    def row(self, named: Mapping[str, Any]) -> Revision | None:
        return self.revisions.get((named["contribution"], named["revision"]))

    def entry(self, named: Mapping[str, Any]) -> Entry:
        """What upstream had already costs nothing anywhere."""
        row = self.row(named)
        key = row.pk if row is not None else 0
        cost = self.outlooks.get(key) if named["state"] == "applied" else None
        return Entry(named, list(self.findings(named)), self.warned.get(key, []), cost)

    def findings(self, named: Mapping[str, Any]) -> Iterator[Finding]:
        row = self.row(named)
        same = row is not None and row.mbox_id == named["patch"]["sha256"]
        if row is None or row.contribution_id not in self.visible:
            was_public = row is not None and same and row.contribution.is_quarantined and not row.contribution.is_draft
            yield Finding(Word.QUARANTINED, HELD) if was_public else Finding(Word.UNKNOWN, STRANGE)
            return
        if not same:
            yield Finding(Word.UNKNOWN, f"The patch of {row} has another SHA-256 here than in the lock.")
        yield from self._taken_back(row)
        yield from self._newer(row)
        yield from self._upstream(row, named)
        yield from self._ported(row)

    def _taken_back(self, row: Revision) -> Iterator[Finding]:
        contribution = row.contribution
        if row.withdrawn_at is not None:
            yield Finding(Word.WITHDRAWN, "This port was taken back.")
        if contribution.is_withdrawn:
            reason = self.reasons.get(contribution.pk, "")
            yield Finding(Word.WITHDRAWN, f"It was withdrawn: {reason}" if reason else "It was withdrawn.")
        if contribution.is_quarantined:
            yield Finding(Word.QUARANTINED, HELD)

    def _newer(self, row: Any) -> Iterator[Finding]:
        """A newer revision counts when it is approved and does something else; a port is as old as what it ports."""
        current = self.current.get(row.contribution_id)
        is_approved = row.contribution.state == Contribution.State.APPROVED
        origin = row.origin or row.number
        if current is None or not is_approved or current.number <= origin:
            return
        if current.carries.get(str(origin)) != Carry.SAME:
            yield Finding(Word.SUPERSEDED, f"{current.label} is newer, and approved.", revision=current.number)

    def _upstream(self, row: Revision, named: Mapping[str, Any]) -> Iterator[Finding]:
        """In which release it is; of what the locked release has already, nothing new is said."""
        current = self.current.get(row.contribution_id)
        fits = self.merged.get(row.pk) or (self.merged.get(current.pk) if current else None) or []
        newer = [fit for fit in fits if self._is_asked(fit.release)]
        if newer and named["state"] == "applied":
            fit = newer[0]
            which = "" if fit.revision_id == row.pk or current is None else f" as {current.label}"
            at = f": commit {fit.upstream_commit[:12]}" if fit.upstream_commit else ""
            yield Finding(
                Word.UPSTREAM, f"{fit.release.called} has it{which}{at}.", release=fit.release.name,
                commit=fit.upstream_commit,
            )  # fmt: skip

    def _is_asked(self, release: Release) -> bool:
        """The release that was asked for, or else any but older ones than that of the lock."""
        if self.target is not None:
            return release.pk == self.target.pk
        return self.base is None or release.position >= self.base

    def _ported(self, row: Revision) -> Iterator[Finding]:
        told = set()
        for port in self.ports.get(row.pk, []):
            release = port.release
            if release is not None and release.pk not in told and self._is_news(release):
                told.add(release.pk)
                sentence = f"{port.label} is a port of it to {release.called}."
                yield Finding(Word.PORT, sentence, revision=port.number, release=release.name)

    def _is_news(self, release: Release) -> bool:
        return self._is_asked(release) and (self.base is None or release.position != self.base)


def _is_current(row: Revision) -> bool:
    return row.contribution.current_id == row.pk


def _by_revision(rows: Iterable[Fit]) -> dict[int, list[Fit]]:
    found = defaultdict(list)
    for row in rows:
        found[row.revision_id].append(row)
    return found


def _warned(revisions: Iterable[int]) -> dict[int, list[Advisory]]:
    """The advisories that stand against each revision."""
    pairs = Advisory.affected.through.objects.filter(revision__in=revisions)
    pairs = pairs.filter(advisory__state=Advisory.State.PUBLISHED).select_related("advisory").order_by("advisory")
    found = defaultdict(list)
    for pair in pairs:
        found[pair.revision_id].append(pair.advisory)
    return found


def _yanked(files: list[Mapping[str, Any]], person: Eyes) -> list[Yank]:
    """What was decided about the bytes, wherever they are published; that some are held, whoever has them is told."""
    digests = {file["sha256"] for file in files}
    off = Publication.objects.exclude(state=Publication.State.LIVE)
    told: dict[str, tuple[str, str]] = {}
    for at in ("build__artifacts__blob", "revision__artifacts__blob"):
        rows = off.filter(**{f"{at}__in": digests}) if digests else off.none()
        visible = rows.filter(pk__in=Publication.objects.visible_to(person).values("pk"))
        told |= {sha256: (state, "") for sha256, state in rows.values_list(at, "state")}
        told |= {sha256: (state, reason) for sha256, state, reason in visible.values_list(at, "state", "reason")}
    return [Yank(file, *told.get(file["sha256"], ("ok", ""))) for file in files]


LARGE = ("files", "commits", "fingerprints", "text", "html", "warnings", "licences")
