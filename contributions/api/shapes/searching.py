"""What a search box offers, as JSON."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class CompletionShape(serializers.Serializer[Any]):
    text = serializers.CharField(help_text="All that was typed, completed.")
    label = serializers.CharField(help_text="What was added to it.")  # type: ignore[assignment]  # the offer's, not the field's
    note = serializers.CharField(help_text="A word of explanation; may be empty.")


class ResultShape(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    title = serializers.CharField()
    state = serializers.CharField()
    component = serializers.CharField()
    page = serializers.URLField(help_text="For people.")


class OfferShape(serializers.Serializer[Any]):
    completions = CompletionShape(many=True)
    results = ResultShape(many=True)
