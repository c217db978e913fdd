"""The append-only history: who did what to which thing. The database refuses to change or delete a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from django.db import connection, models
from django.db.models import Count, F, Func, Max, Q, Sum
from django.utils.translation import gettext_lazy as _

from .advisory import Advisory
from .build import Build
from .component import Component
from .contribution import Contribution, visible_to_all
from .document import Unread
from .person import Organisation, Person
from .publication import Publication
from .release import Release
from .revision import Revision
from .stack import Stack
from .voices import Comment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.contrib.auth.models import AnonymousUser

PHRASES = {
    "compared": "had two of its revisions compared",
    "rebuilt": "asked to have it built again",
    "approved": "approved it",
    "unpublished": "took it out of the feed",
    "reproduced": "had it built again to compare",
}
UNSEEN = {"reported": "was reported on by an organisation that is not named"}
FEED = ("published", "unpublished", "held", "freed", "advised", "unadvised")
# What the front page tells as news, to whoever may know of it.
NEWS = ("received", "approved", "published", "unpublished", "withdrawn", "reported", "released", "advised", "unadvised")
# Who flagged what, reported unnamed or liked which comment, and how somebody logs in, is nobody else's to read.
PRIVATE = (
    "flagged",
    "handled",
    "token-made",
    "token-revoked",
    "secured",
    "hooked",
    "followed",
    "invited",
    "declined",
    "introduced",
    "offered",
    "appraised",
    "unnamed",
    "runs",
    "stacked",
    "locked",
    "unmasked",
    "forecast",
    "withheld",
    "settled",
)
MODERATION = ("removed", "quarantined", "restored", "suspended", "reinstated")
ASKED = {
    "verb": "verb",
    "actor": "actor__username",
    "component": "component__slug",
    "contribution": "contribution",
    "since": "at__gte",
    "until": "at__lt",
}
# What somebody may have to be told of; `pipeline.notifying` knows whom.
TOLD = (
    *(
        "submitted",
        "received",
        "refused",
        "shared",
        "alike",
        "commented",
        "remarked",
        "answered",
        "ticked",
        "reported",
        "unnamed",
    ),
    *("reviewed", "approved", "withdrawn", "published", "unpublished", "quarantined", "restored", "advised"),
    *("ported", "unported", "built", "fitted", "taken", "stranded", "forecast", "withheld", "released", "merged"),
    *("flagged", "removed", "invited", "offered", "transferred"),
)
FEED_LOCK = 0x70617463  # "patc": any number that nothing else in this database locks


class ClockTimestamp(Func):
    """The time now, where Now() is that of the transaction's begin."""

    function = "clock_timestamp"
    output_field = models.DateTimeField()


