"""What people say of a contribution: votes, comments, field reports and reviews."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Exists, F, Func, OuterRef, Q
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast, Extract, Now
from django.utils.translation import gettext_lazy as _

from .carrying import Carry
from .contribution import Contribution
from .person import Membership, Organisation, Person
from .release import Release
from .revision import Revision

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date


# After a report its organisation is asked twice at most whether it still holds, and once after each answer.
FIRST_ASK, NEXT_ASK, MOST_ASKS = timedelta(days=30), timedelta(days=90), 2


class Vote(models.Model):
    contribution = models.ForeignKey(Contribution, on_delete=models.CASCADE, related_name="votes")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="votes")
    revision = models.ForeignKey(
        Revision, on_delete=models.SET_NULL, null=True, related_name="+", help_text="What was current then."
    )
    value = models.SmallIntegerField()
    cast_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["contribution", "person"], name="one_vote_a_person"),
            models.CheckConstraint(condition=Q(value__in=[1, -1]), name="vote_is_up_or_down"),
        ]

    def __str__(self) -> str:
        return f"{self.value:+d} by {self.person}"


# A parent is older than its answers, so that neither walk can go in a circle.
DESCENDANTS = """
    WITH RECURSIVE thread(id) AS (
        SELECT unnest(%s::bigint[])
        UNION ALL
        SELECT below.id FROM contributions_comment below JOIN thread ON below.parent_id = thread.id
    ) SELECT id FROM thread
"""
ANCESTORS = """
    WITH RECURSIVE way(id, parent_id) AS (
        SELECT id, parent_id FROM contributions_comment WHERE id = %s
        UNION ALL
        SELECT above.id, above.parent_id FROM contributions_comment above JOIN way ON above.id = way.parent_id
    ) SELECT id FROM way
