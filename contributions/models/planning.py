"""What is known of a stack before it is laid: which revisions, what needs what, and what stands in the way.

All of it comes from rows; git is asked by the worker alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from contributions.solving import cycle_in, order_of

from .contribution import Contribution
from .depending import needs_of
from .fit import Fit
from .porting import port_for
from .revision import Revision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.contrib.auth.models import AnonymousUser

    from .person import Person
    from .release import Release
    from .stack import Pick, Stack

THERE = (Fit.State.UPSTREAM, Fit.State.PROBABLY_UPSTREAM)
LARGE = ("files", "fingerprints", "carries", "text", "html")


@dataclass(frozen=True)
class Lack:
    """A contribution of the stack needs another one that is neither in it nor in the release."""

    number: int
    needed: Contribution

    @property
    def sentence(self) -> str:
        return f"#{self.number} depends on #{self.needed.pk}: add it."


def chosen_of(picks: Sequence[Pick], release: Release) -> dict[int, Revision]:
    """By contribution: the pinned revision, else a port for that release, else the current one. Few queries."""
    keys = {pick.contribution_id: pick.revision_id or pick.contribution.current_id for pick in picks}
    following = {pick.contribution_id: pick.contribution for pick in picks if pick.revision_id is None}
    ports = Revision.objects.filter(contribution__in=following, ports__isnull=False, release=release)
    for number in set(ports.values_list("contribution_id", flat=True)):
        if port := port_for(following[number], release):
            keys[number] = port.pk
    found = Revision.objects.defer(*LARGE).in_bulk([pk for pk in keys.values() if pk is not None])
    return {number: found[pk] for number, pk in keys.items() if pk in found}


class Plan:
    """Of one stack, as these eyes may see it. What is hidden from them stays in it, and is not named."""

    def __init__(self, stack: Stack, eyes: Person | AnonymousUser) -> None:
        self.stack, self.eyes = stack, eyes
        rows = stack.picks.select_related("contribution__component", "contribution__author", "contribution__release")
        self.picks: list[Pick] = list(rows.order_by("position", "pk"))
        self.revisions = chosen_of(self.picks, stack.release)
        self.needs = needs_of(self.revisions, stack.component_id)

    @cached_property
    def numbers(self) -> list[int]:
        return [pick.contribution_id for pick in self.picks]

    @cached_property
    def visible(self) -> frozenset[int]:
        """The numbers of those that these eyes may see."""
        seen = Contribution.objects.visible_to(self.eyes).filter(pk__in=self.numbers)
        return frozenset(seen.values_list("pk", flat=True))

    @cached_property
    def within(self) -> dict[int, frozenset[int]]:
        """What each needs of the others in the stack."""
        known = set(self.numbers)
        return {number: frozenset(needs.numbers & known) for number, needs in self.needs.items()}

    @cached_property
    def cycle(self) -> tuple[int, ...]:
        return cycle_in(self.within)

    @cached_property
    def order(self) -> list[int]:
        """As far as rows tell it; the worker knows more. As it was asked for while there is a circle."""
        return self.numbers if self.cycle else order_of(self.numbers, self.within)

    @cached_property
    def fits(self) -> dict[int, Fit]:
        """By contribution: how the chosen revision meets the release, if that was judged."""
        rows = Fit.objects.filter(revision__in=[one.pk for one in self.revisions.values()], release=self.stack.release)
        by_revision = {fit.revision_id: fit for fit in rows.defer("commits", "blame", "renames")}
        return {number: by_revision[one.pk] for number, one in self.revisions.items() if one.pk in by_revision}

    @cached_property
    def lacks(self) -> list[Lack]:
        """Of those that these eyes may see; what the release has already is not lacking."""
        wanted = {
            (number, other)
            for number, needs in self.needs.items()
            for other in needs.numbers - set(self.numbers)
            if number in self.visible
        }
        sought = Contribution.objects.visible_to(self.eyes).filter(pk__in={other for _, other in wanted})
        there = Fit.objects.filter(release=self.stack.release, state__in=THERE, revision__contribution__in=sought)
        has = set(there.values_list("revision__contribution_id", flat=True))
        known = sought.filter(component=self.stack.component_id).in_bulk()
        return [Lack(number, known[other]) for number, other in sorted(wanted) if other in known and other not in has]

    @cached_property
    def hurdles(self) -> list[str]:
        """Why it cannot be laid as it is, each in a sentence."""
        found = [sentence for pick in self.picks if (sentence := self.hurdle_of(pick))]
        if self.cycle:
            found.append(circle_sentence(self.cycle))
        return found if self.picks else ["There is nothing in it yet."]

    def hurdle_of(self, pick: Pick) -> str:
        """Why this one cannot be laid; empty if it can."""
        contribution, number = pick.contribution, pick.contribution_id
        if contribution.is_withdrawn:
            return f"#{number} is withdrawn: take it out of the stack."
        if contribution.is_quarantined:
            return f"#{number} is in quarantine: it waits for the staff, or take it out of the stack."
        if contribution.is_draft:
            return f"#{number} is a draft: only what was shared can be laid."
        if number not in self.revisions:
            return f"#{number} was not received yet."
        return ""

    def asked(self) -> list[dict[str, Any]]:
        """What is to be laid, in the order asked for, as an assembly keeps it."""
        return [
            {
                "contribution": number,
                "revision": self.revisions[number].number,
                "pk": self.revisions[number].pk,
                "needs": sorted(self.within[number]),
            }
            for number in self.numbers
        ]


def circle_sentence(cycle: Sequence[int]) -> str:
    """“#5 depends on #7, which depends on #5”."""
    return f"#{cycle[0]} depends on " + ", which depends on ".join(f"#{each}" for each in [*cycle[1:], cycle[0]]) + "."
