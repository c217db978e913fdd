"""Fields that mean what JSON says: text is text, a number is a number, and links are absolute addresses."""

from __future__ import annotations

import functools
from operator import attrgetter
from typing import Any

from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.utils.html import is_html_input

PROVENANCE = "Signed: a DSSE envelope with SLSA provenance. None if it was not built here, or is not signed yet."
BILL = "A CycloneDX 1.6 document; its digest stands in the signed provenance."
NOT_FINAL = "Whether the release is a candidate, which upstream may still change."
BIGGEST_KEY = 2**63 - 1  # a bigint


class Text(serializers.CharField):
    """A string, kept as it was sent (actions trim and clean); a number or a boolean is not one."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**{"trim_whitespace": False, **given})

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class WholeNumber(serializers.IntegerField):
    """A JSON integer: neither true, nor 1.0, nor "1" (digits are fine in a form, which knows only text)."""

    def to_internal_value(self, data: Any) -> int:
        in_form = is_html_input(getattr(self.parent, "initial_data", {}))
        if not isinstance(data, (int, str) if in_form else int):
            self.fail("invalid")
        return int(super().to_internal_value(data))


@extend_schema_field(OpenApiTypes.URI)
class Link(serializers.Field[Any, Any, str | None, Any]):
    """The absolute address of a named route; `parts` say where the object keeps each part of it.

    None when what `given` names is None: there is nothing at that address then.
    """

    def __init__(self, name: str, /, *, given: str = "", **parts: str) -> None:
        super().__init__(read_only=True, source="*", allow_null=bool(given))
        self.route, self.given, self.parts = name, given, parts

    def to_representation(self, value: Any) -> str | None:
        if self.given and _at(value, self.given) is None:
            return None
        found = tuple((part, attrgetter(place)(value)) for part, place in self.parts.items())
        return f"{self.context['site']}{_path(self.route, found)}"


class SwornShape(serializers.Serializer[Any]):
    """A document about a build."""

    url = serializers.URLField(help_text="Other bytes come there only when a signing key was revoked.")
    sha256 = serializers.CharField()


@extend_schema_field(SwornShape)
class Sworn(serializers.Field[Any, Any, dict[str, str] | None, Any]):
    """A document about the build found at `build` (the object itself if empty); None while there is none."""

    def __init__(self, name: str, /, *, digest: str, build: str = "", **given: Any) -> None:
        super().__init__(read_only=True, source="*", allow_null=True, **given)
        self.route, self.digest, self.way = name, digest, build.split(".") if build else []

    def to_representation(self, value: Any) -> dict[str, str] | None:
        build = functools.reduce(lambda thing, name: getattr(thing, name, None), self.way, value)
        sha256 = getattr(build, self.digest, None)
        if sha256 is None:
            return None
        return {"url": f"{self.context['site']}{_path(self.route, (('number', build.pk),))}", "sha256": sha256}


def provenance_of(build: str = "") -> Sworn:
    return Sworn("build-provenance", digest="provenance_sha256", build=build, help_text=PROVENANCE)


def bill_of(build: str = "") -> Sworn:
    return Sworn("build-bill", digest="bill_sha256", build=build, help_text=BILL)


def _at(value: Any, place: str) -> Any:
    """What is kept at the place; None when there is nothing on the way to it."""
    for name in place.split("."):
        value = getattr(value, name) if value is not None else None
    return value


@functools.lru_cache(maxsize=4096)  # a few pages of the feed, whose every entry has seven addresses
def _path(route: str, parts: tuple[tuple[str, Any], ...]) -> str:
    return reverse(route, kwargs=dict(parts))
