"""Carrying patches together: making a stack, choosing what is in it, and putting it away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.db.models.functions import Now

from contributions.errors import Clash, Invalid, Missing, NotAllowed, TooLarge
from contributions.models import Contribution, Event, Pick, Revision, Stack
from contributions.models.stack import MOST_PICKS

from .pacing import pace
from .words import one_line, prose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contributions.models import Component, Organisation, Person, Release

NAME_LENGTH = 100
UP, DOWN = "up", "down"


def make_stack(
    *,
    author: Person,
    component: Component,
    release: Release,
    name: str,
    organisation: Organisation | None = None,
    note: str = "",
    is_public: bool = False,
    contributions: Sequence[Contribution] = (),
) -> Stack:
    """Begin one for an organisation of the author's, or for the author alone; private unless it is public."""
    if not author.is_authenticated:
        raise NotAllowed("Sign in to make a stack.")
    pace(author, Event.Verb.STACKED)
    if organisation is not None and not organisation.memberships.filter(person=author).exists():
        raise NotAllowed(f"Only its members make a stack of {organisation}.")
    if release.component_id != component.pk:
        raise Invalid(f"{component.name} has no such release.", field="release")
    with transaction.atomic():
        stack = Stack.objects.create(
            component=component,
            release=release,
            organisation=organisation,
            author=author,
            is_public=is_public,
            name=_name(name),
            note=_note(note),
        )
        _add(author, stack, contributions, None)
        _write(author, stack, "made")
    return stack


def change_stack(
    *,
    person: Person,
    stack: Stack,
    name: str | None = None,
    note: str | None = None,
    release: Release | None = None,
    is_public: bool | None = None,
) -> Stack:
    """Change what is told of it, the release that it is for, or who may see it; what is None stays as it is."""
    pace(person, Event.Verb.STACKED)
    with transaction.atomic():
        now = _opened(person, stack)
        if release is not None and release.component_id != now.component_id:
            raise Invalid(f"{now.component.name} has no such release.", field="release")
        told = {
            "name": None if name is None else _name(name),
            "note": None if note is None else _note(note),
            "release": release,
            "is_public": is_public,
        }
        changed = {field: value for field, value in told.items() if value is not None and getattr(now, field) != value}
        if changed:
            Stack.objects.filter(pk=now.pk).update(**changed)
            _write(person, stack, f"changed: {', '.join(changed)}")
    stack.refresh_from_db()
    return stack


def pick(
    *, person: Person, stack: Stack, contributions: Sequence[Contribution], revision: int | None = None
) -> list[Pick]:
    """Put these behind what is in it; one that is there stays where it is. `revision` pins the one that it is."""
    pace(person, Event.Verb.STACKED)
    with transaction.atomic():
        now = _opened(person, stack)
        made = _add(person, now, contributions, revision)
        if made:
            _write(person, stack, "added " + ", ".join(f"#{one.contribution_id}" for one in made))
    return made


def unpick(*, person: Person, stack: Stack, contribution: int) -> None:
    """Take one out of it, by its number."""
    pace(person, Event.Verb.STACKED)
    with transaction.atomic():
        _picked(_opened(person, stack), contribution).delete()
        _write(person, stack, f"took out #{contribution}")


def pin(*, person: Person, stack: Stack, contribution: int, revision: int | None) -> Pick:
    """Take this revision of it from now on; with None the current one, or a port, whatever it will be."""
    pace(person, Event.Verb.STACKED)
    with transaction.atomic():
        row = _picked(_opened(person, stack), contribution)
        row.revision = None if revision is None else _received(row.contribution, revision)
        row.save(update_fields=["revision"])
        _write(person, stack, f"pinned #{contribution} to v{revision}" if revision else f"unpinned #{contribution}")
    return row


def move(*, person: Person, stack: Stack, contribution: int, to: str) -> None:
    """Move it one place `up` or `down` in the order asked for; at the end of the list nothing happens."""
    if to not in {UP, DOWN}:
        raise Invalid("It moves up or down.", field="move")
    pace(person, Event.Verb.STACKED)
    with transaction.atomic():
        now = _opened(person, stack)
        rows = list(now.picks.order_by("position", "pk"))
        place = rows.index(_picked(now, contribution))
        other = place + (1 if to == DOWN else -1)
        if 0 <= other < len(rows):
            rows[place], rows[other] = rows[other], rows[place]
            for position, row in enumerate(rows):
                row.position = position
            Pick.objects.bulk_update(rows, ["position"])
            _write(person, stack, f"moved #{contribution} {to}")


