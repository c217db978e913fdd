"""An organisation's webhooks, for its owners; and what it fetched, for its members."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response

from contributions.actions import hooking
from contributions.errors import Missing, NotAllowed
from contributions.models import ApiToken, Delivery, Organisation, Webhook

from .inputs import WebhookInput
from .permissions import HasScope
from .queries import PageQuery
from .resource import Resource
from .shapes.paged import paged
from .shapes.webhooks import DeliveryShape, DownloadShape, NewWebhookShape, WebhookShape

if TYPE_CHECKING:
    from rest_framework.request import Request


class Private(Resource):
    """What is an organisation's own."""

    reading_scope = ApiToken.Scope.READ
    permission_classes = (IsAuthenticated, HasScope)

    def organisation(self, slug: str) -> Organisation:
        found = Organisation.objects.filter(slug=slug).first()
        if found is None:
            raise Missing(f"There is no organisation {slug[:60]!r}.")
        return found

    def owned(self, slug: str) -> Organisation:
        found = self.organisation(slug)
        if not found.may_be_run_by(self.person):
            raise NotAllowed("Only an owner of the organisation keeps its webhooks.")
        return found

    def webhook(self, slug: str, number: int) -> Webhook:
        rows = self.owned(slug).webhooks.select_related("organisation", "made_by")
        found: Webhook | None = rows.filter(pk=number).first()
        if found is None:
            raise Missing(f"There is no webhook {number}.")
        return found


class Webhooks(Private):
    is_sensitive = True

    @extend_schema(
        operation_id="webhooks_list", parameters=[PageQuery], responses=paged(WebhookShape), summary="List webhooks"
    )
    def get(self, request: Request, slug: str) -> Response:
        """Of the organisation, without their secrets."""
        del request
        found = self.owned(slug).webhooks.select_related("organisation", "made_by")
        return self.listed(WebhookShape, found, self.asked(PageQuery), "pk")

    @extend_schema(
        operation_id="webhooks_add",
        request=WebhookInput,
        responses={201: OpenApiResponse(NewWebhookShape, description="Added; the secret is shown this once.")},
        summary="Add a webhook",
    )
    def post(self, request: Request, slug: str) -> Response:
        """An https:// address on the open network."""
        del request
        made, _ = hooking.add_webhook(person=self.person, organisation=self.owned(slug), **self.sent(WebhookInput))
        return self.shown(NewWebhookShape, made, status=201, at=reverse("api-webhook", args=[slug, made.pk]))


class OneWebhook(Private):
    @extend_schema(operation_id="webhooks_show", responses=WebhookShape, summary="Show a webhook")
    def get(self, request: Request, slug: str, number: int) -> Response:
        """Without its secret."""
        del request
        return self.shown(WebhookShape, self.webhook(slug, number))


class WebhookSecret(Private):
    is_sensitive = True

    @extend_schema(
        operation_id="webhooks_rotate", request=None, responses=NewWebhookShape, summary="Give it a new secret"
    )
    def post(self, request: Request, slug: str, number: int) -> Response:
        """From now on everything is signed with the new one."""
        del request
        found = self.webhook(slug, number)
        found.secret = hooking.rotate_secret(person=self.person, webhook=found)
        return self.shown(NewWebhookShape, found)


class WebhookEnabling(Private):
    @extend_schema(operation_id="webhooks_enable", request=None, responses=WebhookShape, summary="Enable a webhook")
    def post(self, request: Request, slug: str, number: int) -> Response:
        """It was disabled by an owner, or because it failed for days."""
        del request
        return self.shown(WebhookShape, hooking.enable_webhook(person=self.person, webhook=self.webhook(slug, number)))


class WebhookDisabling(Private):
    @extend_schema(operation_id="webhooks_disable", request=None, responses=WebhookShape, summary="Disable a webhook")
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Nothing more is sent to it until it is enabled; what is on its way is given up."""
        del request
        return self.shown(WebhookShape, hooking.disable_webhook(person=self.person, webhook=self.webhook(slug, number)))


class WebhookRemoval(Private):
    @extend_schema(
        operation_id="webhooks_remove",
        request=None,
        responses={204: OpenApiResponse(description="Gone, with its deliveries.")},
        summary="Remove a webhook",
    )
    def post(self, request: Request, slug: str, number: int) -> Response:
        """With its delivery log."""
        del request
        hooking.remove_webhook(person=self.person, webhook=self.webhook(slug, number))
        return Response(status=204)


class WebhookTrial(Private):
    @extend_schema(
        operation_id="webhooks_trial",
        request=None,
        responses={201: OpenApiResponse(DeliveryShape, description="Queued.")},
        summary="Send a trial",
    )
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Something harmless, signed as everything is."""
        del request
        made = hooking.send_trial(person=self.person, webhook=self.webhook(slug, number))
        return self.shown(DeliveryShape, made, status=201)


class Deliveries(Private):
    @extend_schema(
        operation_id="deliveries_list",
        parameters=[PageQuery],
        responses=paged(DeliveryShape),
        summary="List what was sent",
    )
    def get(self, request: Request, slug: str, number: int) -> Response:
        """Newest first, with what was sent and what was answered."""
        del request
        return self.listed(DeliveryShape, self.webhook(slug, number).deliveries.all(), self.asked(PageQuery), "-pk")


class DeliveryReplay(Private):
    @extend_schema(operation_id="deliveries_replay", request=None, responses=DeliveryShape, summary="Send it again")
    def post(self, request: Request, slug: str, number: int, delivery: int) -> Response:
        """The same bytes under the same number."""
        del request
        rows = Delivery.objects.select_related("webhook__organisation")
        row = rows.filter(webhook=self.webhook(slug, number), pk=delivery).first()
        if row is None:
            raise Missing(f"There is no delivery {delivery}.")
        return self.shown(DeliveryShape, hooking.replay(person=self.person, delivery=row))


class Downloads(Private):
    @extend_schema(
        operation_id="downloads_list",
        parameters=[PageQuery],
        responses=paged(DownloadShape),
        summary="List what the organisation fetched",
    )
    def get(self, request: Request, slug: str) -> Response:
        """By which it hears of a recall; only its members see it."""
        del request
        organisation = self.organisation(slug)
        if not organisation.memberships.filter(person=self.person).exists():
            raise NotAllowed("Only members see what their organisation fetched.")
        found = organisation.downloads.select_related("blob", "person")
        return self.listed(DownloadShape, found, self.asked(PageQuery), "-pk")