"""


class CommentQuerySet(models.QuerySet["Comment"]):
    def standing(self) -> Self:
        return self.filter(removed_at=None)

    def oldest_first(self) -> Self:
        return self.order_by("pk")

    def questions(self) -> Self:
        return self.filter(is_question=True)

    def open_questions(self) -> Self:
        """Questions of which no answer stands accepted."""
        accepted = Comment.objects.standing().filter(parent=OuterRef("pk"), accepted_at__isnull=False)
        return self.questions().standing().exclude(Exists(accepted))

    def in_threads_of(self, comments: Sequence[int]) -> Self:
        """These comments, and all that was answered to them and to the answers."""
        return self.filter(pk__in=RawSQL(DESCENDANTS, [list(comments)]))  # noqa: S611 - the only value is a parameter

    def way_to(self, comment: int) -> Self:
        """The comment and those above it, the top first."""
        return self.filter(pk__in=RawSQL(ANCESTORS, [comment])).order_by("pk")  # noqa: S611 - as above


class Comment(models.Model):
    """A remark in a thread. A removed one keeps its place, without its words."""

    contribution = models.ForeignKey(Contribution, on_delete=models.CASCADE, related_name="comments")
    parent = models.ForeignKey("self", on_delete=models.CASCADE, null=True, blank=True, related_name="replies")
    author = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="comments")
    organisation = models.ForeignKey(Organisation, on_delete=models.SET_NULL, null=True, related_name="+")
    revision = models.ForeignKey(Revision, on_delete=models.SET_NULL, null=True, related_name="+")
    text = models.TextField()
    html = models.TextField(editable=False)
    balance = models.IntegerField(default=0, editable=False, help_text="Its votes up less its votes down.")
    is_question = models.BooleanField(default=False)
    accepted_at = models.DateTimeField(
        null=True, editable=False, help_text="When it was accepted as the answer to the question above it."
    )
    accepted_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, editable=False, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    edited_at = models.DateTimeField(null=True, editable=False)
    removed_at = models.DateTimeField(null=True, editable=False)

    objects = CommentQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["contribution", "id"], name="comment_thread")]
        constraints = [
            models.CheckConstraint(condition=Q(is_question=False) | Q(parent=None), name="a_question_answers_nothing"),
            models.CheckConstraint(
                condition=Q(accepted_at=None) | Q(parent__isnull=False), name="an_accepted_answer_has_a_question"
            ),
            models.UniqueConstraint(
                fields=["parent"], condition=~Q(accepted_at=None), name="one_accepted_answer_a_question"
            ),
        ]

    def __str__(self) -> str:
        return f"comment {self.pk} on {self.contribution_id}"

    def get_absolute_url(self) -> str:
        return f"{self.contribution.get_absolute_url()}discussion/?comment={self.pk}#comment-{self.pk}"

    @property
    def is_accepted(self) -> bool:
        return self.accepted_at is not None

    def may_be_edited_by(self, person: Any) -> bool:
        return bool(person.pk) and self.author_id == person.pk and self.removed_at is None

    def may_be_removed_by(self, person: Any) -> bool:
        return self.removed_at is None and (self.may_be_edited_by(person) or bool(person.is_staff))

    def may_be_voted_on_by(self, person: Any) -> bool:
        return bool(person.pk) and self.removed_at is None and self.author_id != person.pk


class CommentVote(models.Model):
    comment = models.ForeignKey(Comment, on_delete=models.CASCADE, related_name="votes")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    value = models.SmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["comment", "person"], name="one_vote_on_a_comment"),
            models.CheckConstraint(condition=Q(value__in=[1, -1]), name="comment_vote_is_up_or_down"),
        ]

    def __str__(self) -> str:
        return f"{self.value:+d} on comment {self.comment_id}"


class CommentEdit(models.Model):
    """What a comment said before it was edited."""

    comment = models.ForeignKey(Comment, on_delete=models.CASCADE, related_name="edits")
    text = models.TextField()
    html = models.TextField(editable=False)
    replaced_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"comment {self.comment_id} before {self.replaced_at:%Y-%m-%d %H:%M}"


class FieldReportQuerySet(models.QuerySet["FieldReport"]):
    def told_to(self, person: Any) -> Self:
        """Those whose organisation this person may know: the named ones, those of one's own, and for staff all.

        Wherever reports are listed under an organisation or a person, only these are.
        """
        if bool(person.is_authenticated) and person.is_staff:
            return self
        own = Membership.objects.filter(person=person.pk).values("organisation")
        return self.filter(Q(is_named=True) | Q(organisation__in=own))

    def latest_first(self) -> Self:
        """By `moment`, the seconds since 1970 of the report, so that pages can be cut by it."""
        seconds = Cast(Extract("reported_at", "epoch"), models.BigIntegerField())
        return self.annotate(moment=seconds).order_by("-moment", "-pk")

    def telling(self, trait: str, choice: str) -> Self:
        return self.filter(traits__contains={trait: choice})

    def like(self, traits: Mapping[str, str]) -> Self:
        """Reports from where it is as in `traits`: one of them at least is the same, and none is another."""
        if not traits:
            return self.none()
        same, none_other = Q(), Q()
        for trait, choice in traits.items():
            equal = Q(traits__contains={trait: choice})
            same |= equal
            none_other &= equal | ~Q(traits__has_key=trait)
        return self.filter(same & none_other)


class FieldReport(models.Model):
    """The voice of one organisation on one release (works, partly, broken); a later report replaces it.

    Whose voice an unnamed one is, only that organisation and staff may know: show `who`, never `organisation`.
    """

    class Outcome(models.TextChoices):
        WORKS = "works", _("Works for us")
        PARTLY = "partly", _("Works partly")
        BROKEN = "broken", _("Broken for us")

    class Stage(models.TextChoices):
        LAB = "lab", _("Lab")
        STAGING = "staging", _("Staging")
        PRODUCTION = "production", _("Production")

    contribution = models.ForeignKey(Contribution, on_delete=models.CASCADE, related_name="reports")
    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="reports")
    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="reports")
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="reports")
    author = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="reports")
    outcome = models.CharField(max_length=8, choices=Outcome)
    stage = models.CharField(max_length=12, choices=Stage)
    environment = models.CharField(
        max_length=300, blank=True, help_text="Hypervisor, scale, drivers: what matters here."
    )
    traits = models.JSONField(default=dict, blank=True, help_text="Slug of a trait -> the choice: hypervisor -> kvm.")
    is_named = models.BooleanField(default=True, help_text="Else only the sector of the organisation is shown.")
    sector = models.CharField(
        max_length=60, blank=True, editable=False, help_text="Of an unnamed organisation: what it did then."
    )
    asks_at = models.DateTimeField(null=True, editable=False, help_text="When it is asked whether this still holds.")
    asked = models.PositiveSmallIntegerField(default=0, editable=False, help_text="How often it was asked.")
    since: models.DateField[date | None, date | None] = models.DateField(null=True, blank=True)
    text = models.TextField(blank=True)
    html = models.TextField(blank=True, editable=False)
    reported_at = models.DateTimeField(editable=False)
    first_at = models.DateTimeField(db_default=Now(), editable=False, help_text="When it first spoke here.")

    objects = FieldReportQuerySet.as_manager()

    class Meta:
        ordering = ["-reported_at", "-pk"]
        indexes = [
            GinIndex(fields=["traits"], name="report_traits"),
            models.Index(fields=["asks_at"], condition=~Q(asks_at=None), name="report_asks"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["contribution", "release", "organisation"], name="one_voice_an_organisation"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.who}: {self.outcome} on {self.release}"

    @property
    def who(self) -> str:
        """Whose voice it is, as everybody may read it."""
        if self.is_named:
            return str(self.organisation)
        return f"an organisation in {self.sector}" if self.sector else "an organisation"

    @property
    def runs_it(self) -> bool:
        return self.outcome != self.Outcome.BROKEN


class Carried(Func):
    """What a revision's carries say of the number of an earlier one; nothing of what is touched."""

    template = "(%(expressions)s)"
    arg_joiner = " ->> "
    output_field = models.TextField()


