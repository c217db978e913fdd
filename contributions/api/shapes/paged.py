"""The shape of a page, and of a problem."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers


def paged(shape: type[serializers.BaseSerializer[Any]]) -> serializers.Serializer[Any]:
    """A page of such rows, for the schema."""
    return inline_serializer(
        name=f"{shape.__name__}Page",
        fields={
            "next": serializers.URLField(allow_null=True, help_text="The address of the page after this one."),
            "previous": serializers.URLField(allow_null=True, help_text="The address of the page before this one."),
            "results": shape(many=True),
        },
    )


class ProblemShape(serializers.Serializer[Any]):
    """What went wrong (RFC 9457)."""

    type = serializers.CharField(help_text="about:blank, or reauthentication-needed: the session is too old for this.")
    title = serializers.CharField(help_text="The name of the status.")
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="A sentence for people.")
    errors = serializers.DictField(  # type: ignore[assignment]  # the answer's word, not the serializer's own
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="Per input that it is about, what is wrong with it.",
    )
