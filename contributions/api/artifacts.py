"""One file that a build made or a contributor uploaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drf_spectacular.utils import extend_schema

from .lookups import artifact_seen_by
from .resource import Resource
from .shapes.artifacts import ArtifactDetailShape

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response


class OneArtifact(Resource):
    @extend_schema(operation_id="artifacts_show", responses=ArtifactDetailShape, summary="Show a file")
    def get(self, request: Request, number: int) -> Response:
        """What it is by its bytes, and the first files inside when it is an archive."""
        del request
        return self.shown(ArtifactDetailShape, artifact_seen_by(self.eyes, number))
