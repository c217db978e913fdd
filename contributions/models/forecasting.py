"""What a release will cost: whether to drop, keep or mend each revision that somebody carries; from rows alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from contributions.errors import Missing

from .contribution import Contribution
from .fit import Fit
from .holdings import carries
from .picture import PATCHES, why
from .porting import rank
from .release import Release, usual_among
from .revision import Revision
from .stack import Pick, Stack
from .stranded import MENDABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from django.db.models import QuerySet

    from .person import Organisation

LONG = ("files", "commits", "fingerprints", "carries", "text", "html", "warnings")
OF_A_FIT = ("revision_id", "state", "sentence", "way", "upstream_commit", "evidence", "conflicts", "blame")
OF_A_PORT = ("number", "ports", "approved_at", "submitted_by", "contribution__author")
FITTING = frozenset({Fit.State.APPLIES, Fit.State.MERGES})
WAITING = frozenset({Fit.State.QUEUED, Fit.State.RUNNING})


class Do(models.TextChoices):
    DROP = "drop", _("drop it")
    CARRY = "carry", _("carry it unchanged")
    PORT = "port", _("take the port")
    WORK = "work", _("needs work")
    UNKNOWN = "unknown", _("not known yet")


@dataclass(frozen=True)
class Outlook:
    """What to do about one revision on one release, and why."""

    do: str
    why: str
    commit: str = ""  # upstream's, which has it
    evidence: str = ""
    port: int = 0  # the number of the revision to take instead
    files: tuple[str, ...] = ()  # that conflict
    blame: tuple[Mapping[str, Any], ...] = ()  # per file the commit that it conflicts with, as far as it is known
    is_judged: bool = True  # else it is only a matter of time

    @property
    def hunks(self) -> int:
        """How many conflict in all; none while nobody has counted them."""
        return sum(int(found.get("hunks") or 0) for found in self.blame)

    @property
    def size(self) -> str:
        """How much work it is, in words: 3 hunks in 2 files."""
        files = f"{len(self.files)} {'file' if len(self.files) == 1 else 'files'}"
        if not self.hunks:
            return files if self.files else ""
        return f"{self.hunks} {'hunk' if self.hunks == 1 else 'hunks'} in {files}"


UNTRIED = Outlook(Do.UNKNOWN, "It is not judged there yet.", is_judged=False)


@dataclass(frozen=True)
class Row:
    """One thing that is carried, and what becomes of it."""

    contribution: Contribution
    revision: Revision
    outlook: Outlook


@dataclass(frozen=True)
class Prospect:
    """A whole forecast: what to work on first."""

    release: Release
    rows: list[Row] = field(default_factory=list)

    @property
    def totals(self) -> dict[str, int]:
        counted = Counter(row.outlook.do for row in self.rows)
        return {do: counted[do] for do in Do.values}

    @property
    def is_judged(self) -> bool:
        return all(row.outlook.is_judged for row in self.rows)


def outlook(revision: Revision, release: Release) -> Outlook:
    return outlooks([revision], release)[revision.pk]


def outlooks(revisions: Sequence[Revision], release: Release) -> dict[int, Outlook]:
    """By the key of each revision. Two queries, and one more where something conflicts.

    A port to another release stands for what it was made of: it is judged on its own release alone.
    """
    meant = {revision.pk: _meant(revision, release) for revision in revisions}
    ports = _ports(set(meant.values()), release)
    judged = Fit.objects.filter(revision__in=[*meant.values(), *(port.pk for port in ports.values())], release=release)
    fits = {row["revision_id"]: row for row in judged.order_by().values(*OF_A_FIT)}
    stuck = [pk for pk, fit in fits.items() if fit["state"] in MENDABLE]
    had = Fit.objects.upstream_before(release, stuck) if stuck else {}
    for pk, name in had.items():
        fits[pk]["had_by"] = name
    return {pk: _outlook(fits.get(of), ports.get(of), fits) for pk, of in meant.items()}


def _meant(revision: Revision, release: Release) -> int:
    if revision.ports_id is None or revision.release_id == release.pk:
        return int(revision.pk)
    return int(revision.ports_id)


def _ports(revisions: Iterable[int], release: Release) -> dict[int, Revision]:
    """The best port of each to the release, by the key of what it was made of."""
    made = Revision.objects.filter(
        ports__in=revisions, release=release, state=Revision.State.RECEIVED, withdrawn_at=None
    )
    found = made.select_related("contribution").only(*OF_A_PORT).order_by("number")
    return {port.ports_id: port for port in sorted(found, key=lambda port: rank(port, port.contribution))}


def _outlook(fit: Mapping[str, Any] | None, port: Revision | None, fits: Mapping[int, Mapping[str, Any]]) -> Outlook:
    if fit is not None and fit["state"] == Fit.State.UPSTREAM:
        return Outlook(Do.DROP, why(fit), fit["upstream_commit"], fit["evidence"])
    if fit is not None and fit["state"] in FITTING:
        return Outlook(Do.CARRY, why(fit))
    ported = _ported(port, fits.get(port.pk)) if port else None
    return ported or (UNTRIED if fit is None or fit["state"] in WAITING else _stuck(fit))


def _stuck(fit: Mapping[str, Any]) -> Outlook:
    if fit["state"] == Fit.State.ERRORED:
        return Outlook(Do.UNKNOWN, why(fit))
    if fit["state"] == Fit.State.PROBABLY_UPSTREAM:
        told = f"{why(fit)} Somebody has to say whether it is the same."
        return Outlook(Do.UNKNOWN, told, fit["upstream_commit"], fit["evidence"])
    had = f" {fit['had_by']} has it already: upstream went on from there, or took it back." if "had_by" in fit else ""
    return Outlook(Do.WORK, why(fit) + had, files=tuple(fit["conflicts"]), blame=tuple(fit["blame"]))


def _ported(port: Revision, fit: Mapping[str, Any] | None) -> Outlook | None:
    """None for a port that does not fit: the original's own reason tells more."""
    if fit is None or fit["state"] in WAITING:
        return Outlook(Do.UNKNOWN, f"v{port.number} is made for it and is being judged.", is_judged=False)
    if fit["state"] not in FITTING:
        return None
    return Outlook(Do.PORT, f"v{port.number} is made for it.", port=port.number)


