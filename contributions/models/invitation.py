"""An invitation into an organisation: nobody becomes a member who did not accept."""

from __future__ import annotations

import hashlib
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from contributions.errors import Missing

from .moves import Stateful
from .person import Membership, Organisation, Person

UNKNOWN_INVITATION = "There is no such invitation: it was used, taken back, or is meant for somebody else."


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def waiting(self) -> Self:
        """Those that can be accepted."""
        return self.filter(state=Invitation.State.OPEN, expires_at__gt=Now())

    def naming(self, person: Person) -> Self:
        """Those that wait and name this account."""
        return self.waiting().filter(person=person).select_related("organisation", "invited_by")

    def of_link(self, secret: str) -> Invitation:
        """The one that waits and whose link has this word; raises Missing for any other, without telling why."""
        rows = self.waiting().select_related("organisation", "invited_by", "person")
        found = rows.filter(digest=Invitation.digest_of(secret)).first()
        if found is None:
            raise Missing(UNKNOWN_INVITATION)
        return found


class Invitation(Stateful):
    class State(models.TextChoices):
        OPEN = "open"
        ACCEPTED = "accepted"
        DECLINED = "declined"
        REVOKED = "revoked"

    MOVES: ClassVar[dict[str, frozenset[str]]] = {"open": frozenset({"accepted", "declined", "revoked"})}

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="invitations")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, null=True, blank=True, related_name="invitations")
    email = models.EmailField(blank=True, help_text="Whom it was sent to, where no account was named.")
    role = models.CharField(max_length=10, choices=Membership.Role, default=Membership.Role.MEMBER)
    digest = models.CharField(max_length=64, unique=True, editable=False, help_text="SHA-256 of the word in its link.")
    invited_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "person"],
                condition=Q(state="open", person__isnull=False),
                name="one_open_invitation_of_a_person",
            )
        ]

    def __str__(self) -> str:
        return f"invitation {self.pk} into {self.organisation}"

    @staticmethod
    def digest_of(secret: str) -> str:
        return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
