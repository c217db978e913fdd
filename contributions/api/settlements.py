"""Settling conflicts by a tool: what is asked, answering, and the patch that comes of it. Only for whoever settles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response

from contributions.actions.reconciling import drop_settlement, settle_conflicts
from contributions.checkout.weaving import TEXT, Answer
from contributions.errors import Missing
from contributions.models import ApiToken, Release, Settlement

from .files import blob_response
from .inputs import SettlementInput
from .lookups import contribution_seen_by, named
from .permissions import HasScope
from .resource import Resource
from .revisions import BYTES
from .shapes.settlements import SettlementShape

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase
    from rest_framework.request import Request

    from contributions.models import Contribution

SUMMARY = "Show the conflicts and your answers"


class Private(Resource):
    reading_scope = ApiToken.Scope.READ
    permission_classes = (IsAuthenticated, HasScope)

    def settlement(self, number: int, release: str) -> Settlement:
        contribution = contribution_seen_by(self.person, number)
        found = Settlement.objects.of(self.person, contribution, self.release(contribution, release))
        if found is None:
            raise Missing("You have not begun to settle that; a POST without answers begins.")
        return found

    def release(self, contribution: Contribution, name: str) -> Release:
        """By name or slug."""
        found: Release | None = contribution.component.releases.filter(named(name)).first()
        if found is None:
            raise Missing(f"{contribution.component.name} has no release {name[:60]!r}.")
        return found


class OneSettlement(Private):
    http_method_names = ["get", "head", "post", "delete"]

    @extend_schema(operation_id="settlements_show", responses=SettlementShape, summary=SUMMARY)
    def get(self, request: Request, number: int, release: str) -> Response:
        """What conflicts of the patch with a release, by its name or slug, place by place; nobody else sees it.

        The last of the passes is open while the state is `asks`; `ready` can be proposed with `settled` as a port.
        """
        del request
        return self.shown(SettlementShape, self.settlement(number, release))

    @extend_schema(
        operation_id="settlements_answer",
        request=SettlementInput,
        responses=SettlementShape,
        summary="Settle conflicts",
    )
    def post(self, request: Request, number: int, release: str) -> Response:
        """Begin, or answer: whoever may comment may. The worker goes on once all that is asked is answered.

        With `seen` an answer to what is asked no more is kept, and 409 says so.
        """
        del request
        contribution, sent = contribution_seen_by(self.person, number), self.sent(SettlementInput)
        made = settle_conflicts(
            person=self.person,
            contribution=contribution,
            release=self.release(contribution, release),
            answers={each["id"]: _answer(each) for each in sent.get("answers", [])},
            seen=sent.get("seen", ""),
        )
        return self.shown(SettlementShape, made)

    @extend_schema(operation_id="settlements_drop", responses={204: None}, summary="Throw your answers away")
    def delete(self, request: Request, number: int, release: str) -> Response:
        """Ports that were proposed stay."""
        del request
        contribution = contribution_seen_by(self.person, number)
        drop_settlement(person=self.person, contribution=contribution, release=self.release(contribution, release))
        return Response(status=204)


def _answer(sent: dict[str, str]) -> Answer:
    is_own = sent["choice"] == TEXT
    return Answer(sent["choice"], sent.get("text", "").replace("\r\n", "\n") if is_own else "")


class SettlementPatch(Private):
    @extend_schema(operation_id="settlements_patch", responses=BYTES, summary="Download what you settled")
    def get(self, request: Request, number: int, release: str) -> HttpResponseBase:
        """A mailbox that `git am` takes on that release; only there while the state is `ready`."""
        found = self.settlement(number, release)
        if found.mbox is None:
            raise Missing("Nothing came of your answers yet.")
        response = blob_response(request, found.mbox, f"{number}-settled.patch", public=False)
        response.headers["Cache-Control"] = "private, no-cache"
        return response
