"""Whom somebody who types @ may mean: those who took part first, then everybody whose name begins so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.db.models import Q

from .person import Person

if TYPE_CHECKING:
    from .contribution import Contribution

MOST = 8
PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,149}")
SHORTEST = 2  # letters before people are offered who took no part


def names_for(prefix: str, contribution: Contribution | None = None) -> list[tuple[str, str]]:
    """Usernames and full names, both public; nobody who is suspended."""
    if prefix and not PREFIX.fullmatch(prefix):
        return []
    like = Q(username__startswith=prefix)
    found = _named(like & _took_part(contribution)) if contribution is not None else []
    if len(found) < MOST and len(prefix) >= SHORTEST:
        found += [pair for pair in _named(like) if pair not in found]
    return found[:MOST]


def _named(condition: Q) -> list[tuple[str, str]]:
    people = Person.objects.filter(condition, is_active=True).order_by("username").distinct()
    return list(people.values_list("username", "name")[:MOST])


def _took_part(contribution: Contribution) -> Q:
    """Its author, its maintainers, and whoever said something about it."""
    said = contribution.comments.standing().order_by().values("author")
    maintainers = contribution.component.maintainers.order_by().values("pk")
    return Q(pk=contribution.author_id) | Q(pk__in=said) | Q(pk__in=maintainers)