def forecast_of_stack(stack: Stack, release: Release, seen: QuerySet[Contribution]) -> Prospect:
    """Of what is in the stack and in `seen`, in the order of the stack. Six queries at most."""
    picks = Pick.objects.filter(stack=stack, contribution__in=seen.values("pk")).order_by("position", "pk")
    taken = Coalesce("revision", "contribution__current")
    return _prospect(release, list(picks.annotate(taken=taken).values_list("contribution", "taken")))


def forecast_of_organisation(organisation: Organisation, release: Release, seen: QuerySet[Contribution]) -> Prospect:
    """Of all patches for the release's component that it carries, in the revision that its stacks pin, or the current.

    Where its stacks pin several, each has a row. Seven queries at most.
    """
    carried = Contribution.objects.filter(carries(organisation), component=release.component_id, kind__in=PATCHES)
    currents = dict(carried.filter(pk__in=seen.values("pk")).order_by("pk").values_list("pk", "current"))
    stacks = Stack.objects.filter(organisation=organisation, archived_at=None)
    picks = Pick.objects.filter(stack__in=stacks, contribution__in=currents).order_by()
    taken = set(picks.values_list("contribution", Coalesce("revision", "contribution__current")))
    free = {(number, current) for number, current in currents.items() if number not in {pair[0] for pair in taken}}
    return _prospect(release, sorted(pair for pair in taken | free if pair[1] is not None))


def _prospect(release: Release, pairs: Sequence[tuple[int, int]]) -> Prospect:
    """`pairs` are keys of contributions and of the revision that is carried of each."""
    rows = Contribution.objects.filter(pk__in=[number for number, _ in pairs]).select_related("component", "author")
    contributions = rows.defer("description", "description_html").in_bulk()
    revisions = Revision.objects.filter(pk__in=[pk for _, pk in pairs]).defer(*LONG).in_bulk()
    told = outlooks(list(revisions.values()), release)
    return Prospect(release, [Row(contributions[number], revisions[pk], told[pk]) for number, pk in pairs])


def targets_of(component: int) -> list[Release]:
    """The releases that a forecast can be made for: the supported ones of the component of that key, newest first."""
    return list(Release.objects.supported().filter(component=component).select_related("component").newest_first())


def chosen_target(targets: Sequence[Release], name: str, carried_on: Release | None = None) -> Release | None:
    """The target of that name or slug; without one the newest that is final, if it is newer than what is carried now.

    Raises Missing for a name that no target has.
    """
    if name:
        found = next((release for release in targets if name in {release.slug, release.name}), None)
        if found is None:
            raise Missing("There is no such release, or it is not supported any more.")
        return found
    newer = [release for release in targets if carried_on is None or release.position > carried_on.position]
    return usual_among([*(each for each in newer if not each.is_candidate), *targets])


def targets_of_organisation(organisation: Organisation) -> list[Release]:
    """The supported releases of all components of which it carries something, newest first."""
    carried = Contribution.objects.filter(carries(organisation), kind__in=PATCHES).order_by().values("component")
    return list(Release.objects.supported().filter(component__in=carried).select_related("component").newest_first())


def words_of(totals: Mapping[str, int]) -> str:
    """Such as “3 to drop, 18 carry, 2 need work”."""
    phrases = {Do.DROP: "{} to drop", Do.CARRY: "{} carry", Do.PORT: "{} ported", Do.UNKNOWN: "{} not known yet"}
    phrases[Do.WORK] = "{} need work" if totals.get(Do.WORK, 0) != 1 else "1 needs work"
    order = (Do.DROP, Do.CARRY, Do.PORT, Do.WORK, Do.UNKNOWN)
    return ", ".join(phrases[do].format(totals[do]) for do in order if totals.get(do)) or "nothing is carried"
