"""What people say: votes, comments, field reports and reviews."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from contributions.api.fields import NOT_FINAL
from contributions.models import Comment, CommentEdit, FieldReport, Review


class VoteShape(serializers.Serializer[Any]):
    value = serializers.IntegerField(help_text="Yours: 1, 0 or -1.")
    up = serializers.IntegerField()
    down = serializers.IntegerField()
    score = serializers.FloatField()


class CommentShape(serializers.ModelSerializer[Comment]):
    contribution = serializers.IntegerField(source="contribution_id", read_only=True)
    parent = serializers.IntegerField(  # type: ignore[assignment]  # the thread's word, not the field tree's
        source="parent_id", read_only=True, allow_null=True
    )
    author = serializers.CharField(source="author.username", read_only=True)
    organisation = serializers.CharField(source="organisation.slug", default=None, read_only=True, allow_null=True)
    revision = serializers.IntegerField(source="revision.number", default=None, read_only=True, allow_null=True)

    accepted_by = serializers.CharField(source="accepted_by.username", default=None, read_only=True, allow_null=True)

    class Meta:
        model = Comment
        fields = (
            *("id", "contribution", "parent", "author", "organisation", "revision", "text", "html", "balance"),
            *("is_question", "accepted_at", "accepted_by", "created_at", "edited_at", "removed_at"),
        )
        read_only_fields = fields


class CommentEditShape(serializers.ModelSerializer[CommentEdit]):
    class Meta:
        model = CommentEdit
        fields = ("id", "text", "html", "replaced_at")
        read_only_fields = fields


class CommentVoteShape(serializers.Serializer[Any]):
    value = serializers.IntegerField(help_text="Yours: 1, 0 or -1.")
    balance = serializers.IntegerField(help_text="Its votes up less its votes down.")


class PreviewShape(serializers.Serializer[Any]):
    html = serializers.CharField()


class ReportShape(serializers.ModelSerializer[FieldReport]):
    contribution = serializers.IntegerField(source="contribution_id", read_only=True)
    revision = serializers.IntegerField(source="revision.number", read_only=True)
    release = serializers.CharField(source="release.name", read_only=True)
    is_candidate = serializers.BooleanField(source="release.is_candidate", read_only=True, help_text=NOT_FINAL)
    who = serializers.CharField(read_only=True, help_text="The organisation, or what may be told of an unnamed one.")
    organisation = serializers.SerializerMethodField(help_text="Its slug; null when it is not named.")
    author = serializers.SerializerMethodField(help_text="A username; null when the organisation is not named.")
    traits = serializers.DictField(
        child=serializers.CharField(), read_only=True, help_text="Slugs of the component's traits and what was chosen."
    )

    class Meta:
        model = FieldReport
        fields = (
            *("id", "contribution", "revision", "release", "who", "is_named", "organisation", "author", "outcome"),
            *("is_candidate", "stage", "traits", "environment", "since", "text", "html", "reported_at"),
        )
        read_only_fields = fields

    def get_organisation(self, report: FieldReport) -> str | None:
        return report.organisation.slug if report.is_named else None

    def get_author(self, report: FieldReport) -> str | None:
        return report.author.username if report.is_named else None


class ReviewShape(serializers.ModelSerializer[Review]):
    contribution = serializers.IntegerField(source="revision.contribution_id", read_only=True)
    revision = serializers.IntegerField(source="revision.number", read_only=True)
    reviewer = serializers.CharField(source="reviewer.username", read_only=True)

    class Meta:
        model = Review
        fields = ("id", "contribution", "revision", "reviewer", "verdict", "message", "html", "reviewed_at")
        read_only_fields = fields
