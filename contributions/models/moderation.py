"""What people flag for the staff, and the signed seals over the history."""

from __future__ import annotations

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from .contribution import Contribution
from .moves import Stateful
from .person import Person
from .voices import Comment


class FlagQuerySet(models.QuerySet["Flag"]):
    def open(self) -> Self:
        return self.filter(state=Flag.State.OPEN)


class Flag(Stateful):
    """A person says that a contribution, a comment or an account is abuse; staff uphold or dismiss it."""

    class State(models.TextChoices):
        OPEN = "open"
        UPHELD = "upheld"
        DISMISSED = "dismissed"

    class Reason(models.TextChoices):
        MALWARE = "malware", "Malicious code"
        SPAM = "spam", "Spam"
        ABUSE = "abuse", "Abusive or hateful"
        RIGHTS = "rights", "Not theirs to share"
        OTHER = "other", "Something else"

    MOVES: ClassVar[dict[str, frozenset[str]]] = {"open": frozenset({"upheld", "dismissed"})}

    contribution = models.ForeignKey(Contribution, on_delete=models.PROTECT, null=True, related_name="flags")
    comment = models.ForeignKey(Comment, on_delete=models.PROTECT, null=True, related_name="flags")
    account = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="flags_on")
    reporter = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="flags")
    reason = models.CharField(max_length=10, choices=Reason)
    text = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    handled_at = models.DateTimeField(null=True, editable=False)
    handled_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    answer = models.TextField(blank=True, help_text="What was done about it, and why.")

    objects = FlagQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["state", "-id"], name="flag_queue")]
        constraints = [
            models.CheckConstraint(
                condition=Q(contribution__isnull=False, comment=None, account=None)
                | Q(contribution=None, comment__isnull=False, account=None)
                | Q(contribution=None, comment=None, account__isnull=False),
                name="flag_is_on_one_thing",
            ),
            models.UniqueConstraint(
                fields=["reporter", "contribution", "comment", "account"],
                condition=Q(state="open"),
                nulls_distinct=False,
                name="one_open_flag_a_person_and_thing",
            ),
        ]

    def __str__(self) -> str:
        return f"flag {self.pk}: {self.reason}"


class Seal(models.Model):
    """A signed digest over a stretch of the history, chained to the seal before it."""

    first = models.BigIntegerField(help_text="The key of the first event under it.")
    last = models.BigIntegerField(unique=True, help_text="The key of the last event under it.")
    count = models.PositiveIntegerField()
    digest = models.CharField(max_length=64, help_text="SHA-256 over the seal before and the events' canonical JSON.")
    envelope = models.TextField(help_text="The DSSE envelope that signs first, last, count and digest.")
    made_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-last"]

    def __str__(self) -> str:
        return f"seal over the history to line {self.last}"