class ReviewQuerySet(models.QuerySet["Review"]):
    def last_words(self, contribution: Contribution) -> Self:
        """Of each reviewer what they said last, of whichever revision; what is said of a port is about that alone."""
        return self._last_of([contribution.pk])

    def _last_of(self, contributions: Iterable[int]) -> Self:
        return self._last(Review.objects.filter(revision__contribution__in=contributions, revision__ports=None))

    def _last(self, said: ReviewQuerySet) -> Self:
        each = ("revision__contribution_id", "reviewer_id")
        return self.filter(pk__in=said.order_by(*each, "-reviewed_at", "-pk").distinct(*each))

    def in_force_for(self, port: Revision) -> Self:
        """The last word of each reviewer on the port, or on a revision that does the same."""
        same = [number for number, how in port.carries.items() if how == Carry.SAME]
        alike = Q(revision__number__in=same, revision__ports=None) & ~Q(revision__fingerprints={})
        said = Review.objects.filter(revision__contribution=port.contribution_id)
        return self._last(said.filter(Q(revision=port) | alike))

    def in_force(self, contribution: Contribution) -> Self:
        """The last word of each reviewer, if it was of the current revision or of one with the same content.

        What was approved before files had fingerprints holds for no other revision: a patch id is not enough.
        """
        return self.in_force_of([contribution.pk])

    def in_force_of(self, contributions: Iterable[int]) -> Self:
        """The same of several, by their keys."""
        current = "revision__contribution__current"
        how = Carried(F(f"{current}__carries"), Cast("revision__number", models.TextField()))
        alike = Q(how=Carry.SAME) & ~Q(revision__fingerprints={})
        return self._last_of(contributions).alias(how=how).filter(Q(revision=F(current)) | alike)


class Review(models.Model):
    """A maintainer's verdict on one revision. The same maintainer's later verdict replaces it."""

    class Verdict(models.TextChoices):
        APPROVE = "approve", _("Approve")
        REQUEST_CHANGES = "request-changes", _("Request changes")
        REJECT = "reject", _("Reject")

    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="reviews")
    reviewer = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="reviews")
    verdict = models.CharField(max_length=16, choices=Verdict)
    message = models.TextField(blank=True)
    html = models.TextField(blank=True, editable=False)
    reviewed_at = models.DateTimeField(editable=False)
    is_colleague = models.BooleanField(
        default=False, editable=False, help_text="Was of an organisation of the author's when this was said."
    )

    objects = ReviewQuerySet.as_manager()

    class Meta:
        ordering = ["-reviewed_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["revision", "reviewer"], name="one_verdict_a_reviewer")]

    def __str__(self) -> str:
        return f"{self.verdict} of {self.revision} by {self.reviewer}"
