"""The matrix: contributions against releases."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from rest_framework import serializers

from contributions.models import Build, Contribution, Fit


class CellShape(serializers.Serializer[Any]):
    release = serializers.CharField(source="release.name")
    state = serializers.ChoiceField(choices=["", *Fit.State.values], allow_blank=True, help_text="Empty: not tried.")
    why = serializers.CharField(allow_blank=True, help_text="A sentence.")
    build = serializers.ChoiceField(
        choices=["", *Build.State.values], allow_blank=True, help_text="The last one's state."
    )
    port = serializers.IntegerField(allow_null=True, help_text="The revision made for this release that is shown here.")
    upstream_commit = serializers.CharField(allow_blank=True)
    evidence = serializers.CharField(allow_blank=True, help_text="How we know that upstream has it.")
    conflicts = serializers.ListField(child=serializers.CharField(), help_text="The paths that conflict.")


class MatrixRowShape(serializers.Serializer[Any]):
    number = serializers.IntegerField(source="row.pk")
    title = serializers.CharField(source="row.title")
    kind = serializers.ChoiceField(source="row.kind", choices=Contribution.Kind.choices)
    state = serializers.ChoiceField(source="row.state", choices=Contribution.State.choices)
    page = serializers.SerializerMethodField()
    cells = CellShape(many=True, help_text="One for each release, newest first.")

    def get_page(self, shown: dict[str, Any]) -> str:
        return f"{self.context['site']}{reverse('contribution', args=[shown['row'].pk])}"


class ColumnShape(serializers.Serializer[Any]):
    release = serializers.CharField(source="release.name")
    is_candidate = serializers.BooleanField(source="release.is_candidate")
    commit = serializers.CharField(source="release.commit")
    counts = serializers.DictField(
        child=serializers.IntegerField(), help_text="Of all that is found, not of this page."
    )


class MatrixShape(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True, help_text="The address of the page after this one.")
    previous = serializers.URLField(allow_null=True, help_text="The address of the page before this one.")
    columns = ColumnShape(many=True)
    results = MatrixRowShape(many=True)
