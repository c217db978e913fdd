"""Saying by which words a contribution is found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from contributions.errors import Clash, NotAllowed
from contributions.models import Contribution, Event, Tag
from contributions.models.tag import read_tags

from .pacing import pace

if TYPE_CHECKING:
    from contributions.models import Person


def tag(*, person: Person, contribution: Contribution, tags: str) -> Contribution:
    """Give it these tags, parted by blanks or commas, and no others; its author, its maintainers and staff may."""
    if contribution.is_quarantined and not person.is_staff:
        raise Clash("It is in quarantine: nothing can be added to it until staff have looked at it.")
    if not contribution.may_be_tagged_by(person):
        raise NotAllowed("Only its author, the component's maintainers and staff change the tags of a contribution.")
    pace(person, Event.Verb.TAGGED)
    names = read_tags(tags)
    with transaction.atomic():
        locked = Contribution.objects.select_for_update(of=("self",)).get(pk=contribution.pk)
        before = set(locked.tags.values_list("name", flat=True))
        if before == set(names):
            return contribution
        locked.tags.set(Tag.objects.called(names))
        changed = [f"+{name}" for name in names if name not in before]
        changed += [f"-{name}" for name in sorted(before - set(names))]
        Event.objects.write(Event.Verb.TAGGED, actor=person, contribution=locked, text=" ".join(changed))
    return contribution
