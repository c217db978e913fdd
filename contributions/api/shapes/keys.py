"""Public keys."""

from __future__ import annotations

from rest_framework import serializers

from contributions.api.fields import Link
from contributions.models import SigningKey


class KeyShape(serializers.ModelSerializer[SigningKey]):
    pem_url = Link("key", keyid="keyid")
    state = serializers.ChoiceField(choices=["current", "retired", "revoked"], read_only=True)

    class Meta:
        model = SigningKey
        fields: tuple[str, ...] = (
            *("role", "keyid", "pem", "pem_url", "state"),
            *("since", "retired_at", "revoked_at", "reason"),
        )
        read_only_fields: tuple[str, ...] = fields