def _queue_for_the_feed() -> None:
    """Let entries of the feed become visible in the order of their ids and times.

    Without it an entry that commits late would appear behind what a reader has already read, and never be seen.
    Whoever comes here holds the contribution's lock already, so nobody waits in a circle.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [FEED_LOCK])


class EventQuerySet(models.QuerySet["Event"]):
    def write(self, verb: str, *, actor: Person | None = None, text: str = "", **things: models.Model | None) -> Event:
        """Add a line. `things` name what it is about; a contribution's component is filled in."""
        made = Event(verb=verb, actor=actor, text=text, **things)
        self.write_all([made])
        return made

    def write_all(self, lines: Sequence[Event]) -> None:
        """Add several lines in this order, by as many statements for one as for many."""
        if any(line.verb in FEED for line in lines):
            _queue_for_the_feed()
        for line in lines:
            if line.contribution is not None and line.component_id is None:
                line.component_id = line.contribution.component_id
        Unread.objects.leave((line.verb, line.contribution_id) for line in lines)
        self.bulk_create(lines)
        Telling.objects.bulk_create(Telling(event=line) for line in lines if line.verb in TOLD)

    def newest_likeness(self) -> Any:
        """The number of the newest line that says whether some bytes came out again; none before the first."""
        return self.filter(verb="reproduced").order_by("-pk").values_list("pk", flat=True)[:1]

    def newest_first(self) -> Self:
        return self.order_by("-pk")

    def visible_to(self, person: Person | AnonymousUser) -> Self:
        """Staff see every line; others what is public of what they may know of, and all that they did themselves."""
        if isinstance(person, Person) and person.is_staff:
            return self
        of_it = Contribution.objects.visible_to(person).filter(pk=models.OuterRef("contribution"))
        known = Q(contribution=None) | Q(models.Exists(of_it))  # asked line by line: “in” gathers all that are visible
        mine = Q(actor=person) if isinstance(person, Person) else Q()
        public = ~Q(verb__in=PRIVATE)
        return self.filter((public | mine) if mine else public).filter(known)

    def about(self, **asked: Any) -> Self:
        """Narrowed to what is asked for, by the words of ASKED."""
        return self.filter(**{ASKED[name]: value for name, value in asked.items()})

    def of_moderation(self) -> Self:
        """What staff did to what others wrote. Whoever removed a comment of their own did no such thing."""
        return self.filter(verb__in=MODERATION).exclude(verb="removed", subject=F("actor"))

    def of_the_feed(self) -> Self:
        """What machines that consume the feed must hear of.

        Of what is in quarantine nothing is told but that it is held back; an advisory is about a component.
        """
        free = visible_to_all("contribution__") & ~Q(publication__state=Publication.State.QUARANTINED)
        told = free | Q(verb=Event.Verb.HELD) | Q(contribution=None, advisory__isnull=False)
        return self.filter(told, verb__in=FEED)

    def news_for(self, person: Person | AnonymousUser) -> Self:
        """What happened of late, newest first, as far as this person may know of it."""
        return self.filter(verb__in=NEWS).visible_to(person).order_by("-at", "-pk")

    def mark(self) -> str:
        """Which rows these are, in a few digits: rows are only added, or hidden and shown again by staff."""
        totals = self.aggregate(count=Count("pk"), newest=Max("pk"), sum=Sum("pk"))
        return f"{totals['count']}-{totals['newest'] or 0}-{totals['sum'] or 0}"


