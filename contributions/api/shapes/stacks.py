"""Stacks, what is in them, and each time that they were laid."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from contributions.api.fields import NOT_FINAL, Link
from contributions.models import Assembly, Stack
from contributions.models.stack_verdict import finding_of

from .revisions import ArtifactShape


class StackShape(serializers.ModelSerializer[Stack]):
    url = Link("api-stack", number="pk")
    page = Link("stack", number="pk")
    component = serializers.CharField(source="component.slug", read_only=True)
    release = serializers.CharField(source="release.name", read_only=True)
    is_candidate = serializers.BooleanField(source="release.is_candidate", read_only=True, help_text=NOT_FINAL)
    organisation = serializers.CharField(
        source="organisation.slug", default=None, read_only=True, allow_null=True, help_text="None: its author alone."
    )
    author = serializers.CharField(source="author.username", read_only=True)
    public = serializers.BooleanField(source="is_public", read_only=True)
    archived = serializers.BooleanField(source="is_archived", read_only=True)
    patches = serializers.IntegerField(source="pick_count", read_only=True, help_text="How many are in it.")
    state = serializers.CharField(
        source="last_state", read_only=True, allow_null=True, help_text="Of the newest assembly; None before the first."
    )
    verdict = serializers.CharField(
        source="last_verdict", read_only=True, allow_null=True, help_text="Of its build: passed, failed, was-failing."
    )

    class Meta:
        model = Stack
        fields: tuple[str, ...] = (
            *("id", "url", "page", "name", "component", "release", "organisation", "author", "public", "archived"),
            *("is_candidate", "patches", "state", "verdict", "created_at"),
        )
        read_only_fields: tuple[str, ...] = fields


class StackPickShape(serializers.Serializer[Any]):
    contribution = serializers.IntegerField()
    revision = serializers.IntegerField(allow_null=True, help_text="The one that is taken now.")
    pinned = serializers.BooleanField()
    port = serializers.BooleanField(help_text="Whether the one that is taken is a port to the release.")
    fit = serializers.CharField(allow_null=True, help_text="How it meets the release; None before that was judged.")
    needs = serializers.ListField(child=serializers.IntegerField(), help_text="What of the stack must go before it.")
    unknown = serializers.ListField(child=serializers.CharField(), help_text="What it asks for that is not here.")


class LackShape(serializers.Serializer[Any]):
    contribution = serializers.IntegerField()
    needs = serializers.IntegerField(help_text="What it depends on and neither the stack nor the release has.")
    sentence = serializers.CharField()


class StackDetailShape(StackShape):
    picks = StackPickShape(
        many=True, source="plan.told", help_text="In the order asked for, as far as you may see them."
    )
    order = serializers.ListField(
        source="plan.order_told",
        child=serializers.IntegerField(),
        help_text="With what is needed before what needs it.",
    )
    lacks = LackShape(many=True, source="plan.lacks_told")
    hurdles = serializers.ListField(
        source="plan.hurdles_told", child=serializers.CharField(), help_text="Why it cannot be laid as it is."
    )
    hidden = serializers.IntegerField(source="plan.hidden", help_text="How many are in it that you may not see.")

    class Meta(StackShape.Meta):
        fields: tuple[str, ...] = (*StackShape.Meta.fields, "note", "picks", "order", "lacks", "hurdles", "hidden")
        read_only_fields: tuple[str, ...] = fields


class CulpritShape(serializers.Serializer[Any]):
    contribution = serializers.IntegerField(source="contribution_id")
    revision = serializers.IntegerField(source="number")


class AssemblyShape(serializers.ModelSerializer[Assembly]):
    url = Link("api-assembly", number="stack_id", serial="number")
    page = Link("assembly", number="stack_id", serial="number")
    stack = serializers.IntegerField(source="stack_id", read_only=True)
    release = serializers.CharField(source="release.name", read_only=True)
    is_candidate = serializers.BooleanField(source="release.is_candidate", read_only=True, help_text=NOT_FINAL)
    verdict = serializers.ChoiceField(
        choices=[("", ""), *Assembly.Verdict.choices],
        read_only=True,
        help_text="Of its build; empty before it is known.",
    )

    class Meta:
        model = Assembly
        fields: tuple[str, ...] = (
            *("number", "url", "page", "stack", "release", "release_commit", "state", "sentence", "verdict"),
            *("is_candidate", "commit", "tree", "height", "created_at", "finished_at"),
        )
        read_only_fields: tuple[str, ...] = fields


class StackEntryShape(serializers.Serializer[Any]):
    contribution = serializers.IntegerField()
    revision = serializers.IntegerField()
    state = serializers.CharField(help_text="applied, upstream or conflicts.")
    alone = serializers.CharField(help_text="What it does on the bare release: applies, upstream or conflicts.")
    why = serializers.CharField(allow_blank=True)
    commit = serializers.CharField(allow_blank=True, help_text="The last one of it on the stack.")
    tree = serializers.CharField(allow_blank=True)
    commits = serializers.IntegerField(help_text="How many of it were laid.")
    against = serializers.ListField(child=serializers.IntegerField(), help_text="What it conflicts with.")
    paths = serializers.ListField(child=serializers.CharField(), help_text="The files that conflict.")


class StackPairShape(serializers.Serializer[Any]):
    a = serializers.IntegerField()
    b = serializers.IntegerField()
    files = serializers.ListField(child=serializers.CharField(), help_text="What both change.")
    meeting = serializers.CharField(help_text="fine, ordered (one order only) or conflict.")
    first = serializers.SerializerMethodField(help_text="Of an ordered pair: which goes first.")
    paths = serializers.ListField(child=serializers.CharField(), help_text="The files that conflict.")

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_first(self, pair: dict[str, Any]) -> int | None:
        return pair["first"] or None


class StackBuildShape(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="pk")
    url = Link("api-build", number="pk")
    depth = serializers.IntegerField(help_text="How many of its patches are on.")
    state = serializers.CharField()


class AssemblyDetailShape(AssemblyShape):
    finding = serializers.SerializerMethodField(help_text="What its builds tell, in a sentence.")
    culprit = CulpritShape(
        default=None, read_only=True, allow_null=True, help_text="With which its build begins to fail."
    )
    order = serializers.SerializerMethodField()
    pairs = serializers.SerializerMethodField(help_text="Those that change the same files.")
    builds = StackBuildShape(many=True, source="known_builds", help_text="The whole first, then parts of it.")
    artifacts = ArtifactShape(many=True, source="known_artifacts", help_text="Of the newest build of the whole.")

    class Meta(AssemblyShape.Meta):
        fields: tuple[str, ...] = (
            *(*AssemblyShape.Meta.fields, "finding", "culprit", "order", "pairs", "builds", "artifacts"),
        )
        read_only_fields: tuple[str, ...] = fields

    def get_finding(self, assembly: Assembly) -> str:
        return finding_of(assembly)

    @extend_schema_field(StackEntryShape(many=True))
    def get_order(self, assembly: Assembly) -> Any:
        return StackEntryShape(assembly.order, many=True).data

    @extend_schema_field(StackPairShape(many=True))
    def get_pairs(self, assembly: Assembly) -> Any:
        return StackPairShape(assembly.pairs, many=True).data


class DependenciesShape(serializers.Serializer[Any]):
    depends_on = serializers.ListField(child=serializers.IntegerField(), help_text="As its author says.")
    named = serializers.ListField(child=serializers.IntegerField(), help_text="As its commits say.")
    unknown = serializers.ListField(child=serializers.CharField(), help_text="Words of its commits that are not here.")
