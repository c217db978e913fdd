"""Webhooks, what was sent to them, and what an organisation fetched."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from contributions.api.fields import Link
from contributions.models import Delivery, Download, Webhook


class WebhookShape(serializers.ModelSerializer[Webhook]):
    endpoint = serializers.CharField(source="url", read_only=True, help_text="Where it is posted to.")
    topics = serializers.ListField(child=serializers.ChoiceField(choices=Webhook.Topic.choices), read_only=True)
    made_by = serializers.CharField(source="made_by.username", read_only=True)
    url = Link("api-webhook", slug="organisation.slug", number="pk")
    deliveries_url = Link("api-deliveries", slug="organisation.slug", number="pk")

    class Meta:
        model = Webhook
        fields: tuple[str, ...] = (
            *("id", "endpoint", "topics", "state", "failing_since", "made_by", "created_at", "url", "deliveries_url"),
        )
        read_only_fields: tuple[str, ...] = fields


class NewWebhookShape(WebhookShape):
    secret = serializers.CharField(read_only=True, help_text="Shown this once: keep it.")

    class Meta(WebhookShape.Meta):
        fields: tuple[str, ...] = (*WebhookShape.Meta.fields, "secret")
        read_only_fields: tuple[str, ...] = fields


class DeliveryShape(serializers.ModelSerializer[Delivery]):
    event = serializers.CharField(source="word", read_only=True)

    class Meta:
        model = Delivery
        fields = (
            *("id", "event", "state", "tries", "due_at", "status", "sentence", "answer", "body"),
            *("queued_at", "finished_at"),
        )
        read_only_fields = fields


class DownloadShape(serializers.ModelSerializer[Download]):
    sha256 = serializers.CharField(source="blob_id", read_only=True)
    size = serializers.IntegerField(source="blob.size", read_only=True)
    person = serializers.SerializerMethodField(help_text="Who fetched it last.")

    class Meta:
        model = Download
        fields = ("id", "sha256", "size", "person", "first_at", "last_at")
        read_only_fields = fields

    def get_person(self, row: Any) -> str | None:
        return row.person.username if row.person else None
