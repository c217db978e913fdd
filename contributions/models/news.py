"""What somebody is told: lines to read on the site, and the letters that gather them by each one's own rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.conf import settings
from django.core.exceptions import EmptyResultSet
from django.db import connection, models
from django.db.models import Case, F, Q, Value, When
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce, Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .contribution import Contribution, known_to
from .event import Event
from .following import Follow
from .notices import Message
from .person import Person
from .stack import Stack
from .voices import FieldReport

if TYPE_CHECKING:
    from django.db.models import QuerySet

POST_HOUR = 6  # of the day, UTC: daily letters go then, weekly ones on Mondays
MOST_COUNTED = 100


class Rhythm(models.TextChoices):
    NOW = "now", "At once"
    DAILY = "daily", "Once a day"
    WEEKLY = "weekly", "Once a week"
    NEVER = "never", "Never"


class About(models.TextChoices):
    """What mail can be about; for each of these a person chooses a rhythm."""

    YOURS = "yours", "What becomes of what I shared"
    DIRECT = "direct", "Somebody mentions or answers me"
    REVIEWS = "reviews", "Something waits for my review"
    FOLLOWING = "following", "What I follow or took part in"
    SEARCHES = "searches", "New matches of my saved searches"
    QUESTIONS = "questions", "Whether what I reported still holds"
    FLAGS = "flags", "New flags, for staff"


USUAL: dict[str, str] = dict.fromkeys(About.values, Rhythm.NOW.value) | {
    About.FOLLOWING.value: Rhythm.DAILY.value,
    About.SEARCHES.value: Rhythm.DAILY.value,
}


def rules_of(person: Person) -> dict[str, str]:
    """How often the person wants mail about what."""
    return {about: person.mail_rules.get(about, usual) for about, usual in USUAL.items()}


def next_post(rhythm: str, now: datetime) -> datetime | None:
    """When a letter in this rhythm goes that has its first line now; None for never."""
    if rhythm == Rhythm.NEVER:
        return None
    if rhythm == Rhythm.NOW:
        return now + timedelta(seconds=settings.MAIL_WAIT_SECONDS)
    hour = now.astimezone(UTC).replace(hour=POST_HOUR, minute=0, second=0, microsecond=0)
    days = int(hour <= now) if rhythm == Rhythm.DAILY else (-hour.weekday()) % 7
    due = hour + timedelta(days=days)
    return due if due > now else due + timedelta(days=7)


class Mailing(Message):
    """A letter that gathers what one person was told; or one that asks whether a field report still holds."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="mailings")
    contribution = models.ForeignKey(
        Contribution, on_delete=models.CASCADE, null=True, related_name="+", help_text="None for what is not about one."
    )
    rhythm = models.CharField(max_length=6, choices=Rhythm)
    report = models.ForeignKey(
        FieldReport, on_delete=models.CASCADE, null=True, related_name="+", help_text="What it asks about."
    )

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["state", "due_at"], name="mailing_waiting")]

    def __str__(self) -> str:
        return f"mailing {self.pk} to {self.person}"


class NotificationQuerySet(models.QuerySet["Notification"]):
    def unread(self) -> Self:
        return self.filter(read_at=None)

    def seen_by(self, person: Person) -> Self:
        """The person's own, without what they may know no more."""
        stacks = Q(event__stack=None) | Q(event__stack__in=Stack.objects.visible_to(person))
        return self.filter(Q(contribution=None) | known_to(person, "contribution__"), stacks, person=person)

    def count_unread(self, person: Person) -> int:
        """MOST_COUNTED stands for that many or more."""
        return self.seen_by(person).unread().order_by()[:MOST_COUNTED].count()

    def mark_read(self) -> int:
        """What was read on the site is not sent by mail any more."""
        return self.unread().update(read_at=Now(), due_at=None)

    def with_names(self) -> Self:
        """Everything that a line names, in the same query."""
        follow = ("component", "release__component", "whom", "organisation", "stack", "search")
        event = (
            "actor",
            "contribution__author",
            "component",
            "revision",
            "release__component",
            "build",
            "comment",
            "advisory",
            "organisation",
            "stack",
        )
        rows = self.select_related("contribution__component", "follow", *(f"follow__{name}" for name in follow))
        rows = rows.select_related("event", *(f"event__{name}" for name in event))
        return rows.defer(
            "event__revision__files",
            "event__revision__commits",
            "event__revision__fingerprints",
            "event__build__recipe",
        )

    def tell(self, event: Event, why: str, chosen: QuerySet[Any]) -> None:
        """A line for each of the chosen people, or people's follows; who has one of this event keeps it.

        One INSERT … SELECT, so that ten thousand followers cost one statement.
        """
        by_follow = chosen.model is Follow
        person, follow = ("person_id", F("pk")) if by_follow else ("pk", Value(None, models.BigIntegerField()))
        told = chosen.annotate(told_follow=follow, **_posts(why, "person__" if by_follow else ""))
        rows = told.order_by().values_list(person, "told_follow", "told_rhythm", "told_due")
        try:
            sql, wanted = rows.query.sql_with_params()
        except EmptyResultSet:  # Django knows without asking that nobody was chosen
            return
        with connection.cursor() as cursor:
            cursor.execute(
                f'INSERT INTO "{self.model._meta.db_table}"'  # noqa: S608 - our own names
                " (person_id, follow_id, rhythm, due_at, event_id, contribution_id, why)"
                " SELECT person, follow::bigint, rhythm, due::timestamptz, %s, %s, %s"
                f" FROM ({sql}) chosen(person, follow, rhythm, due) ON CONFLICT DO NOTHING",
                [event.pk, event.contribution_id, why, *wanted],
            )


