"""Saying what must be on before a contribution, beside what its commits say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection, transaction

from contributions.errors import Clash, Invalid, NotAllowed, TooLarge
from contributions.models import Contribution, Event

from .pacing import pace
from .quarantining import refuse_in_quarantine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contributions.models import Person

MOST = 20
REACHED = """
WITH RECURSIVE reached(number) AS (
    SELECT to_contribution_id FROM contributions_contribution_depends_on WHERE from_contribution_id = %s
    UNION
    SELECT to_contribution_id FROM contributions_contribution_depends_on JOIN reached ON from_contribution_id = number
)
SELECT EXISTS (SELECT FROM reached WHERE number = %s)
"""


def set_dependencies(*, author: Person, contribution: Contribution, on: Sequence[int]) -> Contribution:
    """From now on it depends on these, by their numbers, and on no others; its author says so."""
    refuse_in_quarantine(author, contribution)
    if not contribution.may_be_revised_by(author):
        raise NotAllowed("Only its author says what a contribution depends on, and only until it is withdrawn.")
    pace(author, Event.Verb.NEEDED)
    numbers = list(dict.fromkeys(on))
    if len(numbers) > MOST:
        raise TooLarge(f"It may depend on {MOST} others at the most.", field="on")
    found = Contribution.objects.visible_to(author).in_bulk(numbers)
    for number in numbers:
        _refuse(contribution, number, found.get(number))
    with transaction.atomic():
        locked = Contribution.objects.select_for_update(of=("self",)).get(pk=contribution.pk)
        before = set(locked.depends_on.values_list("pk", flat=True))
        if before != set(numbers):
            locked.depends_on.set(numbers)
            text = " ".join(f"#{number}" for number in numbers) or "nothing"
            Event.objects.write(Event.Verb.NEEDED, actor=author, contribution=locked, text=text)
    return contribution


def _refuse(contribution: Contribution, number: int, other: Contribution | None) -> None:
    if number == contribution.pk:
        raise Invalid("It cannot depend on itself.", field="on")
    if other is None or not other.is_public:
        raise Invalid(f"There is no contribution #{number} that others may see.", field="on")
    if other.component_id != contribution.component_id:
        raise Invalid(f"#{number} is for another component.", field="on")
    if not other.has_patch or not contribution.has_patch:
        raise Invalid("Only patches depend on each other.", field="on")
    if _reaches(other, contribution.pk):
        raise Clash(f"#{number} depends on this one, so neither could go first.", field="on")


def _reaches(start: Contribution, goal: int) -> bool:
    """Whether `start` depends on `goal`, directly or by way of others, as far as their authors said so.

    The database walks, however long the chain is.
    """
    with connection.cursor() as cursor:
        cursor.execute(REACHED, [start.pk, goal])
        return bool(cursor.fetchone()[0])
