"""The signed index: where a client begins, and how fresh it is."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from rest_framework import serializers

from contributions.api.fields import Link


class RootShape(serializers.Serializer[Any]):
    version = serializers.IntegerField(read_only=True)
    sha256 = serializers.CharField(read_only=True, help_text="Compare it with what you are told by another way.")
    expires = serializers.DateTimeField(read_only=True)
    threshold = serializers.IntegerField(read_only=True, help_text="How many root keys must sign the next root.")
    keyids = serializers.ListField(child=serializers.CharField(), read_only=True)
    is_kept_here = serializers.BooleanField(read_only=True, help_text="Its key lies on the portal: a trial.")
    url = serializers.SerializerMethodField()

    def get_url(self, root: Any) -> str:
        return f"{self.context['site']}{reverse('tuf-metadata', kwargs={'version': root.version, 'role': 'root'})}"


class IndexFileShape(serializers.Serializer[Any]):
    role = serializers.CharField(read_only=True)
    version = serializers.IntegerField(read_only=True)
    made_at = serializers.DateTimeField(read_only=True)
    expires_at = serializers.DateTimeField(read_only=True)


class IndexShape(serializers.Serializer[Any]):
    page = Link("tuf")
    metadata_url = serializers.SerializerMethodField(help_text="What a client of The Update Framework begins with.")
    targets_url = serializers.SerializerMethodField(help_text="Where it downloads from.")
    root = RootShape(read_only=True, allow_null=True, help_text="The newest root; null while nothing is signed.")
    files = IndexFileShape(many=True, read_only=True)
    releases = serializers.IntegerField(read_only=True, help_text="How many releases have a file of their own.")

    def get_metadata_url(self, index: Any) -> str:
        del index
        return f"{self.context['site']}/tuf/metadata/"

    def get_targets_url(self, index: Any) -> str:
        del index
        return f"{self.context['site']}/tuf/targets/"
