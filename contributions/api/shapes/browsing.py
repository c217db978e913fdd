"""Where contributions touch their component, and their tags."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class StepShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    path = serializers.CharField()
    is_file = serializers.BooleanField()
    contributions = serializers.IntegerField(source="count", help_text="How many touch it.")


class FilesShape(serializers.Serializer[Any]):
    path = serializers.CharField(allow_blank=True)
    names = StepShape(many=True)
    next = serializers.CharField(allow_null=True, help_text="For `after`, when there are more.")


class TagShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    contributions = serializers.IntegerField(help_text="How many have it.")


class TagsShape(serializers.Serializer[Any]):
    tags = TagShape(many=True)
