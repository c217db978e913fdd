"""Handing a contribution from one author to another: the offer, and what remains of it afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from .contribution import Contribution
from .moves import Stateful
from .person import Membership, Organisation, Person

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser
    from django.db.models import QuerySet


class TransferQuerySet(models.QuerySet["Transfer"]):
    def waiting(self) -> Self:
        return self.filter(state=Transfer.State.OPEN)

    def standing(self) -> Self:
        """Those that were accepted, and the one that waits."""
        return self.filter(state__in=[Transfer.State.OPEN, Transfer.State.ACCEPTED])

    def accepted(self) -> Self:
        return self.filter(state=Transfer.State.ACCEPTED)

    def to_be_answered_by(self, person: Person | AnonymousUser) -> Self:
        """Those that are offered to this person, of what can still be handed over."""
        offered = self.waiting().filter(taker=person.pk, contribution__quarantined_at=None)
        free = offered.exclude(contribution__state=Contribution.State.WITHDRAWN)
        return free.filter(giver=F("contribution__author")).select_related(
            "contribution", "giver", "taker", "organisation"
        )


class Transfer(Stateful):
    """From a giver to a taker. The giver stays known: who was the author of something never judges it."""

    class State(models.TextChoices):
        OPEN = "open"
        ACCEPTED = "accepted"
        DECLINED = "declined"
        REVOKED = "revoked"

    MOVES: ClassVar[dict[str, frozenset[str]]] = {"open": frozenset({"accepted", "declined", "revoked"})}

    contribution = models.ForeignKey(Contribution, on_delete=models.CASCADE, related_name="transfers")
    giver = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="given_transfers")
    taker = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    organisation = models.ForeignKey(Organisation, on_delete=models.SET_NULL, null=True, related_name="+")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    decided_at = models.DateTimeField(null=True, editable=False)

    objects = TransferQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["contribution"], condition=Q(state="open"), name="one_open_transfer_of_a_contribution"
            ),
            models.CheckConstraint(condition=~Q(giver=F("taker")), name="a_transfer_is_to_somebody_else"),
        ]

    def __str__(self) -> str:
        return f"transfer of #{self.contribution_id} from {self.giver} to {self.taker}"

    @property
    def is_accepted(self) -> bool:
        return self.state == self.State.ACCEPTED


def organisation_of(contribution: Contribution) -> Organisation | None:
    """Within which it can be handed over: the one that it was shared for, else the one its author speaks for."""
    return contribution.organisation or contribution.author.organisation


def takers_of(contribution: Contribution) -> QuerySet[Person]:
    """The other members of that organisation."""
    members = Membership.objects.filter(organisation=organisation_of(contribution)).exclude(organisation=None)
    return Person.objects.filter(pk__in=members.values("person"), is_active=True).exclude(pk=contribution.author_id)


def may_be_taken_over_by(contribution: Contribution, person: Person | AnonymousUser) -> bool:
    """Whether its organisation's owner may take what was left behind by an author who belongs to it no more."""
    if contribution.organisation is None or contribution.is_by(person) or not contribution.may_be_handed_over:
        return False
    left = not contribution.organisation.memberships.filter(person=contribution.author_id).exists()
    return left and contribution.organisation.may_be_run_by(person)
