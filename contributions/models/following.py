"""What people follow, what they saved to look for again, and what they were told of."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from .component import Component
from .contribution import Contribution
from .event import Event
from .person import Organisation, Person
from .release import Release


class SavedSearch(models.Model):
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="searches")
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=300, help_text="In the words of the search language.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["name", "pk"]
        constraints = [models.UniqueConstraint(fields=["person", "name"], name="one_saved_search_of_a_name")]

    def __str__(self) -> str:
        return self.name


class Follow(models.Model):
    """Somebody wants to hear of one thing; or, muted, to hear no more of it."""

    THINGS = ("contribution", "component", "release", "whom", "organisation", "search")

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="follows")
    contribution = models.ForeignKey(Contribution, on_delete=models.CASCADE, null=True, related_name="followers")
    component = models.ForeignKey(Component, on_delete=models.CASCADE, null=True, related_name="followers")
    release = models.ForeignKey(Release, on_delete=models.CASCADE, null=True, related_name="followers")
    whom = models.ForeignKey(Person, on_delete=models.CASCADE, null=True, related_name="followers")
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, null=True, related_name="followers")
    search = models.ForeignKey(SavedSearch, on_delete=models.CASCADE, null=True, related_name="followers")
    is_muted = models.BooleanField(default=False)
    is_chosen = models.BooleanField(default=True, help_text="Else it came of taking part: of sharing or commenting.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            *(
                models.UniqueConstraint(fields=["person", thing], name=f"one_follow_of_a_{thing}")
                for thing in ("contribution", "component", "release", "whom", "organisation", "search")
            ),
        ]

    def __str__(self) -> str:
        return f"follow {self.pk} of {self.person}"


class Notification(models.Model):
    """A line of the history that somebody is told of on the site, and by mail as they wish."""

    class Why(models.TextChoices):
        AUTHOR = "author", "it is yours"
        MENTION = "mention", "you were mentioned"
        ANSWER = "answer", "somebody answered you"
        REVIEW = "review", "it waits for your review"
        FOLLOWING = "following", "you follow it"
        PART = "part", "you took part"

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="notifications")
    event: models.ForeignKey[Event, Event] = models.ForeignKey(
        Event, on_delete=models.PROTECT, related_name="notifications"
    )
    why = models.CharField(max_length=10, choices=Why)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    read_at = models.DateTimeField(null=True, editable=False)
    mailed_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["person", "-id"], name="notification_list")]
        constraints = [
            models.UniqueConstraint(fields=["person", "event"], name="one_notification_of_an_event_to_a_person")
        ]

    def __str__(self) -> str:
        return f"notification {self.pk} to {self.person}"
