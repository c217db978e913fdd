"""What a new stack may be made of: one contribution, what a search found, or what an organisation runs."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Any

from contributions.asking import gathered
from contributions.errors import Invalid
from contributions.forms.stacking import NUMBER
from contributions.models import Component, Contribution, FieldReport, Membership
from contributions.models.finding import Search
from contributions.models.release import usual_among
from contributions.models.stack import MOST_PICKS

if TYPE_CHECKING:
    from django.http import HttpRequest

    from contributions.models import Person

MOST_OFFERED = 100
PATCHES = (Contribution.Kind.REFINEMENT, Contribution.Kind.IMPROVEMENT)
ENDED = (Contribution.State.WITHDRAWN, Contribution.State.REJECTED)


class Choices:
    """What the address names, as far as the person may see it, of one component."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.said = request.GET

    @cached_property
    def found(self) -> list[Contribution]:
        """All that was named, whatever its component."""
        rows = Contribution.objects.visible_to(self.request.user).filter(kind__in=PATCHES, quarantined_at=None)
        rows = rows.filter(is_draft=False, current__isnull=False).exclude(state__in=ENDED)
        named = [NUMBER.fullmatch(word) for word in self.said.getlist("contribution")]
        if self.said.get("q", "").strip():
            return self._searched()
        if organisation := self.said.get("runs", ""):
            rows = rows.filter(pk__in=self._run_by(organisation))
        else:
            rows = rows.filter(pk__in=[int(one[1]) for one in named if one])
        return list(rows.select_related("component", "release").order_by("-pk")[:MOST_OFFERED])

    def _searched(self) -> list[Contribution]:
        search = Search(gathered(self.said), self.request.user, order=self.said.get("order", ""))
        with search.in_time():
            keys = [row["pk"] for row in search.ranked.order_by(*search.keys).values("pk")[:MOST_OFFERED]]
        rows = Contribution.objects.filter(pk__in=keys, kind__in=PATCHES, is_draft=False, quarantined_at=None)
        rows = rows.exclude(state__in=ENDED).select_related("component", "release").exclude(current=None)
        return sorted(rows, key=lambda row: keys.index(row.pk))

    def _run_by(self, organisation: str) -> Any:
        """What the person's own organisation reports on and did not find broken."""
        mine = Membership.objects.filter(person=self.request.user.pk, organisation__slug=organisation)
        reports = FieldReport.objects.filter(organisation__in=mine.values("organisation"))
        return reports.exclude(outcome=FieldReport.Outcome.BROKEN).values("contribution")

    @cached_property
    def component(self) -> Component | None:
        """The one that is named, else that of most of what was found."""
        if slug := self.said.get("component", ""):
            named = Component.objects.filter(slug=slug).first()
            if named is None:
                raise Invalid("There is no such component.")
            return named
        counted = Counter(row.component for row in self.found).most_common(1)
        return counted[0][0] if counted else None

    @cached_property
    def offered(self) -> list[Contribution]:
        return [row for row in self.found if row.component == self.component]

    @property
    def left_out(self) -> int:
        """How many are for other components."""
        return len(self.found) - len(self.offered)

    def initial(self, person: Person) -> dict[str, Any]:
        releases = Counter(row.release.slug for row in self.offered if row.release)
        newest = usual_among(self.component.releases.supported().newest_first()) if self.component else None
        usual = newest.slug if newest else ""
        organisation = person.organisation
        return {
            "release": releases.most_common(1)[0][0] if releases else usual,
            "organisation": organisation.slug if organisation else "",
        }

    @property
    def is_ticked(self) -> set[int]:
        """What the form was sent with; all that is offered before."""
        if self.request.method != "POST":
            return {row.pk for row in self.offered}
        words = self.request.POST.getlist("contribution")
        return {int(one[1]) for word in words if (one := NUMBER.fullmatch(word))}

    def ticked(self) -> list[Contribution]:
        """In the order in which they were offered."""
        if len(self.is_ticked) > MOST_PICKS:
            raise Invalid(f"A stack holds {MOST_PICKS} patches at the most.", field="contribution")
        return [row for row in self.offered if row.pk in self.is_ticked]
