"""Settlements: what conflicts, place by place, and what was answered."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from contributions.models import Settlement

from .fits import ClashSideShape


class SettlementTextsShape(serializers.Serializer[Any]):
    ours = serializers.CharField(required=False, allow_blank=True)
    theirs = serializers.CharField(required=False, allow_blank=True)
    remembered = serializers.CharField(required=False, allow_blank=True)


class SettlementPlaceShape(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="The same as long as the same lines conflict.")
    choices = serializers.ListField(child=serializers.CharField(), help_text="What may be answered here.")
    markers = serializers.ListField(child=serializers.CharField(), help_text="Lines that only look like markers.")
    texts = SettlementTextsShape(help_text="Whole, where the lines survive being typed; else empty.")
    base = ClashSideShape()
    ours = ClashSideShape(help_text="What the release has.")
    theirs = ClashSideShape(help_text="What the patch does.")
    before = serializers.ListField(child=serializers.CharField(allow_blank=True))
    after = serializers.ListField(child=serializers.CharField(allow_blank=True))


class SettlementLearntShape(serializers.Serializer[Any]):
    contribution = serializers.IntegerField()
    revision = serializers.IntegerField()
    release = serializers.CharField(allow_blank=True)
    told = serializers.CharField()


class SettlementFileShape(serializers.Serializer[Any]):
    path = serializers.CharField()
    how = serializers.CharField(help_text="As with a fit: content, added-twice, gone-here, gone-there, binary, ….")
    id = serializers.CharField(allow_blank=True, help_text="Of a file that is chosen as a whole.")
    needs_git = serializers.BooleanField(help_text="No answer settles it.")
    choices = serializers.ListField(child=serializers.CharField(), help_text="Of a file that is chosen as a whole.")
    remembered = SettlementLearntShape(allow_null=True, help_text="The port that “remembered” was learnt from.")
    places = SettlementPlaceShape(many=True)


class SettlementPassShape(serializers.Serializer[Any]):
    commit = serializers.CharField()
    subject = serializers.CharField(allow_blank=True)
    number = serializers.IntegerField(help_text="Of the commit in the series, from 1.")
    of = serializers.IntegerField()
    files = SettlementFileShape(many=True)


class SettlementAnswerShape(serializers.Serializer[Any]):
    id = serializers.CharField()
    choice = serializers.CharField()
    text = serializers.CharField(allow_blank=True)


class SettlementShape(serializers.ModelSerializer[Settlement]):
    contribution = serializers.IntegerField(source="revision.contribution_id", read_only=True)
    revision = serializers.IntegerField(source="revision.number", read_only=True)
    release = serializers.CharField(source="release.name", read_only=True)
    seen = serializers.CharField(source="passes_id", read_only=True, allow_null=True, help_text="To be sent back.")
    passes = serializers.SerializerMethodField()
    answers = serializers.SerializerMethodField(help_text="Yours, those to what is asked no more as well.")
    patch = serializers.SerializerMethodField(help_text="Once it is ready.")

    class Meta:
        model = Settlement
        fields: tuple[str, ...] = (
            *("contribution", "revision", "release", "release_commit", "state", "sentence", "seen"),
            *("passes", "answers", "patch"),
        )
        read_only_fields: tuple[str, ...] = fields

    @extend_schema_field(SettlementPassShape(many=True))
    def get_passes(self, row: Settlement) -> list[dict[str, Any]]:
        return row.asked

    @extend_schema_field(SettlementAnswerShape(many=True))
    def get_answers(self, row: Settlement) -> list[dict[str, str]]:
        return [{"id": name, "choice": choice, "text": text} for name, (choice, text) in row.answers.items()]

    def get_patch(self, row: Settlement) -> str | None:
        if row.mbox_id is None:
            return None
        where = [row.revision.contribution_id, row.release.name]
        return f"{self.context['site']}{reverse('api-settlement-patch', args=where)}"
