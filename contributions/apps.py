"""Names the one domain app for Django, and hears what the accounts' room tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import AppConfig

if TYPE_CHECKING:
    from allauth.account.models import EmailAddress

    from contributions.models import Person


class ContributionsConfig(AppConfig):
    name = "contributions"
    verbose_name = "Patchbay"

    def ready(self) -> None:
        from allauth.account import signals  # noqa: PLC0415 - there are models only now

        signals.email_changed.connect(_mail_address_changed, dispatch_uid="changed hands: mail")
        signals.password_reset.connect(_password_reset, dispatch_uid="changed hands: password")


def _mail_address_changed(user: Person, from_email_address: EmailAddress | None = None, **given: Any) -> None:
    from contributions.actions.belonging import changed_hands  # noqa: PLC0415 - there are models only now

    del given
    address = from_email_address.email if from_email_address else ""
    changed_hands(user, "The mail address of this account was replaced.", address=address)


def _password_reset(user: Person, **given: Any) -> None:
    from contributions.actions.belonging import changed_hands  # noqa: PLC0415 - there are models only now

    del given
    changed_hands(user, "The password of this account was reset by mail.")
