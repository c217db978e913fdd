"""Locks, as machines read them."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from contributions.api.fields import Link
from contributions.models import Lock


class LockFileShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    url = serializers.URLField(help_text="Its bytes never change.")
    sha256 = serializers.CharField()
    size = serializers.IntegerField(help_text="In bytes.")


class LockShape(serializers.ModelSerializer[Lock]):
    stack = serializers.IntegerField(source="stack_id", read_only=True)
    url = Link("api-lock", number="stack_id", lock="number")
    page = Link("lock", number="stack_id", serial="number")
    assembly = serializers.IntegerField(source="assembly.number", read_only=True)
    release = serializers.CharField(source="assembly.release.name", read_only=True)
    base_commit = serializers.CharField(source="assembly.release_commit", read_only=True)
    commit = serializers.CharField(source="assembly.commit", read_only=True)
    tree = serializers.CharField(source="assembly.tree", read_only=True)
    build = serializers.IntegerField(
        source="build_id", read_only=True, allow_null=True, help_text="Whose files it names."
    )
    sha256 = serializers.CharField(read_only=True, help_text="Of the lock file.")
    branch = serializers.SerializerMethodField(
        help_text="From where `git fetch` brings the branch “stack”; null where nothing was laid on."
    )
    files = serializers.SerializerMethodField()

    class Meta:
        model = Lock
        fields = (
            *("stack", "number", "url", "page", "assembly", "release", "base_commit", "commit", "tree", "build"),
            *("sha256", "branch", "files", "created_at"),
        )
        read_only_fields = fields

    def get_branch(self, lock: Lock) -> str | None:
        return f"{self.context['site']}{lock.branch_path}" if lock.branch_path else None

    @extend_schema_field(LockFileShape(many=True))
    def get_files(self, lock: Lock) -> list[dict[str, Any]]:
        return [
            {
                "name": name,
                "url": f"{self.context['site']}{reverse('api-lock-file', args=[lock.stack_id, lock.number, name])}",
                "sha256": blob.sha256,
                "size": blob.size,
            }
            for name, blob in lock.files.items()
        ]
