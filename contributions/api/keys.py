"""The public keys that signatures of this portal are checked by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drf_spectacular.utils import extend_schema

from contributions.models import SigningKey

from .queries import KeyQuery
from .resource import Resource
from .shapes.keys import KeyShape
from .shapes.paged import paged

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response


class Keys(Resource):
    @extend_schema(
        operation_id="keys_list", parameters=[KeyQuery], responses=paged(KeyShape), summary="List the public keys"
    )
    def get(self, request: Request) -> Response:
        """Newest first. A retired key's signatures count; a revoked one's do not."""
        del request
        asked = self.asked(KeyQuery)
        rows = SigningKey.objects.of_role(asked["role"]) if "role" in asked else SigningKey.objects.all()
        return self.listed(KeyShape, rows, asked, "-pk")
