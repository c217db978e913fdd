"""How the site's machinery is, for a machine that watches it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drf_spectacular.utils import extend_schema

from contributions.models import Builder
from contributions.models.builder import backlog, workers_seen
from contributions.models.index import word_of_index
from contributions.models.watch import watched

from .resource import Resource
from .shapes.status import StatusShape

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response


class Status(Resource):
    @extend_schema(operation_id="status_show", responses=StatusShape, summary="Show how the machinery is")
    def get(self, request: Request) -> Response:
        """Workers, what waits for them, and what each builder's sandbox proved."""
        del request
        status = {"workers": workers_seen(), "backlog": backlog(), "builders": Builder.objects.all()}
        return self.shown(StatusShape, status | {"index": word_of_index(), "upstreams": watched()})
