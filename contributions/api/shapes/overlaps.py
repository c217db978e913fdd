"""What overlaps with a contribution."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from contributions.api.fields import Link
from contributions.models import Contribution, Fit
from contributions.models.overlapping import Likeness

KINDS = "`same`: the same change, `part`: the same to a file, `lines` and `function`: it touches the same."


class OverlapShape(serializers.Serializer[Any]):
    number = serializers.IntegerField(source="contribution.pk")
    url = Link("api-contribution", number="contribution.pk")
    title = serializers.CharField(source="contribution.title")
    state = serializers.ChoiceField(source="contribution.state", choices=Contribution.State.choices)
    author = serializers.CharField(source="contribution.author.username")
    release = serializers.CharField(source="contribution.release.name", default=None, allow_null=True)
    alike = serializers.ChoiceField(source="likeness", choices=Likeness.choices, help_text=KINDS)
    paths = serializers.ListField(child=serializers.CharField())
    functions = serializers.ListField(child=serializers.CharField())


class UpstreamShape(serializers.Serializer[Any]):
    release = serializers.CharField(source="release.name")
    state = serializers.ChoiceField(choices=[(Fit.State.UPSTREAM, ""), (Fit.State.PROBABLY_UPSTREAM, "")])
    commit = serializers.CharField(source="upstream_commit", allow_blank=True)
    evidence = serializers.CharField(allow_blank=True, help_text="How we know.")


class TouchedFileShape(serializers.Serializer[Any]):
    path = serializers.CharField()
    others = serializers.IntegerField(help_text="Other open or approved contributions that touch it.")


class OverlapsShape(serializers.Serializer[Any]):
    others = OverlapShape(many=True)
    upstream = UpstreamShape(many=True, help_text="The releases that have it already.")
    files = TouchedFileShape(many=True)
    is_cut = serializers.BooleanField(help_text="There is more than this.")
