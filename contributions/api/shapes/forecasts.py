"""Upgrade forecasts."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from rest_framework import serializers

from contributions.models.forecasting import Do


class BlameShape(serializers.Serializer[Any]):
    path = serializers.CharField()
    commit = serializers.CharField(allow_blank=True, help_text="Upstream's, since which it conflicts.")
    subject = serializers.CharField(allow_blank=True)
    hunks = serializers.IntegerField(default=0)


class ForecastRowShape(serializers.Serializer[Any]):
    contribution = serializers.IntegerField(source="contribution.pk")
    title = serializers.CharField(source="contribution.title")
    state = serializers.CharField(source="contribution.state")
    revision = serializers.IntegerField(source="revision.number")
    do = serializers.ChoiceField(source="outlook.do", choices=Do.choices)
    why = serializers.CharField(source="outlook.why", help_text="A sentence.")
    upstream_commit = serializers.CharField(source="outlook.commit", allow_blank=True, help_text="What has it.")
    evidence = serializers.CharField(source="outlook.evidence", allow_blank=True)
    port = serializers.SerializerMethodField(help_text="The revision to take instead.")
    conflicts = serializers.ListField(source="outlook.files", child=serializers.CharField())
    hunks = serializers.IntegerField(source="outlook.hunks", help_text="That conflict; 0 until they are counted.")
    blame = BlameShape(source="outlook.blame", many=True)
    page = serializers.SerializerMethodField()

    def get_port(self, row: Any) -> int | None:
        return row.outlook.port or None

    def get_page(self, row: Any) -> str:
        return f"{self.context['site']}{reverse('contribution', args=[row.contribution.pk])}"


class ForecastShape(serializers.Serializer[Any]):
    component = serializers.CharField(source="release.component.slug")
    release = serializers.CharField(source="release.name")
    commit = serializers.CharField(source="release.commit")
    is_candidate = serializers.BooleanField(source="release.is_candidate")
    is_judged = serializers.BooleanField(help_text="Else something of it is being judged: ask again.")
    totals = serializers.DictField(child=serializers.IntegerField(), help_text="By what to do: how many.")
    rows = ForecastRowShape(many=True)
