"""Publications: approved builds, and taking one back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drf_spectacular.utils import extend_schema

from contributions.actions.quarantining import quarantine_publication, restore_publication
from contributions.actions.withdrawing import withdraw_publication
from contributions.models.build import uploads_of

from .inputs import ReasonInput
from .lookups import narrowed, publication_seen_by, publications_seen_by
from .queries import PublicationQuery
from .resource import Resource
from .shapes.paged import paged
from .shapes.publications import PublicationShape

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response

FILES = ("build__artifacts__blob", uploads_of("revision__"))


class Publications(Resource):
    is_kept = True

    @extend_schema(
        operation_id="publications_list",
        parameters=[PublicationQuery],
        responses=paged(PublicationShape),
        summary="Find publications",
    )
    def get(self, request: Request) -> Response:
        """Newest first, withdrawn ones too."""
        del request
        asked = self.asked(PublicationQuery)
        found = publications_seen_by(self.eyes).prefetch_related(*FILES)
        found = narrowed(found, asked, release_at="release", contribution_at="revision__contribution")
        return self.listed(PublicationShape, found, asked, "-pk")


class OnePublication(Resource):
    is_kept = True

    @extend_schema(operation_id="publications_show", responses=PublicationShape, summary="Show a publication")
    def get(self, request: Request, number: int) -> Response:
        """With its artifacts."""
        del request
        return self.shown(PublicationShape, publication_seen_by(self.eyes, number))


class PublicationWithdrawal(Resource):
    @extend_schema(
        operation_id="publications_withdraw",
        request=ReasonInput,
        responses=PublicationShape,
        summary="Withdraw a publication",
    )
    def post(self, request: Request, number: int) -> Response:
        """Out of pip's choice, for good; the feed tells of it. Its author, maintainers and staff may."""
        del request
        publication = publication_seen_by(self.person, number)
        withdraw_publication(person=self.person, publication=publication, reason=self.sent(ReasonInput)["reason"])
        return self.shown(PublicationShape, publication_seen_by(self.person, number))


class PublicationQuarantine(Resource):
    is_sensitive = True

    @extend_schema(
        operation_id="publications_quarantine",
        request=ReasonInput,
        responses=PublicationShape,
        summary="Put a publication in quarantine",
    )
    def post(self, request: Request, number: int) -> Response:
        """Out of the feed, and its files out of everybody's reach, until it is restored. Staff may."""
        del request
        publication = publication_seen_by(self.person, number)
        quarantine_publication(person=self.person, publication=publication, reason=self.sent(ReasonInput)["reason"])
        return self.shown(PublicationShape, publication_seen_by(self.person, number))


class PublicationRestoration(Resource):
    is_sensitive = True

    @extend_schema(
        operation_id="publications_restore",
        request=ReasonInput,
        responses=PublicationShape,
        summary="Take a publication out of quarantine",
    )
    def post(self, request: Request, number: int) -> Response:
        """Back into the feed. Staff may."""
        del request
        publication = publication_seen_by(self.person, number)
        restore_publication(person=self.person, publication=publication, reason=self.sent(ReasonInput)["reason"])
        return self.shown(PublicationShape, publication_seen_by(self.person, number))
