"""What the page of a contribution shows of handing it over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contributions.forms.sharing import TransferForm
from contributions.models import Person
from contributions.models.transfer import may_be_taken_over_by, organisation_of, takers_of

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from contributions.models import Contribution

MOST_NAMED = 200  # members who are offered to whoever types a name


def handing_of(contribution: Contribution, person: Person | AnonymousUser) -> dict[str, Any]:
    """The open offer, for those whom it concerns, and what this person may do."""
    shown: dict[str, Any] = {"handed": next((one for one in contribution.handings if one.is_accepted), None)}
    if not isinstance(person, Person):
        return shown
    shown["may_take_over"] = may_be_taken_over_by(contribution, person)
    offered = next((one for one in contribution.handings if not one.is_accepted), None)
    if offered is not None and person.pk in {offered.giver_id, offered.taker_id}:
        return shown | {"offered": offered, "is_offered_to_me": offered.taker_id == person.pk}
    if contribution.is_by(person) and contribution.may_be_handed_over and offered is None:
        shown |= {"transfer_form": TransferForm(), "takers_of": organisation_of(contribution)}
        shown["takers"] = list(takers_of(contribution).order_by("username")[:MOST_NAMED])
    return shown
