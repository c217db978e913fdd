"""What a contribution claims, said by its author, and ticked by whoever tried it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from contributions.claims import TEXT_LENGTH, lines_in
from contributions.errors import Clash, Invalid, Missing, NotAllowed
from contributions.models import Claim, Contribution, Event, Tick
from contributions.plaintext import clean

from .pacing import pace
from .quarantining import refuse_in_quarantine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contributions.claims import Line
    from contributions.models import Person

Kind = Claim.Kind


def set_claims(*, author: Person, contribution: Contribution, fixes: str, tests: str) -> list[Claim]:
    """Make these the claims, one a line; what stays as it was keeps its ticks."""
    refuse_in_quarantine(author, contribution)
    if not contribution.may_be_revised_by(author):
        raise NotAllowed("Only its author says what a contribution claims, and only until it is withdrawn.")
    wanted = claimed(fixes, tests)
    pace(author, Event.Verb.CLAIMED)
    with transaction.atomic():
        locked = Contribution.objects.select_for_update(of=("self",)).get(pk=contribution.pk)
        before = [str(claim) for claim in locked.claims.standing()]
        made = write_claims(locked, wanted)
        if before != [str(claim) for claim in made]:
            text = "; ".join(str(claim) for claim in made) or "nothing"
            Event.objects.write(Event.Verb.CLAIMED, actor=author, contribution=locked, text=text)
    return made


def claimed(fixes: str, tests: str) -> list[tuple[str, Line]]:
    """What was typed, each line with its kind; raises Refusal."""
    return [
        *((str(Kind.FIXES), line) for line in lines_in(clean(fixes), field="fixes")),
        *((str(Kind.TEST), line) for line in lines_in(clean(tests), field="tests")),
    ]


def write_claims(contribution: Contribution, wanted: Sequence[tuple[str, Line]]) -> list[Claim]:
    """Part of another verb, which holds the contribution's lock."""
    standing = {(claim.kind, claim.text, claim.url): claim for claim in contribution.claims.standing()}
    keys = [(kind, line.text, line.url) for kind, line in wanted]
    gone = [claim.pk for key, claim in standing.items() if key not in keys]
    contribution.claims.filter(pk__in=gone).update(removed_at=Now())
    made = []
    for position, (kind, text, url) in enumerate(keys):
        claim = standing.get((kind, text, url)) or Claim(contribution=contribution, kind=kind, text=text, url=url)
        claim.position = position
        claim.save()
        made.append(claim)
    return made


def tick(*, person: Person, claim: Claim, holds: bool | None, text: str = "") -> Tick | None:
    """Say that it holds for one, or that it fails and how; None takes it back. The latest counts."""
    contribution = claim.contribution
    refuse_in_quarantine(person, contribution)
    if not contribution.may_be_ticked_by(person):
        raise NotAllowed("You cannot tick what you claim yourself, nor what is withdrawn.")
    if claim.removed_at is not None:
        raise Clash("Its author claims that no longer.")
    if contribution.current is None:
        raise Missing("It is still being received; try it once there is a revision.")
    text = " ".join(clean(text).split())
    if len(text) > TEXT_LENGTH:
        raise Invalid(f"Say it in {TEXT_LENGTH} letters; a comment takes more.", field="text")
    pace(person, Event.Verb.TICKED)
    with transaction.atomic():
        Contribution.objects.select_for_update(of=("self",)).get(pk=contribution.pk)
        made = _ticked(person, claim, holds, text)
        word = {True: "holds", False: "fails", None: "taken back"}[holds]
        Event.objects.write(Event.Verb.TICKED, actor=person, contribution=contribution, text=f"{word}: {claim}")
    return made


def _ticked(person: Person, claim: Claim, holds: bool | None, text: str) -> Tick | None:  # noqa: FBT001 - the tick itself
    if holds is None:
        Tick.objects.filter(claim=claim, person=person).delete()
        return None
    said = {
        "holds": holds,
        "text": text,
        "organisation": person.organisation,
        "revision": claim.contribution.current,
        "at": timezone.now(),
    }
    made, _ = Tick.objects.update_or_create(claim=claim, person=person, defaults=said)
    return made