def copy_stack(*, person: Person, stack: Stack, name: str = "", organisation: Organisation | None = None) -> Stack:
    """A new private one with what this person may see of it, for an organisation of theirs or for them alone."""
    picks = stack.picks.select_related("contribution").order_by("position", "pk")
    seen = Contribution.objects.visible_to(person).filter(pk__in=picks.values("contribution"))
    known = set(seen.values_list("pk", flat=True))
    with transaction.atomic():
        made = make_stack(
            author=person,
            component=stack.component,
            release=stack.release,
            organisation=organisation,
            name=name or f"{stack.name[: NAME_LENGTH - 7]} (copy)",
            note=stack.note,
        )
        Pick.objects.bulk_create(
            Pick(stack=made, contribution=one.contribution, revision_id=one.revision_id, position=position)
            for position, one in enumerate(picks)
            if one.contribution_id in known and not _why_not(one.contribution)
        )
    return made


def archive(*, person: Person, stack: Stack, back: bool = False) -> Stack:
    """Put it away with its history, or take it `back`: nothing in it can be changed while it is away."""
    pace(person, Event.Verb.STACKED)
    with transaction.atomic():
        now = _locked(person, stack)
        if now.is_archived != back:
            raise Clash("It is not archived." if back else "It is archived already.")
        Stack.objects.filter(pk=now.pk).update(archived_at=None if back else Now())
        _write(person, stack, "taken out of the archive" if back else "archived")
    stack.refresh_from_db()
    return stack


def _name(text: str) -> str:
    return one_line(text, most=NAME_LENGTH, what="The name", field="name")


def _note(text: str) -> str:
    return prose(text, most=settings.MAX_TEXT_BYTES, what="The note", field="note")


def _locked(person: Person, stack: Stack) -> Stack:
    """The row as it is now, which nobody else changes until this transaction ends."""
    now = Stack.objects.select_for_update(of=("self",)).select_related("component", "release").get(pk=stack.pk)
    if not now.may_be_changed_by(person):
        raise NotAllowed("Only those who carry a stack can change it; copy it to have one of your own.")
    return now


def _opened(person: Person, stack: Stack) -> Stack:
    now = _locked(person, stack)
    if now.is_archived:
        raise Clash("It is archived; take it out of the archive first.")
    return now


def _picked(stack: Stack, contribution: int) -> Pick:
    found = stack.picks.select_related("contribution").filter(contribution=contribution).first()
    if found is None:
        raise Missing(f"#{contribution} is not in this stack.")
    return found


def _add(person: Person, stack: Stack, contributions: Sequence[Contribution], revision: int | None) -> list[Pick]:
    if revision is not None and len(contributions) != 1:
        raise Invalid("Pin the revision of one contribution at a time.", field="revision")
    there = set(stack.picks.values_list("contribution_id", flat=True))
    new = [one for one in {one.pk: one for one in contributions}.values() if one.pk not in there]
    for contribution in new:
        _refuse(person, stack, contribution)
    if len(there) + len(new) > MOST_PICKS:
        raise TooLarge(f"A stack holds {MOST_PICKS} patches at the most.", field="contribution")
    last = stack.picks.aggregate(last=Max("position"))["last"]
    start = 0 if last is None else last + 1
    pinned = _received(contributions[0], revision) if revision is not None else None
    rows = [
        Pick(stack=stack, contribution=contribution, revision=pinned, position=start + place)
        for place, contribution in enumerate(new)
    ]
    return Pick.objects.bulk_create(rows)


def _refuse(person: Person, stack: Stack, contribution: Contribution) -> None:
    if not Contribution.objects.visible_to(person).filter(pk=contribution.pk).exists():
        raise Missing(f"There is no contribution #{contribution.pk}, or you may not know of it.")
    if contribution.component_id != stack.component_id:
        raise Invalid(f"#{contribution.pk} is for another component than this stack.", field="contribution")
    if reason := _why_not(contribution):
        raise Clash(reason, field="contribution")


def _why_not(contribution: Contribution) -> str:
    if not contribution.has_patch:
        return f"#{contribution.pk} is no patch, so it cannot be laid onto a release."
    if contribution.is_withdrawn:
        return f"#{contribution.pk} is withdrawn."
    if contribution.is_quarantined:
        return f"#{contribution.pk} is in quarantine."
    if contribution.is_draft:
        return f"#{contribution.pk} is a draft; share it first."
    return "" if contribution.current_id else f"#{contribution.pk} was not received yet."


def _received(contribution: Contribution, number: int) -> Revision:
    found: Revision | None = contribution.revisions.filter(number=number, state=Revision.State.RECEIVED).first()
    if found is None:
        raise Invalid(f"#{contribution.pk} has no received v{number}.", field="revision")
    return found


def _write(person: Person, stack: Stack, text: str) -> None:
    Event.objects.write(Event.Verb.STACKED, actor=person, stack=stack, component=stack.component, text=text)
