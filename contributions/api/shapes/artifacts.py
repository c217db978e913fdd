"""One file, with what is inside and what speaks against it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from contributions.api.fields import Link
from contributions.models.repute import words_against

from .revisions import ArtifactShape

if TYPE_CHECKING:
    from contributions.models import Artifact


class InsideShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    size = serializers.IntegerField(help_text="In bytes, unpacked.")


class ContentsShape(serializers.Serializer[Any]):
    members = serializers.IntegerField(help_text="How many files are inside.")
    bytes = serializers.IntegerField(help_text="Of all of them, unpacked.")
    listed = InsideShape(many=True, help_text="The first of them.")


class WordShape(serializers.Serializer[Any]):
    what = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)
    contribution = serializers.IntegerField()


class ArtifactDetailShape(ArtifactShape):
    page = Link("artifact", number="pk")
    build = serializers.IntegerField(source="build_id", read_only=True, allow_null=True, help_text="None: uploaded.")
    contribution = serializers.IntegerField(
        source="maker.contribution_id", default=None, read_only=True, allow_null=True
    )
    revision = serializers.IntegerField(source="maker.number", default=None, read_only=True, allow_null=True)
    origin = serializers.CharField(read_only=True, help_text="Who vouches for it, in words.")
    matches = serializers.IntegerField(
        source="match", read_only=True, allow_null=True, help_text="The portal's build that an upload is byte for byte."
    )
    contents = serializers.SerializerMethodField(help_text="None for what is no archive.")
    against = serializers.SerializerMethodField(help_text="What is known against the same bytes elsewhere.")

    class Meta(ArtifactShape.Meta):
        fields: tuple[str, ...] = (
            *(*ArtifactShape.Meta.fields, "page", "build", "contribution", "revision", "origin", "matches", "contents"),
            "against",
        )
        read_only_fields: tuple[str, ...] = fields

    @extend_schema_field(ContentsShape(allow_null=True))
    def get_contents(self, artifact: Artifact) -> dict[str, Any] | None:
        if not artifact.contents:
            return None
        listed = [{"name": name, "size": size} for name, size in artifact.contents["listed"]]
        return {**artifact.contents, "listed": listed}

    @extend_schema_field(WordShape(many=True))
    def get_against(self, artifact: Artifact) -> list[dict[str, Any]]:
        words = words_against(artifact.blob, besides=artifact.maker.contribution if artifact.maker else None)
        return [{"what": word.what, "reason": word.reason, "contribution": word.contribution.pk} for word in words]
