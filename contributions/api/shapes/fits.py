"""Fits: how a revision meets a release, and all that is known of why."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from contributions.api.fields import NOT_FINAL, Link
from contributions.models import Fit, Inquiry, Sighting
from contributions.models.forges import commit_address

Evidence = Fit.Evidence
HOWS = (
    *("content", "added-twice", "gone-here", "gone-there", "moved"),
    *("binary", "large", "slow", "link", "submodule", "mode"),
)


class FitShape(serializers.ModelSerializer[Fit]):
    revision = serializers.IntegerField(source="revision.number", read_only=True)
    release = serializers.CharField(source="release.name", read_only=True)
    is_candidate = serializers.BooleanField(source="release.is_candidate", read_only=True, help_text=NOT_FINAL)
    url = Link("api-fit", number="revision.contribution_id", release="release.slug")
    way = serializers.CharField(read_only=True, help_text="Of what applies: exact, offset, 3-way or context.")
    conflicts = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="The paths that conflict."
    )

    class Meta:
        model = Fit
        fields: tuple[str, ...] = (
            *("revision", "release", "url", "release_commit", "state", "way", "sentence", "conflicts"),
            *("is_candidate", "commit", "tree", "upstream_commit", "evidence", "finished_at"),
        )
        read_only_fields: tuple[str, ...] = fields


class FitPartShape(serializers.Serializer[Any]):
    sha = serializers.CharField()
    subject = serializers.CharField(allow_blank=True)
    state = serializers.CharField(help_text="applies, upstream or conflicts.")
    upstream_commit = serializers.CharField(allow_blank=True, default="")
    evidence = serializers.CharField(allow_blank=True, default="")
    conflicts = serializers.ListField(child=serializers.CharField(), default=list)


class FitBlameShape(serializers.Serializer[Any]):
    path = serializers.CharField()
    why = serializers.ChoiceField(
        choices=["changed", "missing", "unrelated", "unknown"],
        help_text="The commit changed what the patch changes; or the patch stands on it and the release lacks it; "
        "or base and release have no history in common; or nothing was found in time.",
    )
    commit = serializers.CharField(allow_blank=True)
    subject = serializers.CharField(allow_blank=True)
    author = serializers.CharField(allow_blank=True)
    at = serializers.CharField(allow_blank=True, help_text="When its author made it.")
    merge = serializers.CharField(allow_blank=True, help_text="The merge that brought it in, if one did.")
    hunks = serializers.IntegerField(help_text="Places that conflict in the file.")


class ClashSideShape(serializers.Serializer[Any]):
    start = serializers.IntegerField(help_text="The number of the first line.")
    lines = serializers.ListField(child=serializers.CharField(allow_blank=True, trim_whitespace=False))
    cut = serializers.IntegerField(help_text="Further lines that are not told.")


class ClashHunkShape(serializers.Serializer[Any]):
    base = ClashSideShape(help_text="What both began with.")
    ours = ClashSideShape(help_text="What the release has.")
    theirs = ClashSideShape(help_text="What the patch wants.")
    before = serializers.ListField(child=serializers.CharField(allow_blank=True, trim_whitespace=False))
    after = serializers.ListField(child=serializers.CharField(allow_blank=True, trim_whitespace=False))


class ClashShape(serializers.Serializer[Any]):
    path = serializers.CharField()
    how = serializers.ChoiceField(choices=HOWS)
    count = serializers.IntegerField(help_text="Places that conflict; as many are told as there is room for.")
    hunks = ClashHunkShape(many=True)


class SightingShape(serializers.ModelSerializer[Sighting]):
    person = serializers.CharField(source="person.username", read_only=True)

    class Meta:
        model = Sighting
        fields: tuple[str, ...] = ("commit", "is_same", "person", "said_at")
        read_only_fields: tuple[str, ...] = fields


class FitDetailShape(FitShape):
    upstream_url = serializers.SerializerMethodField(help_text="Where upstream shows the commit, if that is known.")
    asked_about = serializers.CharField(
        read_only=True,
        help_text="The commit of which a person is asked whether it is the contribution; empty for none.",
    )
    said = serializers.SerializerMethodField(help_text="What a person said of that commit.")
    commits = FitPartShape(many=True, read_only=True, help_text="Of a series: each commit by itself.")
    renames = serializers.DictField(
        child=serializers.CharField(), read_only=True, help_text="Path of the patch -> where upstream moved it."
    )
    inquiry = serializers.SerializerMethodField(
        help_text="queued or running while it is looked for who is to blame, then done; null where nothing is."
    )
    blame = FitBlameShape(many=True, read_only=True)
    clashes = ClashShape(many=True, read_only=True, help_text="Both sides of what conflicts.")

    class Meta(FitShape.Meta):
        fields: tuple[str, ...] = (
            *(*FitShape.Meta.fields, "upstream_url", "asked_about", "said", "commits", "renames"),
            *("inquiry", "blame", "clashes"),
        )
        read_only_fields: tuple[str, ...] = fields

    def get_upstream_url(self, fit: Fit) -> str:
        return commit_address(fit.release.component.upstream_url, fit.upstream_commit)

    @extend_schema_field(serializers.ChoiceField(choices=Inquiry.State.choices, allow_null=True))
    def get_inquiry(self, fit: Fit) -> str | None:
        return fit.inquiry.state if hasattr(fit, "inquiry") else None

    @extend_schema_field(SightingShape(allow_null=True))
    def get_said(self, fit: Fit) -> dict[str, Any] | None:
        commit = fit.asked_about or (fit.upstream_commit if fit.evidence == Evidence.CONFIRMED else "")
        rows = Sighting.objects.filter(contribution=fit.revision.contribution_id, commit=commit)
        said = rows.select_related("person").first() if commit else None
        return SightingShape(said).data if said else None
