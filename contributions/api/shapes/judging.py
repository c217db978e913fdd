"""Where a component runs, what contributions claim, and how that went for people."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from contributions.models import Trait


class TraitShape(serializers.ModelSerializer[Trait]):
    choices = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Trait
        fields = ("slug", "name", "choices")
        read_only_fields = fields


class VocabularyShape(serializers.Serializer[Any]):
    traits = TraitShape(many=True)
