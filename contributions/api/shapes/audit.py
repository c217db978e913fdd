"""Lines of the history, and the seals over them."""

from __future__ import annotations

from rest_framework import serializers

from contributions.models import Event, Seal


class LineShape(serializers.ModelSerializer[Event]):
    actor = serializers.CharField(
        source="actor.username", default=None, read_only=True, allow_null=True, help_text="None: the portal itself."
    )
    component = serializers.CharField(source="component.slug", default=None, read_only=True, allow_null=True)
    contribution = serializers.IntegerField(source="contribution_id", read_only=True, allow_null=True)
    revision = serializers.IntegerField(source="revision.number", default=None, read_only=True, allow_null=True)
    release = serializers.CharField(source="release.name", default=None, read_only=True, allow_null=True)
    build = serializers.IntegerField(source="build_id", read_only=True, allow_null=True)
    publication = serializers.IntegerField(source="publication_id", read_only=True, allow_null=True)
    organisation = serializers.CharField(source="organisation.slug", default=None, read_only=True, allow_null=True)
    subject = serializers.CharField(
        source="subject.username", default=None, read_only=True, allow_null=True, help_text="To whom it was done."
    )

    class Meta:
        model = Event
        fields = (
            *("id", "at", "verb", "actor", "component", "contribution", "revision", "release"),
            *("build", "publication", "organisation", "subject", "text"),
        )
        read_only_fields = fields


class SealShape(serializers.ModelSerializer[Seal]):
    envelope = serializers.CharField(read_only=True, help_text="A DSSE envelope in JSON, signed by the key “history”.")

    class Meta:
        model = Seal
        fields = ("first", "last", "count", "digest", "made_at", "envelope")
        read_only_fields = fields
