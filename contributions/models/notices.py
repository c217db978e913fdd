"""Who must hear of a recall, and how: what organisations downloaded, their webhooks, and each message on its way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from .blob import Blob
from .moves import Stateful
from .person import Organisation, Person
from .work import ERRORED, QUEUED, RUNNING, Work, WorkQuerySet

if TYPE_CHECKING:
    from .event import Event


class Download(models.Model):
    """An organisation has these bytes: a token or a login of one of its people fetched them."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="downloads")
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="downloads")
    person = models.ForeignKey(Person, on_delete=models.SET_NULL, null=True, related_name="+")
    first_at = models.DateTimeField(db_default=Now(), editable=False)
    last_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "blob"], name="one_download_an_organisation")]

    def __str__(self) -> str:
        return f"{self.organisation} has {self.blob_id}"


class Webhook(Stateful):
    """An address of an organisation that hears of what it asked to hear of."""

    class State(models.TextChoices):
        ACTIVE = "active"
        DISABLED = "disabled"

    MOVES: ClassVar[dict[str, frozenset[str]]] = {
        "active": frozenset({"disabled"}),
        "disabled": frozenset({"active"}),
    }

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=500)
    secret = models.CharField(max_length=100, editable=False)
    topics = models.JSONField(default=list, help_text="recalls: what touches us; feed: everything in the feed.")
    state = models.CharField(max_length=10, choices=State, default=State.ACTIVE)
    failing_since = models.DateTimeField(null=True, editable=False)
    made_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["organisation", "url"], name="one_webhook_of_an_address")]

    def __str__(self) -> str:
        return self.url

    def may_be_kept_by(self, person: Any) -> bool:
        return self.organisation.may_be_run_by(person)


class MessageQuerySet(WorkQuerySet):
    def waiting(self) -> Self:
        """Only what is due: a message that failed pauses before it is tried again."""
        return super().waiting().filter(Q(due_at=None) | Q(due_at__lte=Now()))


class Delivery(Work):
    """One event on its way to one webhook; tried with growing pauses, and kept as the delivery log."""

    class State(models.TextChoices):
        QUEUED = QUEUED
        RUNNING = RUNNING, "sending"
        DELIVERED = "delivered"
        FAILED = "failed"
        ERRORED = ERRORED

    MOVES: ClassVar[dict[str, frozenset[str]]] = {
        QUEUED: frozenset({RUNNING}),
        RUNNING: frozenset({QUEUED, "delivered", "failed", ERRORED}),
        "delivered": frozenset({QUEUED}),
        "failed": frozenset({QUEUED}),
        ERRORED: frozenset({QUEUED}),
    }

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event: models.ForeignKey[Event | None, Event | None] = models.ForeignKey(
        "Event", on_delete=models.PROTECT, null=True, related_name="deliveries", help_text="None for a trial."
    )
    body = models.TextField(help_text="The JSON that is sent and signed, byte for byte.")
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    tries = models.PositiveSmallIntegerField(default=0, editable=False)
    due_at = models.DateTimeField(null=True, editable=False)
    status = models.PositiveSmallIntegerField(null=True, editable=False, help_text="The last HTTP status answered.")
    answer = models.CharField(max_length=500, blank=True, editable=False, help_text="The beginning of the answer.")

    objects = MessageQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "deliveries"
        indexes = [models.Index(fields=["state", "due_at"], name="delivery_waiting")]
        constraints = [
            models.UniqueConstraint(fields=["webhook", "event"], name="one_delivery_of_an_event_to_a_webhook"),
        ]

    def __str__(self) -> str:
        return f"delivery {self.pk} to {self.webhook}"


class Letter(Work):
    """One event on its way to one person by mail."""

    class State(models.TextChoices):
        QUEUED = QUEUED
        RUNNING = RUNNING, "sending"
        SENT = "sent"
        ERRORED = ERRORED

    MOVES: ClassVar[dict[str, frozenset[str]]] = {
        QUEUED: frozenset({RUNNING}),
        RUNNING: frozenset({QUEUED, "sent", ERRORED}),
        ERRORED: frozenset({QUEUED}),
    }

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="letters")
    event: models.ForeignKey[Event, Event] = models.ForeignKey(
        "Event", on_delete=models.PROTECT, related_name="letters"
    )
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    due_at = models.DateTimeField(null=True, editable=False)

    objects = MessageQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["state", "due_at"], name="letter_waiting")]
        constraints = [models.UniqueConstraint(fields=["person", "event"], name="one_letter_of_an_event_to_a_person")]

    def __str__(self) -> str:
        return f"letter {self.pk} to {self.person}"
