"""Who must hear of a recall, and how: what organisations downloaded, their webhooks, and each message on its way."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.db import connection, models
from django.db.models import Q
from django.db.models.expressions import DatabaseDefault
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from .blob import Blob
from .moves import Stateful
from .person import Organisation, Person
from .work import ERRORED, QUEUED, RUNNING, Work, WorkQuerySet

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from .event import Event


NOTED_EVERY = timedelta(hours=1)
# Between the tries of a message, in minutes: nine tries in a little less than three days.
PAUSES = tuple(timedelta(minutes=pause) for pause in (1, 5, 30, 120, 360, 720, 1440, 1440))


class DownloadQuerySet(models.QuerySet["Download"]):
    def note(self, person: Any, blob: Blob) -> None:
        """Note that the person's organisations have these bytes now, at most once an hour each."""
        if not isinstance(person, Person):
            return
        of = set(person.memberships.values_list("organisation", flat=True))
        lately = self.filter(organisation__in=of, blob=blob, last_at__gt=Now() - NOTED_EVERY)
        stale = of - set(lately.values_list("organisation", flat=True)) if of else of
        self.bulk_create(
            [Download(organisation_id=pk, blob=blob, person=person, last_at=Now()) for pk in sorted(stale)],
            update_conflicts=True,
            unique_fields=["organisation", "blob"],
            update_fields=["last_at", "person"],
        )


