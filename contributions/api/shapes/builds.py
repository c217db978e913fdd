"""Builds."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from contributions.api.fields import NOT_FINAL, Link, bill_of, provenance_of
from contributions.models import Attestation, Build
from contributions.models.baseline import Word, set_beside

from .revisions import ArtifactShape


class BaselineShape(serializers.Serializer[Any]):
    """A red build beside the bare release: what the patch broke, and what was broken."""

    build = serializers.IntegerField(
        source="bare.pk",
        default=None,
        read_only=True,
        allow_null=True,
        help_text="The bare one; null: not built yet.",
    )
    word = serializers.ChoiceField(choices=[word.value for word in Word], read_only=True)
    sentence = serializers.CharField(read_only=True, help_text="The same for people, with the first test that tells.")
    new_tests = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="Failing tests that pass without the patch."
    )


class Builds(serializers.ListSerializer[Build]):
    """Compared with their bare builds all at once."""

    def to_representation(self, data: Any) -> Any:
        rows = list(data)
        set_beside(rows)
        return super().to_representation(rows)


class BuildShape(serializers.ModelSerializer[Build]):
    url = Link("api-build", number="pk")
    page = Link("build", number="pk")
    log = Link("api-build-log", number="pk")
    component = serializers.CharField(source="release.component.slug", read_only=True)
    release = serializers.CharField(source="release.name", read_only=True)
    is_candidate = serializers.BooleanField(source="release.is_candidate", read_only=True, help_text=NOT_FINAL)
    contribution = serializers.IntegerField(
        source="revision.contribution_id", default=None, read_only=True, allow_null=True,
        help_text="None for the bare release.",
    )  # fmt: skip
    revision = serializers.IntegerField(source="revision.number", default=None, read_only=True, allow_null=True)
    provenance = provenance_of()
    bill = bill_of()
    seconds = serializers.FloatField(read_only=True, allow_null=True)
    repeats = serializers.IntegerField(
        source="repeats_id", read_only=True, allow_null=True, help_text="The build that this one repeats, to compare."
    )
    reproducible = serializers.BooleanField(
        source="is_reproducible",
        read_only=True,
        allow_null=True,
        help_text="Whether its repetitions made the same bytes; null while none has told.",
    )
    baseline = serializers.SerializerMethodField(help_text="Of a build that is not green: the bare release beside it.")
    likeness = serializers.ChoiceField(
        choices=[("", ""), *Build.Likeness.choices],
        read_only=True,
        help_text="Of a repetition: same or different bytes; empty for any other build.",
    )
    difference = serializers.SerializerMethodField(help_text="Of a repetition with other bytes: the report.")

    class Meta:
        model = Build
        list_serializer_class = Builds
        fields: tuple[str, ...] = (
            *("id", "url", "page", "log", "component", "release", "contribution", "revision", "serial", "commit"),
            "is_candidate",
            *(
                "state",
                "sentence",
                "failed_step",
                "failed_test",
                "baseline",
                "exit_code",
                "limit",
                "recipe_digest",
                "attempts",
            ),
            *("queued_at", "started_at", "finished_at", "seconds", "provenance", "bill"),
            *("repeats", "likeness", "reproducible", "difference"),
        )
        read_only_fields: tuple[str, ...] = fields

    @extend_schema_field(BaselineShape(allow_null=True))
    def get_baseline(self, build: Build) -> Any:
        return BaselineShape(build.beside).data if build.beside else None

    def get_difference(self, build: Build) -> str | None:
        path = build.difference_url
        return f"{self.context['site']}{path}" if path else None


class RefusedShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    reason = serializers.CharField()


class AttestationShape(serializers.ModelSerializer[Attestation]):
    """How far the portal is with signing what it knows of the build."""

    key = serializers.CharField(
        source="key.keyid", default=None, read_only=True, allow_null=True, help_text="The id of the key."
    )

    class Meta:
        model = Attestation
        fields: tuple[str, ...] = ("state", "sentence", "key", "finished_at")
        read_only_fields: tuple[str, ...] = fields


class BuildDetailShape(BuildShape):
    failed_tests = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="In the order of the log; the first 500."
    )
    recipe = serializers.DictField(read_only=True, help_text="As it was when the build was queued.")
    sandbox = serializers.DictField(
        read_only=True, help_text="What confined it: versions, limits, control groups, user; empty before it ran."
    )
    refused = serializers.SerializerMethodField(help_text="Artifacts that were not taken.")
    artifacts = ArtifactShape(many=True, read_only=True)
    attestation = AttestationShape(
        default=None, read_only=True, allow_null=True, help_text="None for a build that made nothing to sign for."
    )

    class Meta(BuildShape.Meta):
        fields: tuple[str, ...] = (
            *(*BuildShape.Meta.fields, "failed_tests", "recipe", "refused", "artifacts", "attestation"),
            *("executor", "sandbox", "toolchain_digest", "prepared_digest"),
        )
        read_only_fields: tuple[str, ...] = fields

    def to_representation(self, instance: Build) -> dict[str, Any]:
        set_beside([instance])
        return super().to_representation(instance)

    def get_refused(self, build: Build) -> list[dict[str, str]]:
        return [{"name": str(name), "reason": str(reason)} for name, reason in build.refused]
