"""Workers, backlog and builders."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from contributions.models import Builder


class WorkerShape(serializers.Serializer[Any]):
    name = serializers.CharField(read_only=True)
    queues = serializers.ListField(child=serializers.CharField(), read_only=True)
    seen_at = serializers.DateTimeField(read_only=True)
    is_alive = serializers.BooleanField(read_only=True, help_text="Whether it was heard of in the last half minute.")


class BacklogShape(serializers.Serializer[Any]):
    queue = serializers.CharField(read_only=True)
    waiting = serializers.IntegerField(read_only=True)
    running = serializers.IntegerField(read_only=True)
    waiting_since = serializers.DateTimeField(read_only=True, allow_null=True, help_text="Of the oldest that waits.")


class PromiseShape(serializers.Serializer[Any]):
    name = serializers.CharField(read_only=True)
    held = serializers.BooleanField(read_only=True)
    essential = serializers.BooleanField(read_only=True, help_text="No build is run while it is broken.")
    detail = serializers.CharField(read_only=True, help_text="What was seen when it was tried.")


class BuilderShape(serializers.ModelSerializer[Builder]):
    promises = PromiseShape(many=True, read_only=True)
    facts = serializers.DictField(read_only=True, help_text="Versions, control groups, user and limits.")
    may_build = serializers.BooleanField(read_only=True)

    class Meta:
        model = Builder
        fields: tuple[str, ...] = ("host", "executor", "may_build", "refusal", "checked_at", "facts", "promises")
        read_only_fields: tuple[str, ...] = fields


class WatchShape(serializers.Serializer[Any]):
    component = serializers.CharField(source="component.slug", read_only=True)
    every_minutes = serializers.IntegerField(
        source="component.watch_minutes", read_only=True, help_text="0: it is pulled only when somebody asks."
    )
    state = serializers.CharField(
        source="fetch.state", default=None, read_only=True, allow_null=True, help_text="Of the last pull that ended."
    )
    pulled_at = serializers.DateTimeField(source="fetch.finished_at", default=None, read_only=True, allow_null=True)
    sentence = serializers.CharField(source="fetch.sentence", default="", read_only=True)
    failures = serializers.IntegerField(read_only=True, help_text="Pulls that failed since one went well.")
    due_at = serializers.DateTimeField(read_only=True, allow_null=True)


class StatusShape(serializers.Serializer[Any]):
    workers = WorkerShape(many=True, read_only=True)
    backlog = BacklogShape(many=True, read_only=True)
    builders = BuilderShape(many=True, read_only=True)
    upstreams = WatchShape(many=True, read_only=True)
    index = serializers.CharField(read_only=True, help_text="“ok”, or what is the matter with the signed index.")
