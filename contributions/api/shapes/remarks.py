"""Remarks on lines of a revision."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from contributions.api.fields import Link
from contributions.models import LineComment


class RemarkShape(serializers.ModelSerializer[LineComment]):
    url = Link("api-remark", number="pk")
    contribution = serializers.IntegerField(source="contribution_id", read_only=True)
    revision = serializers.IntegerField(source="revision.number", read_only=True, help_text="Where it was said.")
    thread = serializers.IntegerField(
        source="thread_id", read_only=True, help_text="The id of the remark that it answers; its own if it is none."
    )
    author = serializers.CharField(source="author.username", read_only=True)
    organisation = serializers.CharField(source="organisation.slug", default=None, read_only=True, allow_null=True)
    suggestion = serializers.SerializerMethodField(help_text="What the lines should say instead; null for nothing.")
    resolved_by = serializers.CharField(source="resolved_by.username", default=None, read_only=True, allow_null=True)
    taken_in = serializers.IntegerField(
        source="taken_in.number", default=None, read_only=True, allow_null=True,
        help_text="The number of the revision that its suggestion went into.",
    )  # fmt: skip
    round = serializers.IntegerField(
        source="round_id", read_only=True, allow_null=True, help_text="The id of the comment it was published with."
    )

    class Meta:
        model = LineComment
        fields = (
            *("id", "url", "contribution", "revision", "thread", "path", "side", "start", "end", "quoted"),
            *("author", "organisation", "text", "html", "suggestion", "created_at", "published_at", "edited_at"),
            *("removed_at", "resolved_at", "resolved_by", "taken_in", "round"),
        )
        read_only_fields = fields

    def get_suggestion(self, remark: LineComment) -> str | None:
        return remark.suggestion if remark.suggests else None


class DiscardedShape(serializers.Serializer[Any]):
    discarded = serializers.IntegerField(help_text="How many drafts there were.")
