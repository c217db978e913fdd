"""Remarks on lines of a revision, and which of its files somebody has looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.urls import reverse

from .contribution import Contribution
from .person import Organisation, Person
from .revision import Revision
from .voices import Comment

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

PUBLISHED_THREAD = Q(parent=None) & ~Q(published_at=None)


def drafts_of(person: Person | AnonymousUser) -> Q:
    """The condition that a remark is a draft of this person's; nobody's for a stranger."""
    return Q(published_at=None, author=person.pk) if person.pk else Q(pk=None)


class LineCommentQuerySet(models.QuerySet["LineComment"]):
    def visible_to(self, person: Person | AnonymousUser) -> Self:
        """What is published, and one's own drafts. Whether the contribution may be seen is asked elsewhere."""
        return self.filter(~Q(published_at=None) | drafts_of(person))

    def published(self) -> Self:
        return self.exclude(published_at=None)

    def drafts_of(self, person: Person | AnonymousUser) -> Self:
        return self.filter(drafts_of(person))

    def threads(self) -> Self:
        """The remarks that began one."""
        return self.filter(parent=None)

    def unresolved(self) -> Self:
        return self.filter(resolved_at=None)

    def in_open_threads(self) -> Self:
        return self.filter(Q(parent=None, resolved_at=None) | Q(parent__isnull=False, parent__resolved_at=None))

    def standing(self) -> Self:
        return self.filter(removed_at=None)

    def suggestions(self) -> Self:
        """Those that can be taken in: not removed, and in no revision but one that was refused or that failed."""
        lost = Q(taken_in__state__in=[Revision.State.REFUSED, Revision.State.ERRORED])
        return self.published().standing().filter(Q(taken_in=None) | lost, suggests=True)

    def with_names(self) -> Self:
        """Everything that a thread names, in the same query."""
        names = ("author", "organisation", "revision", "resolved_by", "taken_in")
        heavy = [f"{at}__{name}" for at in ("revision", "taken_in") for name in ("files", "commits", "fingerprints")]
        return self.select_related(*names).defer(*heavy)


