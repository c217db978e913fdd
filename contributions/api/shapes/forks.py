"""A fork that was taken apart, and the patches that it carries."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from contributions.api.fields import Link
from contributions.models import Carried, Fork


class ForkShape(serializers.ModelSerializer[Fork]):
    number = serializers.IntegerField(read_only=True)
    url = Link("api-fork", number="pk")
    page = Link("fork", number="pk")
    component = serializers.CharField(source="component.slug", read_only=True)
    release = serializers.CharField(
        source="release.name", default=None, read_only=True, allow_null=True, help_text="The nearest one, once found."
    )
    author = serializers.CharField(source="author.username", read_only=True)

    class Meta:
        model = Fork
        fields: tuple[str, ...] = (
            *("number", "url", "page", "component", "state", "release", "author"),
            *("commit_count", "created_at", "finished_at"),
        )
        read_only_fields: tuple[str, ...] = fields


class CountsShape(serializers.Serializer[Any]):
    drafted = serializers.IntegerField(help_text="Only you have them.")
    known = serializers.IntegerField(help_text="The portal has them.")
    upstream = serializers.IntegerField(help_text="Upstream has them.")
    left_out = serializers.IntegerField(help_text="Taken back, mere versions, or left out by you.")


class ForkDetailShape(ForkShape):
    organisation = serializers.CharField(
        source="organisation.slug", default=None, read_only=True, allow_null=True, help_text="Whose members see it."
    )
    seconds_left = serializers.SerializerMethodField(help_text="Of this step, as far as it can be told.")
    patches = serializers.SerializerMethodField(help_text="How many are in each state.")

    class Meta(ForkShape.Meta):
        fields: tuple[str, ...] = (
            *ForkShape.Meta.fields,
            *("organisation", "git_url", "git_ref", "tip_commit", "step", "done", "total", "seconds_left"),
            *("sentence", "note", "patches"),
        )
        read_only_fields: tuple[str, ...] = fields

    def get_seconds_left(self, fork: Fork) -> int | None:
        return None if fork.left is None else round(fork.left.total_seconds())

    def get_patches(self, fork: Fork) -> CountsShape:
        counts: Any = {state.replace("-", "_"): count for state, count in fork.counts().items()}
        shown: CountsShape = counts
        return shown


class CarriedCommitShape(serializers.Serializer[Any]):
    sha = serializers.CharField()
    subject = serializers.CharField()
    author = serializers.CharField(required=False)
    authored_at = serializers.CharField(required=False)
    files = serializers.IntegerField(required=False, help_text="Of a merge alone: the files that it changed by itself.")
    added = serializers.IntegerField(required=False, help_text="Of a merge alone: the lines that it added so.")
    removed = serializers.IntegerField(required=False, help_text="Of a merge alone: those that it took away.")
    settles = serializers.BooleanField(required=False, help_text="Of a merge alone: a conflict of its parents.")
    paths = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Of a merge alone: the first few of these files."
    )


class CarriedShape(serializers.ModelSerializer[Carried]):
    contribution = serializers.IntegerField(
        source="contribution_id", read_only=True, allow_null=True, help_text="The draft, or the one that is the same."
    )
    is_draft = serializers.BooleanField(read_only=True, help_text="It waits to be published.")
    may_be_drafted = serializers.BooleanField(read_only=True, help_text="Its bytes are kept, so it can be drafted yet.")
    commits = CarriedCommitShape(
        many=True, read_only=True, help_text="Of the fork; or the merges that changed files by themselves."
    )
    receipt = serializers.CharField(
        read_only=True, allow_null=True, help_text="Of a draft: queued, running, received, refused or errored."
    )
    refusal = serializers.CharField(
        read_only=True, allow_null=True, help_text="Of a draft that could not be received: why."
    )
    needs = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="First commits of the earlier patches it stands on."
    )

    class Meta:
        model = Carried
        fields = (
            *(
                "position",
                "title",
                "kind",
                "state",
                "contribution",
                "is_draft",
                "may_be_drafted",
                "asked_at",
                "commits",
            ),
            *(
                "needs",
                "upstream_commit",
                "evidence",
                "upstream_status",
                "upstream_link",
                "sentence",
                "receipt",
                "refusal",
            ),
        )
        read_only_fields = fields


class AskedShape(serializers.Serializer[Any]):
    asked = serializers.IntegerField(help_text="Drafts that are being made public, one by one.")
