"""An invitation into an organisation: nobody becomes a member who did not accept."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from .moves import Stateful
from .person import Membership, Organisation, Person


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
