"""What a search box offers while somebody types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from contributions.models.completing import Completer

from .queries import CompletionQuery
from .resource import Resource
from .shapes.searching import OfferShape

if TYPE_CHECKING:
    from rest_framework.request import Request


class Completions(Resource):
    @extend_schema(
        operation_id="search_complete", parameters=[CompletionQuery], responses=OfferShape, summary="Complete a search"
    )
    def get(self, request: Request) -> Response:
        """What may stand at the end of `q`, and the best contributions that match it so far."""
        completer = Completer(self.asked(CompletionQuery).get("q", ""), self.eyes)
        results = [
            {
                "number": row["pk"],
                "title": row["title"],
                "state": row["state"],
                "component": row["component__name"],
                "page": request.build_absolute_uri(reverse("contribution", args=[row["pk"]])),
            }
            for row in completer.results()
        ]
        return Response(OfferShape({"completions": completer.completions(), "results": results}).data)