class Download(models.Model):
    """An organisation has these bytes: a token or a login of one of its people fetched them."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="downloads")
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="downloads")
    person = models.ForeignKey(
        Person, on_delete=models.SET_NULL, null=True, related_name="+", help_text="Who fetched them last."
    )
    first_at = models.DateTimeField(db_default=Now(), editable=False)
    last_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = DownloadQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["organisation", "blob"], name="one_download_an_organisation")]

    def __str__(self) -> str:
        return f"{self.organisation} has {self.blob_id}"


class WebhookQuerySet(models.QuerySet["Webhook"]):
    def hearing(self, topic: str) -> Self:
        return self.filter(state=Webhook.State.ACTIVE, topics__contains=[topic])


class Webhook(Stateful):
    """An address of an organisation that hears of what it asked to hear of."""

    class State(models.TextChoices):
        ACTIVE = "active"
        DISABLED = "disabled"

    MOVES: ClassVar[dict[str, frozenset[str]]] = {
        "active": frozenset({"disabled"}),
        "disabled": frozenset({"active"}),
    }

    class Topic(models.TextChoices):
        RECALLS = "recalls", _("Recalls of what we touched: withdrawn, in quarantine, advised against")
        FEED = "feed", _("Everything in the feed")
        STACKS = (
            "stacks",
            _("What happens to our stacks and what they will cost: merged upstream, superseded, stranded"),
        )

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=500)
    secret = models.CharField(max_length=100, editable=False, help_text="Signs what is sent; both sides must know it.")
    topics = models.JSONField(default=list, help_text="recalls: what touches us; feed: everything in the feed.")
    state = models.CharField(max_length=10, choices=State, default=State.ACTIVE)
    failing_since = models.DateTimeField(null=True, editable=False)
    made_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = WebhookQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["organisation", "url"], name="one_webhook_of_an_address")]

    def __str__(self) -> str:
        return self.url

    def get_absolute_url(self) -> str:
        return reverse("webhook", args=[self.organisation.slug, self.pk])

    @property
    def is_active(self) -> bool:
        return self.state == self.State.ACTIVE


class MessageQuerySet(WorkQuerySet):
    def waiting(self) -> Self:
        """Only what is due: a message that failed pauses before it is tried again."""
        return super().waiting().filter(Q(due_at=None) | Q(due_at__lte=Now()))

    def queue_for(self, receiver: str, keys: QuerySet[Any, Any], **same: Any) -> None:
        """A row for each of the `keys` (one column) in the field `receiver`, the rest the same; what is there stays.

        One INSERT … SELECT: ten thousand rows made in Python took ten times as long.
        """
        row, meta = self.model(**same), self.model._meta
        given = {field.column: getattr(row, field.attname) for field in meta.concrete_fields if not field.primary_key}
        plain = {name: value for name, value in given.items() if value is not None and not _is_left_to_sql(value)}
        sql, wanted = keys.query.sql_with_params()
        columns = ", ".join(f'"{name}"' for name in [meta.get_field(receiver).column, *plain])
        values = ", ".join(["chosen.*", *["%s"] * len(plain)])
        with connection.cursor() as cursor:
            cursor.execute(
                f'INSERT INTO "{meta.db_table}" ({columns}) SELECT {values} FROM ({sql}) chosen ON CONFLICT DO NOTHING',  # noqa: S608 - our own names
                [*plain.values(), *wanted],
            )


def _is_left_to_sql(value: Any) -> bool:
    return isinstance(value, DatabaseDefault)


class Message(Work):
    """Work that somebody outside must take from us; when they do not, it pauses and is tried again."""

    class State(models.TextChoices):
        QUEUED = QUEUED
        RUNNING = RUNNING, "sending"
        SENT = "sent"
        FAILED = "failed"
        ERRORED = ERRORED

    MOVES: ClassVar[dict[str, frozenset[str]]] = {
        QUEUED: frozenset({RUNNING}),
        RUNNING: frozenset({QUEUED, "sent", "failed", ERRORED}),
        "sent": frozenset({QUEUED}),
        "failed": frozenset({QUEUED}),
        ERRORED: frozenset({QUEUED}),
    }

    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    tries = models.PositiveSmallIntegerField(default=0, editable=False)
    due_at = models.DateTimeField(null=True, editable=False, help_text="Not to be tried again before.")

    objects = MessageQuerySet.as_manager()

    class Meta:
        abstract = True

    def put_off(self, sentence: str, **values: Any) -> Self:
        """It was not taken: try again after a pause that grows, or give it up after the last one."""
        tries = self.tries + 1
        if tries > len(PAUSES):
            return self.finish(self.State.FAILED, tries=tries, sentence=sentence, **values)
        due = Now() + PAUSES[tries - 1]
        again = {"attempts": 0, "queued_at": due, "due_at": due, "rung_at": None}
        return self._let_go(QUEUED, tries=tries, sentence=sentence, **again, **values)

    def send_again(self) -> Self:
        """Queue it once more from the start, as it is."""
        again: dict[str, Any] = {
            "attempts": 0,
            "tries": 0,
            "due_at": None,
            "rung_at": None,
            "queued_at": Now(),
            "finished_at": None,
        }
        return self.move(QUEUED, sentence="", **again)


class Delivery(Message):
    """One event on its way to one webhook; kept as the delivery log."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event: models.ForeignKey[Event | None, Event | None] = models.ForeignKey(
        "Event", on_delete=models.PROTECT, null=True, related_name="deliveries", help_text="None for a trial."
    )
    word = models.CharField(max_length=30, help_text="What happened, as the header Patchbay-Event says it.")
    body = models.TextField(help_text="The JSON that is sent and signed, byte for byte.")
    status = models.PositiveSmallIntegerField(null=True, editable=False, help_text="The last HTTP status answered.")
    answer = models.CharField(max_length=500, blank=True, editable=False, help_text="The beginning of the answer.")

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(fields=["state", "due_at"], name="delivery_waiting"),
            models.Index(fields=["webhook", "-id"], name="delivery_of_webhook"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["webhook", "event"], name="one_delivery_of_an_event_to_a_webhook"),
        ]

    def __str__(self) -> str:
        return f"delivery {self.pk} to {self.webhook}"


class Letter(Message):
    """One event on its way to one person by mail."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="letters")
    event: models.ForeignKey[Event, Event] = models.ForeignKey(
        "Event", on_delete=models.PROTECT, related_name="letters"
    )

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["state", "due_at"], name="letter_waiting")]
        constraints = [models.UniqueConstraint(fields=["person", "event"], name="one_letter_of_an_event_to_a_person")]

    def __str__(self) -> str:
        return f"letter {self.pk} to {self.person}"
