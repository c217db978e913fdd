"""Where a contribution stands under its component's rules, read from rows with a fixed number of queries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone

from contributions.rules import Building, Case, Checklist, Opinion, unsigned

from .build import Build
from .component import Recipe
from .contribution import Contribution
from .fit import Fit
from .person import Membership
from .voices import Review

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from .revision import Revision

VERDICTS = ("passed", "failed", "timed-out")
BEST_FIRST = ("passed", "running", "queued", "failed", "timed-out", "errored")
LARGE = ("revision__files", "revision__commits", "revision__fingerprints")  # columns
FITTING_FIRST = ("applies", "merges", "running", "queued", "errored")


def checklist_of(contribution: Contribution) -> Checklist | None:
    """The rules held against the current revision; None until there is one."""
    if contribution.current is None:
        return None
    return contribution.component.rules.checklist(_Facts(contribution, contribution.current).case())


def checklist_of_port(contribution: Contribution, port: Revision) -> Checklist:
    """The same rules held against a port: who sent it is its author as much as the contribution's."""
    return contribution.component.rules.checklist(_Facts(contribution, port).case())


def is_colleague(person: Any, contribution: Contribution) -> bool:
    """Whether somebody belongs to an organisation of the author's now, or to the one it was shared for."""
    authors = {contribution.author_id, *contribution.former_authors}
    theirs = Membership.objects.filter(person__in=authors).values("organisation")
    mine = Membership.objects.filter(person=person.pk)
    return mine.filter(organisation__in=theirs).exists() or mine.filter(organisation=contribution.organisation).exists()


class _Facts:
    """All rows that the rules of a component ask about one contribution."""

    def __init__(self, contribution: Contribution, revision: Revision) -> None:
        self.contribution = contribution
        self.revision = revision
        said = Review.objects.in_force_for(revision) if revision.is_port else Review.objects.in_force(contribution)
        holding = said.select_related("reviewer", "revision")
        self.reviews = list(holding.defer(*LARGE).order_by("reviewed_at", "pk"))
        self.authors = {contribution.author_id, *contribution.former_authors}
        if revision.is_port:
            self.authors.add(revision.submitted_by_id)
        self.maintainers = set(contribution.component.maintainers.values_list("pk", flat=True))
        self.organisations = self._organisations()

    def case(self) -> Case:
        contribution, revision = self.contribution, self.revision
        return Case(
            label=revision.label,
            sent_at=revision.created_at,
            now=timezone.now(),
            opinions=tuple(self._opinion(review) for review in self.reviews),
            is_newcomer=self._is_newcomer(),
            hands=tuple(self._hands()),
            is_executable=contribution.kind == Contribution.Kind.EXECUTABLE,
            has_patch=contribution.has_patch,
            building=self._building(),
            licence=contribution.licence,
            found_licences=tuple((path, expression) for path, expression in revision.licences),
            unsigned=unsigned(revision.commits) if contribution.component.sign_off_needed else (),
        )

    def _organisations(self) -> dict[int, dict[int, Membership]]:
        """Who belongs to what now: the memberships of the author and the reviewers, by person and organisation."""
        people = {*self.authors, *(review.reviewer_id for review in self.reviews)}
        found: dict[int, dict[int, Membership]] = {person: {} for person in people}
        for membership in Membership.objects.filter(person__in=people).select_related("organisation"):
            found[membership.person_id][membership.organisation_id] = membership
        return found

    def _opinion(self, review: Review) -> Opinion:
        kin = {self.contribution.organisation_id, *(key for one in self.authors for key in self.organisations[one])}
        return Opinion(
            by=review.reviewer.username,
            of="" if review.revision_id == self.revision.pk else review.revision.label,
            verdict=review.verdict,
            maintains=review.reviewer_id in self.maintainers,
            is_author=review.reviewer_id in {*self.authors, self.revision.submitted_by_id},
            is_colleague=review.is_colleague or not kin.isdisjoint(self.organisations[review.reviewer_id]),
            changed_hands_at=review.reviewer.changed_hands_at,
        )

    def _is_newcomer(self) -> bool:
        """Nothing of theirs was approved before, on any component, but what was rejected or put away since.

        What was handed over makes nobody known: who approved it looked at another's work.
        """
        sender = self.revision.submitted_by_id if self.revision.is_port else self.contribution.author_id
        mine = Contribution.objects.filter(author=sender).exclude(transfers__state="accepted")
        approved = mine.filter(events__verb="approved")
        return not approved.filter(quarantined_at=None).exclude(state=Contribution.State.REJECTED).exists()

    def _hands(self) -> Iterable[tuple[str, datetime]]:
        contribution = self.contribution
        for transfer in contribution.handings:
            if transfer.is_accepted and transfer.decided_at is not None:
                yield f"the work of {transfer.giver}, which {transfer.taker} took over,", transfer.decided_at
        if contribution.author.changed_hands_at:
            yield "the author's account", contribution.author.changed_hands_at
        organisations = {row.organisation for row in self.organisations[contribution.author_id].values()}
        if contribution.organisation is not None:
            organisations.add(contribution.organisation)
        for organisation in sorted(organisations, key=lambda each: each.pk):
            if organisation.changed_hands_at:
                yield f"the author's organisation {organisation.name}", organisation.changed_hands_at

    def _building(self) -> Building:
        """On the release that it was made for while that is supported, else wherever it went best."""
        release = self.revision.release or self.contribution.release
        there = release if release is not None and release.is_supported else None
        builds, fits = self._builds(), self._fits()
        if there is not None:
            state, fit = builds.get(there.pk, ""), fits.get(there.pk, "")
        else:
            state, fit = _best(builds.values(), BEST_FIRST), _best(fits.values(), FITTING_FIRST)
        has_recipe = Recipe.objects.filter(component=self.contribution.component_id).exists()
        return Building(there.name if there else "", fit, state, has_recipe)

    def _builds(self) -> dict[int, str]:
        """Per release the state of the newest build that has a verdict, else of the newest one."""
        found: dict[int, str] = {}
        rows: Any = Build.objects.filter(revision=self.revision, repeats=None).order_by("serial")
        for release, state in rows.values_list("release_id", "state"):
            if state in VERDICTS or found.get(release) not in VERDICTS:
                found[release] = state
        return found

    def _fits(self) -> dict[int, str]:
        return dict(Fit.objects.filter(revision=self.revision).values_list("release_id", "state"))


def _best(states: Iterable[str], order: tuple[str, ...]) -> str:
    """The first of `order` that is among them, else any, else nothing."""
    found = set(states)
    return next((state for state in order if state in found), min(found, default=""))
