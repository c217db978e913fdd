"""Revisions: what was sent, and what the portal made of it."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from rest_framework import serializers

from contributions.api.fields import Link
from contributions.models import Artifact, Carry, Comparison, Revision
from contributions.models.porting import is_outdated


class ArtifactShape(serializers.ModelSerializer[Artifact]):
    url = serializers.SerializerMethodField(help_text="Its bytes never change.")
    sha256 = serializers.CharField(source="blob_id", read_only=True)
    size = serializers.IntegerField(read_only=True, help_text="In bytes.")
    details = Link("api-artifact", number="pk")

    class Meta:
        model = Artifact
        fields: tuple[str, ...] = ("name", "url", "sha256", "size", "media_type", "details")
        read_only_fields: tuple[str, ...] = fields

    def get_url(self, artifact: Artifact) -> str:
        return f"{self.context['site']}{artifact.get_absolute_url()}"


class RevisionShape(serializers.ModelSerializer[Revision]):
    contribution = serializers.IntegerField(source="contribution_id", read_only=True)
    release = serializers.CharField(source="release.name", default=None, read_only=True, allow_null=True)
    submitted_by = serializers.CharField(source="submitted_by.username", read_only=True)
    claims = serializers.CharField(
        read_only=True, allow_null=True, help_text="Of an executable: what it says it was built from, as #12 v3."
    )
    url = Link("api-revision", number="contribution_id", revision="number")
    patch = Link("api-revision-patch", given="mbox_id", number="contribution_id", revision="number")
    diff = Link("api-revision-diff", given="diff_id", number="contribution_id", revision="number")

    class Meta:
        model = Revision
        fields: tuple[str, ...] = (
            *("contribution", "number", "url", "state", "sentence", "source", "filename", "git_url", "git_ref"),
            *("release", "note", "submitted_by", "claims", "created_at", "base_commit", "tip_commit", "fingerprint"),
            *("patch", "diff"),
        )
        read_only_fields: tuple[str, ...] = fields


class PortShape(RevisionShape):
    ports = serializers.IntegerField(
        source="ports.number", read_only=True, help_text="The revision that it brings there."
    )
    is_outdated = serializers.SerializerMethodField(help_text="A newer revision with other content is current.")

    class Meta(RevisionShape.Meta):
        fields: tuple[str, ...] = (*RevisionShape.Meta.fields, "ports", "is_outdated", "approved_at", "withdrawn_at")
        read_only_fields: tuple[str, ...] = fields

    def get_is_outdated(self, port: Revision) -> bool:
        return is_outdated(port, port.contribution.current)


class CommitShape(serializers.Serializer[Any]):
    sha = serializers.CharField()
    subject = serializers.CharField(allow_blank=True)
    body = serializers.CharField(allow_blank=True)
    author = serializers.CharField(allow_blank=True)
    authored_at = serializers.CharField(allow_blank=True, allow_null=True)


class FileShape(serializers.Serializer[Any]):
    path = serializers.CharField()
    old_path = serializers.CharField(allow_blank=True, allow_null=True)
    status = serializers.CharField()
    binary = serializers.BooleanField(default=False)
    added = serializers.IntegerField(help_text="Lines.")
    removed = serializers.IntegerField(help_text="Lines.")


class RevisionDetailShape(RevisionShape):
    warnings = serializers.ListField(child=serializers.CharField(), read_only=True)
    carries = serializers.DictField(
        child=serializers.ChoiceField(choices=["same", "partly"]),
        read_only=True,
        help_text="The number of each earlier revision of which what was said holds here, and how far.",
    )
    commits = CommitShape(many=True, read_only=True)
    files = FileShape(many=True, read_only=True)
    artifacts = ArtifactShape(many=True, read_only=True, help_text="Uploaded, not built here.")

    class Meta(RevisionShape.Meta):
        fields: tuple[str, ...] = (
            *(*RevisionShape.Meta.fields, "text", "html"),
            *("carries", "warnings", "commits", "files", "artifacts"),
        )
        read_only_fields: tuple[str, ...] = fields


class ComparedCommitShape(serializers.Serializer[Any]):
    word = serializers.ChoiceField(choices=["unchanged", "reworded", "changed", "added", "dropped"])
    old = serializers.CharField(allow_blank=True, help_text="The commit of the older revision.")
    new = serializers.CharField(allow_blank=True, help_text="The commit of the newer revision.")
    subject = serializers.CharField(allow_blank=True)
    is_reworded = serializers.BooleanField(help_text="Its message is another one.")


class ComparisonShape(serializers.ModelSerializer[Comparison]):
    older = serializers.IntegerField(source="older.number", read_only=True)
    newer = serializers.IntegerField(source="newer.number", read_only=True)
    carries = serializers.SerializerMethodField(help_text="How far what was said of the older one holds for the newer.")
    url = serializers.SerializerMethodField()
    diff = serializers.SerializerMethodField()

    class Meta:
        model = Comparison
        fields: tuple[str, ...] = ("older", "newer", "url", "state", "sentence", "carries", "diff", "finished_at")
        read_only_fields: tuple[str, ...] = fields

    def get_carries(self, row: Comparison) -> str:
        return str(row.newer.carries.get(str(row.older.number), Carry.TOUCHED))

    def get_url(self, row: Comparison) -> str:
        return f"{self.context['site']}{self._address('api-comparison', row)}"

    def get_diff(self, row: Comparison) -> str | None:
        return f"{self.context['site']}{self._address('api-comparison-diff', row)}" if row.diff_id else None

    def _address(self, name: str, row: Comparison) -> str:
        return reverse(name, args=[row.newer.contribution_id, row.older.number, row.newer.number])


class ComparisonDetailShape(ComparisonShape):
    commits = ComparedCommitShape(many=True, read_only=True)
    files = FileShape(many=True, read_only=True)
    conflicts = serializers.ListField(
        child=serializers.CharField(),
        read_only=True,
        help_text="Where the older one does not merge onto the newer base; files are then compared as both left them.",
    )

    class Meta(ComparisonShape.Meta):
        fields: tuple[str, ...] = (*ComparisonShape.Meta.fields, "commits", "files", "conflicts")
        read_only_fields: tuple[str, ...] = fields
