"""Advisories, as machines read them."""

from __future__ import annotations

from rest_framework import serializers

from contributions.api.fields import Link
from contributions.models import Advisory, Revision


class NamedRevisionShape(serializers.ModelSerializer[Revision]):
    contribution = serializers.IntegerField(source="contribution_id", read_only=True)
    revision = serializers.IntegerField(source="number", read_only=True)

    class Meta:
        model = Revision
        fields = ("contribution", "revision")
        read_only_fields = fields


class AdvisoryNameShape(serializers.ModelSerializer[Advisory]):
    """An advisory where it is only named."""

    number = serializers.IntegerField(source="pk", read_only=True)
    id = serializers.CharField(source="identifier", read_only=True)
    url = Link("api-advisory", number="pk")

    class Meta:
        model = Advisory
        fields: tuple[str, ...] = ("number", "id", "severity", "alias", "title", "state", "url")
        read_only_fields: tuple[str, ...] = fields


class AdvisoryShape(AdvisoryNameShape):
    page = Link("advisory", number="pk")
    osv_url = Link("api-advisory-osv", number="pk")
    component = serializers.CharField(source="component.slug", read_only=True)
    author = serializers.CharField(source="author.username", read_only=True)
    affected = NamedRevisionShape(many=True, read_only=True)
    fixed = NamedRevisionShape(many=True, read_only=True)

    class Meta(AdvisoryNameShape.Meta):
        fields: tuple[str, ...] = (
            *AdvisoryNameShape.Meta.fields,
            *("page", "osv_url", "component", "author", "description", "html", "affected", "fixed"),
            *("published_at", "withdrawn_at", "reason"),
        )
        read_only_fields: tuple[str, ...] = fields
