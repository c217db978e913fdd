"""Flags, and what staff did."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from contributions.api.fields import Link
from contributions.models import Event, Flag


class FlagShape(serializers.ModelSerializer[Flag]):
    url = Link("api-flag", number="pk")
    contribution = serializers.IntegerField(source="contribution_id", read_only=True, allow_null=True)
    comment = serializers.IntegerField(source="comment_id", read_only=True, allow_null=True)
    remark = serializers.IntegerField(source="remark_id", read_only=True, allow_null=True)
    person = serializers.CharField(source="account.username", default=None, read_only=True, allow_null=True)
    reporter = serializers.CharField(source="reporter.username", read_only=True)

    class Meta:
        model = Flag
        fields = (
            *("id", "url", "contribution", "comment", "remark", "person", "reporter", "reason", "text"),
            *("state", "created_at", "handled_at", "answer"),
        )
        read_only_fields = fields


class ModerationShape(serializers.ModelSerializer[Event]):
    actor = serializers.CharField(source="actor.username", default=None, read_only=True, allow_null=True)
    contribution = serializers.IntegerField(source="contribution_id", read_only=True, allow_null=True)
    person = serializers.CharField(
        source="subject.username", default=None, read_only=True, allow_null=True, help_text="To whom it was done."
    )
    reason = serializers.CharField(source="text", read_only=True)

    class Meta:
        model = Event
        fields = ("id", "at", "verb", "actor", "contribution", "person", "reason")
        read_only_fields = fields


class AccountShape(serializers.Serializer[Any]):
    username = serializers.CharField(read_only=True)
    suspended = serializers.SerializerMethodField()

    def get_suspended(self, person: Any) -> bool:
        return not person.is_active
