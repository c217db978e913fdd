"""Locks of a stack, and what comes out by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.models import AnonymousUser
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from contributions.errors import Missing
from contributions.models import Lock, Stack
from contributions.models.lock import MBOX, NAME, QUILT

from .files import blob_response
from .queries import PageQuery
from .resource import Resource
from .shapes.locks import LockShape
from .shapes.paged import paged

if TYPE_CHECKING:
    from django.http import HttpResponseBase
    from rest_framework.request import Request
    from rest_framework.response import Response

    from .lookups import Eyes

BYTES = {
    (200, "text/plain"): OpenApiResponse(OpenApiTypes.STR, description="The same bytes for ever."),
    304: OpenApiResponse(description="You have these bytes: If-None-Match named their ETag."),
}
FILE = OpenApiParameter("name", str, OpenApiParameter.PATH, enum=[NAME, MBOX, QUILT, "stack.bundle"])


def lock_seen_by(eyes: Eyes, *, newest: bool = False, **named: int) -> Lock:
    order = "-number" if newest else "number"
    found = Lock.objects.known_to(eyes).with_files().filter(**named).order_by(order).first()
    if found is None:
        raise Missing("There is no such lock, or it names something that you may not see, or not any more.")
    return found


class Locks(Resource):
    @extend_schema(operation_id="locks_list", parameters=[PageQuery], responses=paged(LockShape), summary="List locks")
    def get(self, request: Request, number: int) -> Response:
        """Newest first. One is written when the stack is laid, and another when its build is signed."""
        del request
        if not Stack.objects.visible_to(self.eyes).filter(pk=number).exists():
            raise Missing(f"There is no stack {number}, or you may not know of it.")
        found = Lock.objects.known_to(self.eyes).with_files().filter(stack=number)
        return self.listed(LockShape, found, self.asked(PageQuery), "-number")


class OneLock(Resource):
    @extend_schema(operation_id="locks_show", responses=LockShape, summary="Show a lock")
    def get(self, request: Request, number: int, lock: int) -> Response:
        """Its digests, and where its files are."""
        del request
        return self.shown(LockShape, lock_seen_by(self.eyes, stack=number, number=lock))


class LockFile(Resource):
    @extend_schema(operation_id="locks_file", parameters=[FILE], responses=BYTES, summary="Download a file of a lock")
    def get(self, request: Request, number: int, lock: int, name: str) -> HttpResponseBase:
        """The lock itself, one mailbox for `git am`, a quilt series, or a git bundle."""
        return _file(request, lock_seen_by(self.eyes, stack=number, number=lock), name)


class AssemblyMbox(Resource):
    @extend_schema(operation_id="assemblies_mbox", responses=BYTES, summary="Download the mailbox of an assembly")
    def get(self, request: Request, number: int, serial: int) -> HttpResponseBase:
        """The one whose SHA-256 stands in each lock of the assembly."""
        return _file(request, lock_seen_by(self.eyes, stack=number, assembly__number=serial), MBOX)


def _file(request: Request, found: Lock, name: str) -> HttpResponseBase:
    blob = found.files.get(name)
    if blob is None:
        raise Missing("This lock has no such file.")
    public = Lock.objects.known_to(AnonymousUser()).filter(pk=found.pk).exists()
    return blob_response(request, blob, name, public=public)