class Event(models.Model):
    class Verb(models.TextChoices):
        SUBMITTED = "submitted", _("submitted")
        REVISED = "revised", _("sent a new revision of")
        RECEIVED = "received", _("was received")
        REFUSED = "refused", _("was refused")
        FITTED = "fitted", _("was judged on a release")
        BUILT = "built", _("was built")
        VOTED = "voted", _("voted on")
        COMMENTED = "commented", _("commented on")
        EDITED = "edited", _("edited a comment on")
        REMARKED = "remarked", _("left remarks on lines of")
        RESOLVED = "resolved", _("resolved a thread on")
        REOPENED = "reopened", _("reopened a thread on")
        ANSWERED = "answered", _("accepted an answer on")
        UNANSWERED = "unanswered", _("took back an answer on")
        APPRAISED = "appraised", _("voted on a comment on")
        CLAIMED = "claimed", _("changed what is claimed of")
        TICKED = "ticked", _("tried what is claimed of")
        REPORTED = "reported", _("reported on")
        UNNAMED = "unnamed", _("reported unnamed on")
        RUNS = "runs", _("changed what is run where by")
        REVIEWED = "reviewed", _("reviewed")
        APPROVED = "approved", _("was approved")
        WITHDRAWN = "withdrawn", _("withdrew")
        PUBLISHED = "published", _("was published")
        UNPUBLISHED = "unpublished", _("was taken out of the feed")
        SHARED = "shared", _("made public")
        ALIKE = "alike", _("was found to be like something else")
        MERGED = "merged", _("joined with another")
        TAGGED = "tagged", _("changed the tags of")
        INVITED = "invited", _("invited somebody")
        DECLINED = "declined", _("declined an invitation")
        DESCRIBED = "described", _("changed what is told of")
        OFFERED = "offered", _("offered to hand over")
        TRANSFERRED = "transferred", _("transferred")
        FOLLOWED = "followed", _("changed what they follow")
        JOINED = "joined", _("joined")
        LEFT = "left", _("left")
        TOKEN_MADE = "token-made", _("made a token")
        TOKEN_REVOKED = "token-revoked", _("revoked a token")
        FETCHED = "fetched", _("was fetched from upstream")
        RELEASED = "released", _("got a release")
        QUARANTINED = "quarantined", _("put in quarantine")
        RESTORED = "restored", _("took out of quarantine")
        HELD = "held", _("was held back from the feed")
        FREED = "freed", _("was given back to the feed")
        ADVISED = "advised", _("published an advisory on")
        UNADVISED = "unadvised", _("withdrew an advisory on")
        RULED = "ruled", _("changed the rules of")
        COMPARED = "compared", _("had two revisions compared of")
        REBUILT = "rebuilt", _("asked to build again")
        REPRODUCED = "reproduced", _("was built again to compare")
        FLAGGED = "flagged", _("flagged")
        HANDLED = "handled", _("handled a flag on")
        REMOVED = "removed", _("removed a comment on")
        SUSPENDED = "suspended", _("suspended")
        REINSTATED = "reinstated", _("reinstated")
        CHANGED_HANDS = "changed-hands", _("may have changed hands")
        INTRODUCED = "introduced", _("changed what their page says of")
        SECURED = "secured", _("changed how they log in")
        HOOKED = "hooked", _("changed a webhook of")
        PORTED = "ported", _("proposed a port of")
        UNPORTED = "unported", _("took back a port of")
        SETTLED = "settled", _("answered to conflicts of")
        CONFIRMED = "confirmed", _("said whether upstream has")
        TAKEN = "taken", _("was found in upstream")
        STRANDED = "stranded", _("needs a port")
        PLACED = "placed", _("changed the upstream status of")
        STACKED = "stacked", _("changed a stack")
        LOCKED = "locked", _("had a stack laid")
        NEEDED = "needed", _("changed what must go before")
        UNMASKED = "unmasked", _("took a fork apart")
        FORECAST = "forecast", _("has a new forecast")
        WITHHELD = "withheld", _("holds what is in quarantine now")
        KEYS_CHANGED = "keys-changed", _("changed the signing keys")

    at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    verb = models.CharField(max_length=20, choices=Verb)
    actor = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="events")
    component = models.ForeignKey(Component, on_delete=models.PROTECT, null=True, related_name="events")
    contribution = models.ForeignKey(Contribution, on_delete=models.PROTECT, null=True, related_name="events")
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, null=True, related_name="events")
    release = models.ForeignKey(Release, on_delete=models.PROTECT, null=True, related_name="events")
    build = models.ForeignKey(Build, on_delete=models.PROTECT, null=True, related_name="events")
    publication = models.ForeignKey(Publication, on_delete=models.PROTECT, null=True, related_name="events")
    advisory = models.ForeignKey(Advisory, on_delete=models.PROTECT, null=True, related_name="events")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, null=True, related_name="events")
    stack = models.ForeignKey(Stack, on_delete=models.PROTECT, null=True, related_name="events")
    comment = models.ForeignKey(Comment, on_delete=models.PROTECT, null=True, related_name="events")
    subject = models.ForeignKey(
        Person, on_delete=models.PROTECT, null=True, related_name="+", help_text="The account that it was done to."
    )
    text = models.TextField(blank=True)

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["contribution", "-id"], name="event_of_contribution"),
            models.Index(fields=["actor", "verb", "-at"], name="event_pace"),
            models.Index(fields=["-id"], condition=models.Q(verb__in=FEED), name="event_of_feed"),
            models.Index(fields=["component", "-id"], condition=models.Q(verb="ruled"), name="event_of_rules"),
            models.Index(fields=["-id"], condition=models.Q(verb="reproduced"), name="event_of_likeness"),
            models.Index(fields=["-at"], condition=models.Q(verb__in=NEWS), name="event_of_news"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.actor or 'the portal'} {self.verb}"

    @property
    def phrase(self) -> str:
        """What was done, to be read after the name of its actor, or after “It” when nobody's hand was in it."""
        if self.verb == self.Verb.REBUILT and self.build_id is None:
            return "asked to have it judged again"
        if self.actor_id is None:
            return UNSEEN.get(self.verb, self.get_verb_display())
        return PHRASES.get(self.verb, f"{self.get_verb_display()} it")


class Telling(models.Model):
    """A line of the history that nobody was told of yet; gone, in the transaction that tells."""

    event = models.OneToOneField(Event, on_delete=models.CASCADE, primary_key=True, related_name="telling")
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    is_for_searches = models.BooleanField(
        default=False, editable=False, help_text="People were told; what is left are those who saved a search."
    )

    class Meta:
        ordering = ["event"]

    def __str__(self) -> str:
        return f"telling of event {self.event_id}"
