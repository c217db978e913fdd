"""How upstream is watched, and what patterns would make of its names."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class WatchingShape(serializers.Serializer[Any]):
    release_pattern = serializers.CharField(source="component.release_pattern")
    candidate_pattern = serializers.CharField(
        source="component.candidate_pattern", allow_blank=True, help_text="Empty: there are no candidates."
    )
    watch_minutes = serializers.IntegerField(
        source="component.watch_minutes", help_text="Between two pulls by the clock; 0: only when somebody asks."
    )
    state = serializers.CharField(
        source="fetch.state",
        default=None,
        allow_null=True,
        help_text="Of the last pull that ended: done, refused, errored.",
    )
    pulled_at = serializers.DateTimeField(source="fetch.finished_at", default=None, allow_null=True)
    is_busy = serializers.BooleanField(help_text="A pull waits or runs.")
    due_at = serializers.DateTimeField(allow_null=True, help_text="When the clock pulls it next.")


class ForeseenShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    is_branch = serializers.BooleanField(help_text="It would be followed by its tip.")
    is_known = serializers.BooleanField(help_text="It is a release already.")


class ForesightShape(serializers.Serializer[Any]):
    releases = ForeseenShape(many=True)
    candidates = ForeseenShape(many=True)
    new = serializers.IntegerField(help_text="How many the next pull would make.")
    over = serializers.IntegerField(help_text="Candidates whose release, or a newer one, is there.")
    left = serializers.IntegerField(help_text="Tags that no pattern takes.")
    branches = serializers.ListField(child=serializers.CharField(), help_text="Those that would not be followed.")
    gone = serializers.ListField(
        child=serializers.CharField(), help_text="Supported releases that no pattern takes; they stay until retired."
    )
