"""What became of what a lock file names, for a pipeline that asks each night."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import BaseParser
from rest_framework.permissions import AllowAny

from contributions.locks import LARGEST, SCHEMA, read_lock
from contributions.models import ApiToken
from contributions.models.checkup import check

from .locks import lock_seen_by
from .permissions import HasScope
from .queries import CheckQuery, StackCheckQuery
from .resource import Resource
from .shapes.checks import CheckupShape

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import IO

    from drf_spectacular.openapi import AutoSchema
    from rest_framework.request import Request
    from rest_framework.response import Response


class LockDocument(serializers.Serializer[Any]):
    """A lock file; `locks` reads it, for a form has no word for what would be said twice."""


class LockForm(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    target_class = "contributions.api.checks.LockDocument"

    def map_serializer(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        del auto_schema, direction
        return {name: value for name, value in SCHEMA.items() if not name.startswith("$")}


class LockFile(BaseParser):
    """A lock file, read strictly."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        del media_type, parser_context
        return read_lock(stream.read(LARGEST + 1))


class Check(Resource):
    """Nothing is changed by asking, so everybody may; a token that may read is enough."""

    permission_classes = (AllowAny, HasScope)
    writing_scope = ApiToken.Scope.READ
    parser_classes = (LockFile,)

    @property
    def most_bytes(self) -> int:
        return LARGEST

    @extend_schema(
        operation_id="stacks_check", parameters=[StackCheckQuery], responses=CheckupShape, summary="Check a stack"
    )
    def get(self, request: Request) -> Response:
        """The same about a lock of a stack that the portal keeps."""
        del request
        asked = self.asked(StackCheckQuery)
        named = {"number": asked["lock"]} if "lock" in asked else {}
        lock = lock_seen_by(self.eyes, newest=True, stack=asked["stack"], **named)
        return self.shown(CheckupShape, check(read_lock(lock.content.read()), self.eyes, asked.get("release", "")))

    @extend_schema(
        operation_id="stacks_check_lock",
        parameters=[CheckQuery],
        request=LockDocument,
        responses=CheckupShape,
        summary="Check a lock file",
    )
    def post(self, request: Request) -> Response:
        """Whether anything in it was withdrawn, superseded, or taken by upstream since.

        `exit_code` is what a pipeline may end with: 0 fine, 1 unknown or work to do, 10 upstream has some of it,
        11 superseded, 12 taken back.
        """
        lock = cast("dict[str, Any]", request.data) or read_lock(b"")  # an empty body is never parsed
        return self.shown(CheckupShape, check(lock, self.eyes, self.asked(CheckQuery).get("release", "")))
