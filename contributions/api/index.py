"""The signed index, for a machine that is about to install from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drf_spectacular.utils import extend_schema

from contributions.models import IndexFile
from contributions.models.index import TOP_ROLES
from contributions.signing import roots

from .resource import Resource
from .shapes.index import IndexShape

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response


class Index(Resource):
    @extend_schema(operation_id="index_show", responses=IndexShape, summary="Show the signed index")
    def get(self, request: Request) -> Response:
        """Where a client of The Update Framework begins, which root to trust first, and how fresh the rest is."""
        del request
        root = IndexFile.objects.newest(roots.ROOT)
        newest = {file.role: file for file in IndexFile.objects.newest_of_each()}
        index = {
            "root": roots.facts_of(bytes(root.content)) if root else None,
            "files": [newest.pop(role) for role in TOP_ROLES if role in newest],
            "releases": len(newest),
        }
        return self.shown(IndexShape, index)
