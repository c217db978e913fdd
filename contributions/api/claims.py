"""What a contribution claims, and ticking it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drf_spectacular.utils import extend_schema

from contributions.actions.claiming import set_claims, tick
from contributions.errors import Missing
from contributions.models import Tick

from .inputs import ClaimsInput, TickInput
from .lookups import contribution_seen_by
from .queries import PageQuery
from .resource import Resource
from .shapes.judging import ClaimShape, ClaimsShape, TickShape
from .shapes.paged import paged

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response

    from contributions.models import Claim, Contribution


class Claims(Resource):
    @extend_schema(operation_id="claims_list", responses=ClaimsShape, summary="Show what a contribution claims")
    def get(self, request: Request, number: int) -> Response:
        """What it fixes and how to test it, each with how many people say that it holds and that it fails."""
        del request
        return self._told(contribution_seen_by(self.eyes, number))

    @extend_schema(operation_id="claims_set", request=ClaimsInput, responses=ClaimsShape, summary="Say what it claims")
    def put(self, request: Request, number: int) -> Response:
        """All of it; its author may. What stays as it was keeps its ticks."""
        del request
        contribution, sent = contribution_seen_by(self.person, number), self.sent(ClaimsInput)
        fixes, tests = (_lines(sent[name]) for name in ("fixes", "tests"))
        set_claims(author=self.person, contribution=contribution, fixes=fixes, tests=tests)
        return self._told(contribution)

    def _told(self, contribution: Contribution) -> Response:
        return self.shown(ClaimsShape, {"claims": contribution.claims.standing().with_ticks()})


def _lines(claims: list[str]) -> str:
    return "\n".join(" ".join(claim.split()) for claim in claims)


class Ticks(Resource):
    @extend_schema(
        operation_id="ticks_list", parameters=[PageQuery], responses=paged(TickShape), summary="List who tried a claim"
    )
    def get(self, request: Request, number: int, claim: int) -> Response:
        """Newest first; each with the revision that was tried."""
        del request
        found = _claim(contribution_seen_by(self.eyes, number), claim)
        rows = Tick.objects.filter(claim=found).select_related("person", "organisation", "revision")
        return self.listed(TickShape, rows.defer("revision__files", "revision__commits"), self.asked(PageQuery), "-pk")

    @extend_schema(operation_id="ticks_set", request=TickInput, responses=ClaimShape, summary="Tick a claim")
    def put(self, request: Request, number: int, claim: int) -> Response:
        """It holds for you, it fails, or you take that back; not on your own contribution."""
        del request
        found = _claim(contribution_seen_by(self.person, number), claim)
        sent = TickInput(data=self.request.data)
        sent.is_valid(raise_exception=True)
        tick(person=self.person, claim=found, **sent.validated_data)
        return self.shown(ClaimShape, found.contribution.claims.with_ticks().get(pk=found.pk))


def _claim(contribution: Contribution, pk: int) -> Claim:
    found: Claim | None = contribution.claims.select_related("contribution__component").filter(pk=pk).first()
    if found is None:
        raise Missing(f"#{contribution.number} has no claim {pk}.")
    return found
