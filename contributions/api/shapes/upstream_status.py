"""What became of a contribution upstream."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from contributions.models import Contribution


class UpstreamStatusShape(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=Contribution.UpstreamStatus.choices)
    link = serializers.CharField(allow_blank=True, help_text="Where it was sent to, or comes from.")
    reason = serializers.CharField(allow_blank=True, help_text="Why it is not for upstream.")
    commit = serializers.CharField(allow_blank=True, help_text="Upstream's own, if the portal knows it.")
    header = serializers.DictField(
        child=serializers.CharField(), help_text="The fields of the patch's header: DEP-3's, and Upstream-Status."
    )
