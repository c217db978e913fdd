"""The history, for machines that keep watch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drf_spectacular.utils import extend_schema

from contributions.models import Event, Seal
from contributions.models.event import ASKED

from .queries import AuditQuery, PageQuery
from .resource import Resource
from .shapes.audit import LineShape, SealShape
from .shapes.paged import paged

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response

NAMES = ("actor", "component", "revision", "release", "organisation", "subject")


class Audit(Resource):
    @extend_schema(
        operation_id="audit", parameters=[AuditQuery], responses=paged(LineShape), summary="Read the history"
    )
    def get(self, request: Request) -> Response:
        """Who did what to which thing, newest first: what is public of all you may know of; for staff every line."""
        del request
        asked = self.asked(AuditQuery)
        found = Event.objects.visible_to(self.eyes).about(**{name: asked[name] for name in ASKED if name in asked})
        rows = found.select_related(*NAMES).defer("revision__files", "revision__commits", "revision__fingerprints")
        return self.listed(LineShape, rows, asked, "-pk")


class Seals(Resource):
    @extend_schema(
        operation_id="audit_seals", parameters=[PageQuery], responses=paged(SealShape), summary="List the seals"
    )
    def get(self, request: Request) -> Response:
        """Newest first. Keep one, and nobody can later show you another history up to its last line."""
        del request
        return self.listed(SealShape, Seal.objects.defer("lines"), self.asked(PageQuery), "-last")
