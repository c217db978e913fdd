"""Remarks on lines of a revision, and which of its files somebody has looked at."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from .contribution import Contribution
from .person import Organisation, Person
from .revision import Revision
from .voices import Comment


class LineComment(models.Model):
    """A remark on a line or a range, held by the text that stood there; a draft until its round is published."""

    class Side(models.TextChoices):
        OLD = "old"
        NEW = "new"

    contribution = models.ForeignKey(Contribution, on_delete=models.CASCADE, related_name="line_comments")
    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="line_comments")
    parent = models.ForeignKey("self", on_delete=models.CASCADE, null=True, blank=True, related_name="replies")
    path = models.CharField(max_length=1000)
    side = models.CharField(max_length=3, choices=Side, default=Side.NEW)
    start = models.PositiveIntegerField(help_text="The first line, from 1.")
    end = models.PositiveIntegerField(help_text="The last line; the same as the first for one line.")
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

    class Meta:
        ordering = ["pk"]
        indexes = [
            models.Index(fields=["contribution", "id"], name="line_comment_thread"),
            models.Index(fields=["author", "id"], condition=Q(published_at=None), name="line_comment_draft"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(start__gte=1, end__gte=models.F("start")), name="line_comment_has_lines")
        ]

    def __str__(self) -> str:
        return f"remark {self.pk} on {self.path}:{self.start}"


class Viewed(models.Model):
    """Somebody has looked at a file of a contribution; it holds for as long as that file's change is the same."""

    contribution = models.ForeignKey(Contribution, on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    path = models.CharField(max_length=1000)
    fingerprint = models.CharField(max_length=64)
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["contribution", "person", "path"], name="one_look_at_a_file")]

    def __str__(self) -> str:
        return f"{self.person} saw {self.path}"
