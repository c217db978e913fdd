"""Finding contributions by what somebody asks, in the words of the search language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contributions.errors import Invalid

from .contribution import Contribution

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser
    from django.db.models import QuerySet

    from .person import Person

LONGEST = 300  # characters; more words than that find nothing and cost much


def found(query: str, person: Person | AnonymousUser) -> QuerySet[Contribution]:
    """What this person may see of what the query asks for, in no order. Raises Invalid with a sentence."""
    if len(query) > LONGEST:
        raise Invalid(f"Search for {LONGEST} characters at most.", field="q")
    seen = Contribution.objects.visible_to(person)
    return seen.matching(query) if query.strip() else seen
