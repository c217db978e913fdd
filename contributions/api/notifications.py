"""What somebody was told, and how often they want mail about what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from contributions.actions import subscribing
from contributions.models import Notification
from contributions.models.news import rules_of

from .following import Own
from .inputs import MailInput, ReadInput
from .queries import NotificationQuery
from .shapes.following import MailShape, NotificationShape, ReadShape
from .shapes.paged import paged

if TYPE_CHECKING:
    from rest_framework.request import Request

    from contributions.models import Person


class Notifications(Own):
    @extend_schema(
        operation_id="notifications_list",
        parameters=[NotificationQuery],
        responses=paged(NotificationShape),
        summary="List what you were told",
    )
    def get(self, request: Request) -> Response:
        """Newest first, without what you may know of no more; `unread` narrows it to what you have not read."""
        del request
        asked = self.asked(NotificationQuery)
        rows = Notification.objects.seen_by(self.person).with_names()
        return self.listed(NotificationShape, rows.unread() if asked.get("unread") else rows, asked, "-pk")


class Reading(Own):
    @extend_schema(operation_id="notifications_read", request=ReadInput, responses=ReadShape, summary="Mark as read")
    def post(self, request: Request) -> Response:
        """Those of the `ids`, those about a `contribution`, or all."""
        del request
        sent = self.sent(ReadInput)
        count = subscribing.mark_read(person=self.person, keys=sent.get("ids"), contribution=sent.get("contribution"))
        return Response({"read": count, "unread": Notification.objects.count_unread(self.person)})


class Mail(Own):
    @extend_schema(operation_id="mail_show", responses=MailShape, summary="Show what mail you get")
    def get(self, request: Request) -> Response:
        """How often about what, and when about recalls."""
        del request
        return Response(_told(self.person))

    @extend_schema(
        operation_id="mail_choose", request=MailInput, responses=MailShape, summary="Choose what mail you get"
    )
    def put(self, request: Request) -> Response:
        """What is not named stays as it is."""
        del request
        sent = self.sent(MailInput)
        with transaction.atomic():
            if "recall_mail" in sent:
                subscribing.choose_mail(person=self.person, recall_mail=sent["recall_mail"])
            subscribing.choose_rules(person=self.person, rules=sent.get("rules", {}))
        return Response(_told(self.person))


def _told(person: Person) -> dict[str, Any]:
    return {"rules": rules_of(person), "recall_mail": person.recall_mail}
