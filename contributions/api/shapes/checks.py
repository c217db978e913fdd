"""What is told of a lock file."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from contributions.models.checkup import Word
from contributions.models.forecasting import Do

from .advisories import AdvisoryNameShape


class FindingShape(serializers.Serializer[Any]):
    word = serializers.ChoiceField(choices=Word.choices)
    sentence = serializers.CharField()
    revision = serializers.IntegerField(allow_null=True, help_text="The newer revision, or the port.")
    release = serializers.CharField(allow_null=True, help_text="The release that has it, or that the port is for.")
    commit = serializers.CharField(allow_blank=True, help_text="Upstream's.")


class CostShape(serializers.Serializer[Any]):
    do = serializers.ChoiceField(choices=Do.choices)
    why = serializers.CharField(allow_blank=True)
    commit = serializers.CharField(allow_blank=True, help_text="Upstream's, which has it.")
    port = serializers.IntegerField(help_text="The revision to take instead; 0: none.")


class CheckedEntryShape(serializers.Serializer[Any]):
    contribution = serializers.IntegerField(source="named.contribution")
    revision = serializers.IntegerField(source="named.revision")
    title = serializers.CharField(source="named.title", help_text="As the lock has it.")
    state = serializers.ChoiceField(choices=Word.choices, help_text="The first of its findings that counts.")
    findings = FindingShape(many=True)
    advisories = AdvisoryNameShape(many=True, help_text="Those that stand against it.")
    outlook = CostShape(allow_null=True, help_text="What to do about it on the release that was asked for.")


class CheckedFileShape(serializers.Serializer[Any]):
    name = serializers.CharField(source="named.name")
    sha256 = serializers.CharField(source="named.sha256")
    state = serializers.ChoiceField(choices=["ok", "withdrawn", "quarantined"], help_text="Of the same bytes anywhere.")
    reason = serializers.CharField(allow_blank=True)


class CheckupShape(serializers.Serializer[Any]):
    component = serializers.CharField(source="component.slug")
    release = serializers.CharField(source="release.name", default=None, allow_null=True, help_text="As asked for.")
    exit_code = serializers.ChoiceField(choices=[0, 1, 10, 11, 12], help_text="The highest one that holds.")
    sentence = serializers.CharField()
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="How many entries are in which state.")
    entries = CheckedEntryShape(many=True)
    artifacts = CheckedFileShape(many=True)
