"""What people flag for the staff, and the signed seals over the history."""

from __future__ import annotations

from typing import Any, ClassVar, Self, TypeAlias

from django.db import models
from django.db.models import Case, Count, Min, Q, Value, When
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from .contribution import Contribution
from .lines import LineComment
from .moves import Stateful
from .person import Person
from .voices import Comment

Thing: TypeAlias = Contribution | Comment | LineComment | Person
THINGS = ("contribution", "comment", "remark", "account")  # the columns that name one
SEVERITY = {"malware": 0, "abuse": 1, "rights": 2, "spam": 3, "other": 4}


def _one_thing() -> Q:
    """The condition that just one of the columns names something."""
    found = Q()
    for named in THINGS:
        found |= Q(**{f"{name}__isnull": name != named for name in THINGS})
    return found


class FlagQuerySet(models.QuerySet["Flag"]):
    def open(self) -> Self:
        return self.filter(state=Flag.State.OPEN)

    def about(self, flag: Flag) -> Self:
        """All flags on the thing that this one is on."""
        return self.filter(**{name: getattr(flag, f"{name}_id") for name in THINGS})

    def visible_to(self, person: Any) -> Self:
        """Staff see all, everybody else their own: nobody learns who flagged what."""
        if person.is_authenticated and person.is_staff:
            return self
        return self.filter(reporter=person.pk)

    def by_thing(self) -> models.QuerySet[Flag, Any]:
        """One row for each thing flagged: how bad it is at worst (0 is worst), its first flag, and how many say so."""
        weight = Case(*(When(reason=reason, then=Value(rank)) for reason, rank in SEVERITY.items()))
        things: models.QuerySet[Flag, Any] = self.order_by().values(*THINGS)
        return things.annotate(severity=Min(weight), first=Min("pk"), count=Count("pk"))

    def with_names(self) -> Self:
        """Everything that a list of flags names, in the same query."""
        return self.select_related(
            *("contribution__author", "comment__contribution", "comment__author", "remark__contribution"),
            *("remark__author", "account", "reporter", "handled_by"),
        )


class Flag(Stateful):
    """A person says that a contribution, a comment, a remark or an account is abuse; staff uphold or dismiss it."""

    class State(models.TextChoices):
        OPEN = "open"
        UPHELD = "upheld"
        DISMISSED = "dismissed"

    class Act(models.TextChoices):
        DISMISS = "dismiss", _("Dismiss: nothing is wrong with it")
        REMOVE = "remove", _("Remove what was said")
        QUARANTINE = "quarantine", _("Put the contribution in quarantine")
        SUSPEND = "suspend", _("Suspend its author")

    class Reason(models.TextChoices):
        MALWARE = "malware", _("Malicious code")
        SPAM = "spam", _("Spam")
        ABUSE = "abuse", _("Abusive or hateful")
        RIGHTS = "rights", _("Not theirs to share")
        OTHER = "other", _("Something else")

    MOVES: ClassVar[dict[str, frozenset[str]]] = {"open": frozenset({"upheld", "dismissed"})}

    contribution = models.ForeignKey(Contribution, on_delete=models.PROTECT, null=True, related_name="flags")
    comment = models.ForeignKey(Comment, on_delete=models.PROTECT, null=True, related_name="flags")
    remark = models.ForeignKey(LineComment, on_delete=models.PROTECT, null=True, related_name="flags")
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
            models.CheckConstraint(condition=_one_thing(), name="flag_is_on_one_thing"),
            models.UniqueConstraint(
                fields=["reporter", *THINGS],
                condition=Q(state="open"),
                nulls_distinct=False,
                name="one_open_flag_a_person_and_thing",
            ),
        ]

    def __str__(self) -> str:
        return f"flag {self.pk}: {self.reason}"

    def get_absolute_url(self) -> str:
        return reverse("flag", args=[self.pk])

    @property
    def thing(self) -> Thing:
        found = self.contribution or self.comment or self.remark or self.account
        if found is None:
            raise ValueError("the database lets no flag be on nothing")
        return found

    @property
    def noun(self) -> str:
        return str(self.thing._meta.verbose_name)

    @property
    def within(self) -> Contribution | None:
        """The contribution that it is on or about."""
        said = self.comment or self.remark
        return said.contribution if said else self.contribution

    @property
    def accused(self) -> Person:
        """Whose doing the thing is."""
        return self.thing if isinstance(self.thing, Person) else self.thing.author

    @property
    def acts(self) -> list[str]:
        """What staff can do about it."""
        if self.comment_id or self.remark_id:
            return [self.Act.DISMISS, self.Act.REMOVE, self.Act.SUSPEND]
        return [self.Act.DISMISS, *([self.Act.QUARANTINE] if self.contribution_id else []), self.Act.SUSPEND]


class Seal(models.Model):
    """A signed digest over a stretch of the history, chained to the seal before it."""

    first = models.BigIntegerField(help_text="The key of the first event under it.")
    last = models.BigIntegerField(unique=True, help_text="The key of the last event under it.")
    count = models.PositiveIntegerField()
    lines = models.BinaryField(help_text="Of each event its key, in 8 bytes, and the SHA-256 of its canonical JSON.")
    digest = models.CharField(max_length=64, help_text="SHA-256 over the digest of the seal before, and `lines`.")
    envelope = models.TextField(help_text="The DSSE envelope that signs first, last, count and both digests.")
    made_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-last"]

    def __str__(self) -> str:
        return f"seal over the history to line {self.last}"
