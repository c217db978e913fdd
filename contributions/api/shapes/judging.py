"""Where a component runs, what contributions claim, and how that went for people."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from contributions.models import Claim, Environment, Tick, Trait


class TraitShape(serializers.ModelSerializer[Trait]):
    choices = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Trait
        fields = ("slug", "name", "choices")
        read_only_fields = fields


class VocabularyShape(serializers.Serializer[Any]):
    traits = TraitShape(many=True)


class EnvironmentShape(serializers.ModelSerializer[Environment]):
    component = serializers.CharField(source="component.slug", read_only=True)
    traits = serializers.DictField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Environment
        fields = ("component", "traits")
        read_only_fields = fields


class ClaimShape(serializers.ModelSerializer[Claim]):
    hold_count = serializers.IntegerField(read_only=True, help_text="People for whom it holds, in what is current.")
    fail_count = serializers.IntegerField(read_only=True, help_text="People for whom it fails, in what is current.")

    class Meta:
        model = Claim
        fields = ("id", "kind", "text", "url", "hold_count", "fail_count")
        read_only_fields = fields


class ClaimsShape(serializers.Serializer[Any]):
    claims = ClaimShape(many=True)


class TickShape(serializers.ModelSerializer[Tick]):
    person = serializers.CharField(source="person.username", read_only=True)
    organisation = serializers.CharField(source="organisation.slug", default=None, read_only=True, allow_null=True)
    revision = serializers.IntegerField(source="revision.number", read_only=True)

    class Meta:
        model = Tick
        fields = ("id", "person", "organisation", "revision", "holds", "text", "at")
        read_only_fields = fields
