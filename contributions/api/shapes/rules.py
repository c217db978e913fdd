"""The rules of a component, and the checklist of a contribution."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from contributions.models import Component, Contribution, UpstreamFetch
from contributions.rules import Mark


class RulesShape(serializers.ModelSerializer[Component]):
    accepted_licences = serializers.ListField(child=serializers.CharField(), read_only=True)
    sentences = serializers.ListField(
        child=serializers.CharField(), source="rules.sentences", read_only=True, help_text="The same in words."
    )

    class Meta:
        model = Component
        fields: tuple[str, ...] = (*Component.RULES, "licence", "sentences")
        read_only_fields: tuple[str, ...] = fields


class CheckShape(serializers.Serializer[Any]):
    rule = serializers.CharField(help_text="approvals, objections, cool-down, green-build, licence or sign-off.")
    words = serializers.CharField()
    state = serializers.ChoiceField(choices=[mark.value for mark in Mark], source="mark")
    detail = serializers.CharField(allow_blank=True, help_text="What was found, and why it is so.")
    due = serializers.DateTimeField(allow_null=True, help_text="When time alone may change it.")


class ChecklistShape(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=Contribution.State.choices)
    revision = serializers.IntegerField(allow_null=True, help_text="The one that is looked at.")
    is_met = serializers.BooleanField(help_text="No rule is left; what was approved stays so if rules change later.")
    is_approved_by_people = serializers.BooleanField()
    summary = serializers.CharField()
    looked_at_again = serializers.DateTimeField(allow_null=True)
    checks = CheckShape(many=True)


class FetchShape(serializers.ModelSerializer[UpstreamFetch]):
    class Meta:
        model = UpstreamFetch
        fields: tuple[str, ...] = ("id", "state", "queued_at")
        read_only_fields: tuple[str, ...] = fields
