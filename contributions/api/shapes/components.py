"""Components, their releases and recipes."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from contributions.api.fields import Link
from contributions.models import Component, Recipe, Release


class ComponentShape(serializers.ModelSerializer[Component]):
    url = Link("api-component", slug="slug")
    page = Link("component", slug="slug")
    releases = Link("api-releases", slug="slug")
    rules = Link("api-rules", slug="slug")

    class Meta:
        model = Component
        fields: tuple[str, ...] = (
            *("slug", "name", "summary", "homepage", "licence", "upstream_url", "approvals_needed"),
            *("url", "page", "releases", "rules"),
        )
        read_only_fields: tuple[str, ...] = fields


class RecipeShape(serializers.ModelSerializer[Recipe]):
    artifact_patterns = serializers.ListField(child=serializers.CharField(), read_only=True)
    environment = serializers.DictField(child=serializers.CharField(), read_only=True)
    digest = serializers.CharField(read_only=True, help_text="SHA-256 over everything that decides what a build does.")

    class Meta:
        model = Recipe
        fields: tuple[str, ...] = (*Recipe.SCRIPTS, *Recipe.LIMITS, "digest")
        read_only_fields: tuple[str, ...] = fields


class ComponentDetailShape(ComponentShape):
    maintainers = serializers.SerializerMethodField(help_text="Usernames.")
    recipe = RecipeShape(read_only=True, allow_null=True)

    class Meta(ComponentShape.Meta):
        fields: tuple[str, ...] = (
            *(*ComponentShape.Meta.fields, "release_pattern", "candidate_pattern", "watch_minutes"),
            *("maintainers", "recipe"),
        )
        read_only_fields: tuple[str, ...] = fields

    def get_maintainers(self, component: Component) -> list[str]:
        return [person.username for person in component.maintainers.all()]

    def to_representation(self, instance: Component) -> dict[str, Any]:
        return {"recipe": None, **super().to_representation(instance)}


class ReleaseShape(serializers.ModelSerializer[Release]):
    component = serializers.CharField(source="component.slug", read_only=True)
    page = Link("release", slug="component.slug", name="name")
    index_url = Link("simple-index", slug="slug")

    class Meta:
        model = Release
        fields: tuple[str, ...] = (
            *("component", "name", "slug", "kind", "ref", "commit", "position", "released_at", "state", "is_candidate"),
            *("page", "index_url"),
        )
        read_only_fields: tuple[str, ...] = fields