def _posts(why: str, at: str) -> dict[str, Any]:
    """The rhythm of a person's mail, and when the line is due in it; never for who has no address."""
    about, now = Notification.ABOUT[why], timezone.now()
    text = models.CharField()
    rule = Coalesce(KeyTextTransform(about, f"{at}mail_rules"), Value(USUAL[about]), output_field=text)
    rhythm = Case(When(Q(**{f"{at}email": ""}), then=Value(Rhythm.NEVER.value)), default=rule, output_field=text)
    posts = [When(told_rhythm=word, then=Value(next_post(word, now))) for word in Rhythm.values if word != "never"]
    return {"told_rhythm": rhythm, "told_due": Case(*posts, default=None, output_field=models.DateTimeField(null=True))}


class Notification(models.Model):
    """A line of the history that somebody is told of on the site, and by mail as they wish."""

    class Why(models.TextChoices):
        MENTION = "mention", _("you were mentioned")
        ANSWER = "answer", _("somebody answered you")
        AUTHOR = "author", _("it is yours")
        YOU = "you", _("it is about you")
        REVIEW = "review", _("it waits for your review")
        STAFF = "staff", _("you are of the staff")
        FOLLOWING = "following", _("you follow it")
        SEARCH = "search", _("it matches a search of yours")
        PART = "part", _("you took part")
        RUNS = "runs", _("your organisation runs it")
        STACK = "stack", _("you have it in a stack")

    ABOUT: ClassVar[dict[str, str]] = {
        Why.MENTION: About.DIRECT,
        Why.ANSWER: About.DIRECT,
        Why.AUTHOR: About.YOURS,
        Why.YOU: About.YOURS,
        Why.REVIEW: About.REVIEWS,
        Why.STAFF: About.FLAGS,
        Why.FOLLOWING: About.FOLLOWING,
        Why.SEARCH: About.SEARCHES,
        Why.PART: About.FOLLOWING,
        Why.RUNS: About.FOLLOWING,
        Why.STACK: About.FOLLOWING,
    }

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="notifications")
    event: models.ForeignKey[Event, Event] = models.ForeignKey(
        Event, on_delete=models.PROTECT, related_name="notifications"
    )
    contribution = models.ForeignKey(
        Contribution, on_delete=models.CASCADE, null=True, related_name="+", help_text="That of the event, to group by."
    )
    why = models.CharField(max_length=10, choices=Why)
    follow = models.ForeignKey(
        Follow, on_delete=models.SET_NULL, null=True, related_name="+", help_text="What they followed, if that is why."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    read_at = models.DateTimeField(null=True, editable=False)
    rhythm = models.CharField(max_length=6, choices=Rhythm, default=Rhythm.NEVER)
    due_at = models.DateTimeField(null=True, editable=False, help_text="When a letter must take it along; None: none.")
    mailing = models.ForeignKey(Mailing, on_delete=models.SET_NULL, null=True, related_name="lines")

    objects = NotificationQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["person", "-id"], name="notification_list"),
            models.Index(fields=["person"], condition=Q(read_at=None), name="notification_unread"),
            models.Index(fields=["due_at"], condition=~Q(due_at=None), name="notification_due"),
            models.Index(fields=["person", "contribution"], name="notification_group"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["person", "event"], name="one_notification_of_an_event_to_a_person")
        ]

    def __str__(self) -> str:
        return f"notification {self.pk} to {self.person}"

    @property
    def reason(self) -> str:
        """Why they were told, to be read after “because”."""
        thing = self.follow.thing if self.follow else None
        if self.why == self.Why.SEARCH and thing is not None:
            return f"it matches your search “{thing}”"
        if self.why == self.Why.FOLLOWING and thing is not None and self.follow and self.follow.kind != "contribution":
            return f"you follow {thing}"
        return self.get_why_display()