class LineComment(models.Model):
    """A remark on a line, a range or a whole file, held by the text that stood there.

    It is a draft that only its author sees until its round is published. An answer stands where its thread does.
    """

    class Side(models.TextChoices):
        OLD = "old"
        NEW = "new"

    contribution = models.ForeignKey(Contribution, on_delete=models.CASCADE, related_name="line_comments")
    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="line_comments")
    parent = models.ForeignKey("self", on_delete=models.CASCADE, null=True, blank=True, related_name="replies")
    path = models.CharField(max_length=1000)
    old_path = models.CharField(max_length=1000, blank=True, help_text="Where the file lies without the change.")
    side = models.CharField(max_length=3, choices=Side, default=Side.NEW)
    start = models.PositiveIntegerField(default=0, help_text="The first line, from 1; 0 when it is the whole file.")
    end = models.PositiveIntegerField(default=0, help_text="The last line; the same as the first for one line.")
    quoted = models.TextField(blank=True, help_text="The lines as they stood.")
    before = models.TextField(blank=True, help_text="Some lines above them.")
    after = models.TextField(blank=True, help_text="Some lines below them.")
    author = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="line_comments")
    organisation = models.ForeignKey(Organisation, on_delete=models.SET_NULL, null=True, related_name="+")
    text = models.TextField(blank=True)
    html = models.TextField(blank=True, editable=False)
    suggests = models.BooleanField(default=False, help_text="Whether `suggestion` is meant; it may be empty.")
    suggestion = models.TextField(blank=True, help_text="What the lines should say instead.")
    round = models.ForeignKey(
        Comment, on_delete=models.CASCADE, null=True, editable=False, related_name="line_comments",
        help_text="The comment that it was published with.",
    )  # fmt: skip
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    published_at = models.DateTimeField(null=True, editable=False, help_text="Until then only its author sees it.")
    edited_at = models.DateTimeField(null=True, editable=False)
    removed_at = models.DateTimeField(null=True, editable=False)
    resolved_at = models.DateTimeField(null=True, editable=False)
    resolved_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, editable=False, related_name="+")
    taken_in = models.ForeignKey(
        Revision, on_delete=models.SET_NULL, null=True, editable=False, related_name="+",
        help_text="The revision that its suggestion became part of.",
    )  # fmt: skip

    objects = LineCommentQuerySet.as_manager()

    class Meta:
        verbose_name = "remark"
        ordering = ["pk"]
        indexes = [
            models.Index(fields=["contribution", "id"], name="line_comment_thread"),
            models.Index(fields=["author", "id"], condition=Q(published_at=None), name="line_comment_draft"),
            models.Index(
                fields=["contribution"], condition=PUBLISHED_THREAD & Q(resolved_at=None), name="line_comment_open"
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(start=0, end=0) | Q(start__gte=1, end__gte=F("start")), name="line_comment_has_lines"
            )
        ]

    def __str__(self) -> str:
        return f"remark {self.pk} on {self.place}"

    def get_absolute_url(self) -> str:
        """The page of its thread."""
        return f"{reverse('remark', args=[self.thread_id])}#remark-{self.pk}"

    @property
    def thread_id(self) -> int:
        """The key of the remark that began its thread; its own when it did."""
        return int(self.parent_id or self.pk)

    @property
    def place(self) -> str:
        """Where it was said, as an editor takes it: path:12, path:12-14, or the path alone."""
        if not self.start:
            return self.path
        return f"{self.path}:{self.start}" if self.start == self.end else f"{self.path}:{self.start}-{self.end}"

    @property
    def is_draft(self) -> bool:
        return self.published_at is None

    @property
    def is_resolved(self) -> bool:
        return self.resolved_at is not None

    @property
    def is_taken(self) -> bool:
        """Whether its suggestion is in a revision, or on the way into one."""
        lost = {Revision.State.REFUSED, Revision.State.ERRORED}
        return self.taken_in is not None and self.taken_in.state not in lost

    def may_be_edited_by(self, person: Any) -> bool:
        return bool(person.pk) and self.author_id == person.pk and self.removed_at is None

    def may_be_removed_by(self, person: Any) -> bool:
        mine = self.may_be_edited_by(person)
        return mine or (self.removed_at is None and not self.is_draft and bool(person.is_staff))

    def may_be_resolved_by(self, person: Any) -> bool:
        """Of a thread: its starter, the contribution's author, the component's maintainers, staff."""
        if self.is_draft or self.parent_id or not self.contribution.may_be_discussed_by(person):
            return False
        theirs = self.author_id == person.pk or self.contribution.is_by(person) or person.is_staff
        return bool(theirs) or self.contribution.component.is_maintained_by(person)


class LineCommentEdit(models.Model):
    """What a remark said before it was edited."""

    line_comment = models.ForeignKey(LineComment, on_delete=models.CASCADE, related_name="edits")
    text = models.TextField(blank=True)
    html = models.TextField(blank=True, editable=False)
    replaced_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"remark {self.line_comment_id} before {self.replaced_at:%Y-%m-%d %H:%M}"


class ViewedQuerySet(models.QuerySet["Viewed"]):
    def paths(self, revision: Revision, person: Person) -> frozenset[str]:
        """The files whose change in this revision the person has looked at, in whatever revision that was."""
        seen = list(
            self.filter(contribution=revision.contribution_id, person=person).values_list("path", "fingerprint")
        )
        return frozenset(path for path, fingerprint in seen if fingerprint == content_of(revision, path))


def content_of(revision: Revision, path: str) -> str:
    """What tells whether a file's change is the same: its patch id, or that of the whole where it has none."""
    return str(revision.fingerprints.get(path) or revision.fingerprint)


class Viewed(models.Model):
    """Somebody has looked at a file of a contribution; it holds for as long as that file's change is the same."""

    contribution = models.ForeignKey(Contribution, on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    path = models.CharField(max_length=1000)
    fingerprint = models.CharField(max_length=64)
    at = models.DateTimeField(db_default=Now(), editable=False)

    objects = ViewedQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["contribution", "person", "path"], name="one_look_at_a_file")]

    def __str__(self) -> str:
        return f"{self.person} saw {self.path}"
