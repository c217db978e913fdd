"""The entrance: what there is, the schema, and the answer for addresses that lead nowhere."""

from __future__ import annotations

import functools
import hashlib
import json
import threading
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.urls import Resolver404, resolve, reverse
from django.utils.cache import get_conditional_response
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.settings import patched_settings
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.response import Response

from contributions.errors import Missing

from .resource import Resource

if TYPE_CHECKING:
    from rest_framework.request import Request

LISTS = (
    "components",
    "contributions",
    "builds",
    "publications",
    "advisories",
    "feed",
    "keys",
    "index",
    "organisations",
    "me",
    "notifications",
    "follows",
    "searches",
    "status",
    "schema",
)
ONE_AT_A_TIME = threading.Lock()  # drf-spectacular's settings are patched for the whole process


class Entrance(Resource):
    @extend_schema(
        operation_id="entrance",
        responses=inline_serializer("Entrance", {name: serializers.URLField() for name in LISTS}),
        summary="Show what there is",
    )
    def get(self, request: Request) -> Response:
        """The addresses to start from."""
        return Response({name: request.build_absolute_uri(reverse(f"api-{name}")) for name in LISTS})


class Schema(Resource):
    schema = None  # type: ignore[assignment]  # a schema does not describe itself

    def get(self, request: Request) -> HttpResponse:
        """The OpenAPI 3.1 document."""
        text, etag = _written()
        response = get_conditional_response(request._request, etag=etag)  # noqa: SLF001 - DRF wraps Django's request
        response = response or HttpResponse(text, content_type="application/json")
        response.headers["ETag"] = etag
        response.headers["Cache-Control"] = "no-cache"
        return response


@functools.cache
def _written() -> tuple[bytes, str]:
    with ONE_AT_A_TIME, patched_settings({"POSTPROCESSING_HOOKS": []}):  # small enumerations read best in place
        document = SchemaGenerator(api_version="1").get_schema(public=True)  # type: ignore[no-untyped-call]
    text = json.dumps(document, indent=1, default=str).encode()
    return text, f'"{hashlib.sha256(text).hexdigest()[:32]}"'


class Nowhere(Resource):
    """Every address below the API that is not one."""

    schema = None  # type: ignore[assignment]  # nothing to describe

    def get(self, request: Request, **_: Any) -> HttpResponse:
        raise Missing(_hint(request.path))

    post = put = get


def _hint(path: str) -> str:
    other = path[:-1] if path.endswith("/") else f"{path}/"
    try:
        leads_on = resolve(other).func is not resolve(path).func
    except Resolver404:
        leads_on = False
    return (
        f"There is nothing at this address. Did you mean {other} ?" if leads_on else "There is nothing at this address."
    )
