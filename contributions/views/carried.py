"""What a page says of that which was said of earlier revisions: what is kept, what counts half, what is reset."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Count
from django.urls import reverse

from contributions.markup import reveal, reveal_code
from contributions.models import Carry, Review
from contributions.models.carrying import paths_changed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contributions.models import Contribution, Person, Revision

NOUNS = {"votes": ("vote", "votes"), "reports": ("field report", "field reports"), "reviews": ("verdict", "verdicts")}
MOST_PATHS = 5  # that are named in a sentence
MOST_VERDICTS = 20
LARGE = ("revision__files", "revision__commits", "revision__text", "revision__html")


@dataclass(frozen=True)
class Remnant:
    """One sentence on what was said of one earlier revision, with the address of what changed since."""

    carry: str
    sentence: str
    address: str


@dataclass(frozen=True)
class Verdict:
    """A verdict on an earlier revision that does not hold for the current one, and what changed since."""

    review: Review
    sentence: str
    address: str


def compare_address(contribution: Contribution, older: int, newer: int) -> str:
    return reverse("contribution-comparison", args=[contribution.pk, older, newer])


def remnants(contribution: Contribution) -> list[Remnant]:
    """Of each earlier revision that somebody spoke of, the newest first."""
    current = contribution.current
    if current is None or current.number == 1:
        return []
    said: dict[int, Counter[str]] = defaultdict(Counter)
    for noun, rows in _said(contribution).items():
        for number, count in rows.order_by().values_list("revision__number").annotate(count=Count("pk")):
            if number is not None and number < current.number:
                said[number][noun] += count
    return [_remnant(contribution, current, number, said[number]) for number in sorted(said, reverse=True)]


def _said(contribution: Contribution) -> dict[str, Any]:
    """The verdicts have a list of their own, unless they hold."""
    held = Review.objects.in_force(contribution)
    return {"votes": contribution.votes, "reports": contribution.reports, "reviews": held}


def _remnant(contribution: Contribution, current: Revision, number: int, counts: Counter[str]) -> Remnant:
    carry = current.carries.get(str(number), Carry.TOUCHED)
    told = " and ".join(_counted(noun, counts[noun]) for noun in NOUNS if counts[noun])
    counts_half, is_reset = ("counts", "is") if counts.total() == 1 else ("count", "are")
    sentence = {
        Carry.SAME: f"{told} kept from v{number}: {current.label} does the same.",
        Carry.PARTLY: f"{told} on v{number} {counts_half} half: {current.label} only adds other files.",
        Carry.TOUCHED: f"{told} on v{number} {is_reset} reset: {current.label} changes what v{number} did.",
    }[Carry(carry)]
    return Remnant(str(carry), sentence, compare_address(contribution, number, current.number))


def _counted(noun: str, count: int) -> str:
    one, several = NOUNS[noun]
    return f"{count} {one if count == 1 else several}"


def vote_in_force(contribution: Contribution, person: Any) -> int | None:
    """One's own vote, if it is of what is shown now. One of an earlier revision is cast anew by voting again."""
    cast = contribution.votes.filter(person=person.pk).values_list("value", "revision__number").first()
    if cast is None or contribution.current is None:
        return None
    value, number = cast
    holds = number in {None, contribution.current.number} or contribution.current.carries.get(str(number)) == Carry.SAME
    return value if holds else None


def with_the_one_before(revisions: Iterable[Revision]) -> list[Any]:
    """The revisions, the newest first as they come, each with the number of the received one `before` it or 0.

    Before a port is what it is a port of.
    """
    shown: list[Any] = list(revisions)
    numbers = {revision.pk: revision.number for revision in shown}
    before = 0
    for revision in reversed(shown):
        revision.before = numbers.get(revision.ports_id, before) if revision.is_received else 0
        before = revision.number if revision.is_received and not revision.is_port else before
    return shown


def lapsed_verdicts(contribution: Contribution) -> list[Verdict]:
    """The last words of reviewers that do not hold for the current revision, the newest first."""
    current = contribution.current
    if current is None or current.number == 1:
        return []
    said = Review.objects.last_words(contribution).exclude(pk__in=Review.objects.in_force(contribution))
    rows = said.select_related("reviewer", "revision").defer(*LARGE).order_by("-reviewed_at", "-pk")[:MOST_VERDICTS]
    return [_verdict(contribution, current, review) for review in rows]


def _verdict(contribution: Contribution, current: Revision, review: Review) -> Verdict:
    older = review.revision
    changed = [reveal_code(path) for path in paths_changed(older, current)]
    named = ", ".join(changed[:MOST_PATHS])
    if len(changed) > MOST_PATHS:
        named += f" and {len(changed) - MOST_PATHS} more"
    partly = current.carries.get(str(older.number)) == Carry.PARTLY
    was = ("was" if len(changed) == 1 else "were") if partly else ("is" if len(changed) == 1 else "are")
    did = f"only {named} {was} added since" if partly else f"{named} {was} changed since"
    sentence = f"of {older.label}; {did if changed else f'{current.label} came since'}"
    return Verdict(review, sentence, compare_address(contribution, older.number, current.number))


@dataclass(frozen=True)
class Since:
    """A contribution of which somebody approved an earlier revision, and what they have to look at now."""

    title: str
    sentence: str
    address: str


OF, SHOWN = "revision__contribution", "revision__contribution__current"
FACTS = (OF, f"{OF}__title", "verdict", "revision__number", f"{SHOWN}__number", f"{SHOWN}__carries")


def changed_since_approval(person: Person, rows: Iterable[dict[str, Any]]) -> list[Since]:
    """Of these rows of a list, those whose earlier revision the person approved last, but not what it is now."""
    said = Review.objects.filter(reviewer=person, revision__contribution__in=[row["pk"] for row in rows])
    said = said.filter(revision__ports=None)
    last = said.order_by(f"{OF}_id", "-reviewed_at", "-pk").distinct(f"{OF}_id").values_list(*FACTS)
    return [
        Since(
            f"#{pk} {reveal(title)}",
            f"You approved v{number}; v{newest} came since.",
            reverse("contribution-comparison", args=[pk, number, newest]),
        )
        for pk, title, verdict, number, newest, carries in last
        if verdict == Review.Verdict.APPROVE and number < newest and carries.get(str(number)) != Carry.SAME
    ]
