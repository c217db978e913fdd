"""Publications, and the entries of the feed."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from contributions.api.fields import NOT_FINAL, Link, bill_of, provenance_of
from contributions.models import Event, Publication
from contributions.models.index import targets_of

from .advisories import AdvisoryNameShape
from .revisions import ArtifactShape

FEED_WORDS = {
    Event.Verb.PUBLISHED: "published",
    Event.Verb.UNPUBLISHED: "withdrawn",
    Event.Verb.HELD: "held",
    Event.Verb.FREED: "freed",
    Event.Verb.ADVISED: "advised",
    Event.Verb.UNADVISED: "unadvised",
}


REPRODUCIBLE = "Whether a second run elsewhere made the same bytes; null while none has told."
ORIGIN = "Built here, or of an upload: whether it is byte for byte what the portal built, else who built it."
TARGETS = "The paths of its files in the signed index; none once it is taken back."


def _targets(publication: Publication) -> list[str]:
    return list(targets_of(publication)) if publication.is_live else []


class PublicationShape(serializers.ModelSerializer[Publication]):
    url = Link("api-publication", number="pk")
    page = Link("publication", number="pk")
    component = serializers.CharField(source="release.component.slug", read_only=True)
    release = serializers.CharField(source="release.name", read_only=True)
    is_candidate = serializers.BooleanField(source="release.is_candidate", read_only=True, help_text=NOT_FINAL)
    contribution = serializers.IntegerField(source="revision.contribution_id", read_only=True)
    title = serializers.CharField(source="revision.contribution.title", read_only=True)
    revision = serializers.IntegerField(source="revision.number", read_only=True)
    build = serializers.IntegerField(
        source="build_id", read_only=True, allow_null=True, help_text="None: uploaded, not built here."
    )
    reproducible = serializers.BooleanField(
        source="build.is_reproducible", default=None, read_only=True, allow_null=True, help_text=REPRODUCIBLE
    )
    origin = serializers.CharField(read_only=True, help_text=ORIGIN)
    withdrawn_by = serializers.CharField(source="withdrawn_by.username", default=None, read_only=True, allow_null=True)
    artifacts = ArtifactShape(many=True, read_only=True)
    provenance = provenance_of("build")
    bill = bill_of("build")
    targets = serializers.SerializerMethodField(help_text=TARGETS)
    advisories = AdvisoryNameShape(
        source="revision.standing_advisories", many=True, read_only=True, help_text="Those that stand against it."
    )

    class Meta:
        model = Publication
        fields = (
            *("id", "url", "page", "component", "release", "contribution", "title", "revision", "build", "state"),
            *("is_candidate", "reproducible", "origin"),
            *("published_at", "withdrawn_at", "withdrawn_by", "reason", "artifacts", "targets", "provenance", "bill"),
            "advisories",
        )
        read_only_fields = fields

    def get_targets(self, publication: Any) -> list[str]:
        return _targets(publication)


class EntryShape(serializers.ModelSerializer[Event]):
    """A publication that began, one that was taken back or held back, or an advisory."""

    event = serializers.SerializerMethodField()
    publication = serializers.IntegerField(
        source="publication_id", read_only=True, allow_null=True, help_text="None, as all about it, of an advisory."
    )
    live = serializers.BooleanField(
        source="publication.is_live",
        read_only=True,
        allow_null=True,
        help_text="Whether it is in the feed still: do not install what is not.",
    )
    component = serializers.CharField(source="component.slug", read_only=True)
    release = serializers.CharField(source="publication.release.name", read_only=True, allow_null=True)
    is_candidate = serializers.BooleanField(
        source="publication.release.is_candidate", read_only=True, allow_null=True, help_text=NOT_FINAL
    )
    release_slug = serializers.CharField(source="publication.release.slug", read_only=True, allow_null=True)
    contribution = serializers.IntegerField(
        source="publication.revision.contribution_id", read_only=True, allow_null=True
    )
    title = serializers.SerializerMethodField(help_text="Empty while the contribution is in quarantine.")
    kind = serializers.CharField(source="publication.revision.contribution.kind", read_only=True, allow_null=True)
    revision = serializers.IntegerField(source="publication.revision.number", read_only=True, allow_null=True)
    build = serializers.IntegerField(source="publication.build_id", read_only=True, allow_null=True)
    reproducible = serializers.BooleanField(
        source="publication.build.is_reproducible",
        default=None,
        read_only=True,
        allow_null=True,
        help_text=REPRODUCIBLE,
    )
    origin = serializers.CharField(source="publication.origin", read_only=True, allow_null=True, help_text=ORIGIN)
    artifacts = ArtifactShape(source="publication.artifacts", many=True, read_only=True, default=[])
    provenance = provenance_of("publication.build")
    bill = bill_of("publication.build")
    targets = serializers.SerializerMethodField(help_text=TARGETS)
    reason = serializers.SerializerMethodField(help_text="Why it was taken out, held back or given back.")
    advisory = serializers.SerializerMethodField(help_text="Of an entry about one.")
    advisories = serializers.SerializerMethodField(help_text="Those that stand against the published revision.")
    page = Link("publication", given="publication_id", number="publication_id")
    publication_url = Link("api-publication", given="publication_id", number="publication_id")
    contribution_url = Link("api-contribution", given="publication", number="publication.revision.contribution_id")
    build_url = Link("api-build", given="publication.build_id", number="publication.build_id")
    log_url = Link("api-build-log", given="publication.build_id", number="publication.build_id")
    patch_url = Link(
        "api-revision-patch",
        given="publication.revision.mbox_id",
        number="publication.revision.contribution_id",
        revision="publication.revision.number",
    )
    index_url = Link("simple-index", given="publication", slug="publication.release.slug")

    class Meta:
        model = Event
        fields = (
            *("id", "event", "at", "publication", "live", "component", "release", "release_slug"),
            *("is_candidate", "contribution", "title", "kind", "revision", "build", "artifacts", "targets"),
            *("reproducible", "origin"),
            *("provenance", "bill", "reason", "advisory", "advisories"),
            *("page", "publication_url", "contribution_url", "build_url", "log_url", "patch_url", "index_url"),
        )
        read_only_fields = fields

    def get_targets(self, entry: Any) -> list[str]:
        return [] if entry.publication is None else _targets(entry.publication)

    def get_event(self, entry: Any) -> str:
        return FEED_WORDS[entry.verb]

    def get_title(self, entry: Any) -> str:
        if entry.publication is None:
            return str(entry.advisory.title)
        contribution = entry.publication.revision.contribution
        return "" if contribution.is_quarantined else str(contribution.title)

    @extend_schema_field(AdvisoryNameShape(allow_null=True))
    def get_advisory(self, entry: Any) -> Any:
        return None if entry.advisory is None else AdvisoryNameShape(entry.advisory, context=self.context).data

    @extend_schema_field(AdvisoryNameShape(many=True))
    def get_advisories(self, entry: Any) -> Any:
        against = [] if entry.publication is None else entry.publication.revision.standing_advisories
        return AdvisoryNameShape(against, many=True, context=self.context).data

    def get_reason(self, entry: Any) -> str:
        return "" if entry.verb == Event.Verb.PUBLISHED else str(entry.text)
