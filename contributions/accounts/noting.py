"""What is noted when somebody's way in changes: a line of the history, and whether the account may be another's now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.account import signals
from allauth.mfa import signals as factors
from allauth.mfa.models import Authenticator

from contributions.actions.belonging import changed_hands
from contributions.models import Event

if TYPE_CHECKING:
    from allauth.account.models import EmailAddress

    from contributions.models import Person

FACTORS = {
    Authenticator.Type.TOTP: "the authenticator app",
    Authenticator.Type.WEBAUTHN: "a security key",
    Authenticator.Type.RECOVERY_CODES: "the recovery codes",
}


def listen() -> None:
    """Hear from allauth, whose views nobody else sees at work."""
    for signal, receiver in (
        (signals.password_changed, _password_changed),
        (signals.password_set, _password_changed),
        (signals.password_reset, _password_reset),
        (signals.email_changed, _mail_address_changed),
        (factors.authenticator_added, _factor_added),
        (factors.authenticator_reset, _factor_reset),
        (factors.authenticator_removed, _factor_removed),
    ):
        signal.connect(receiver, dispatch_uid=receiver.__name__)


def _note(user: Person, text: str) -> None:
    Event.objects.write(Event.Verb.SECURED, actor=user, text=text)


def _password_changed(user: Person, **given: Any) -> None:
    del given
    _note(user, "changed the password")


def _password_reset(user: Person, **given: Any) -> None:
    del given
    _note(user, "reset the password by mail")
    changed_hands(user, "The password of this account was reset by mail.")


def _mail_address_changed(user: Person, from_email_address: EmailAddress | None = None, **given: Any) -> None:
    del given
    _note(user, "changed the mail address")
    address = from_email_address.email if from_email_address else ""
    changed_hands(user, "The mail address of this account was replaced.", address=address)


def _factor_added(user: Person, authenticator: Authenticator, **given: Any) -> None:
    del given
    _note(user, f"added {FACTORS[authenticator.type]}")


def _factor_reset(user: Person, authenticator: Authenticator, **given: Any) -> None:
    del given
    _note(user, f"made {FACTORS[authenticator.type]} anew")


def _factor_removed(user: Person, authenticator: Authenticator, **given: Any) -> None:
    """Recovery codes go with the last factor: that is told once."""
    del given
    _note(user, f"removed {FACTORS[authenticator.type]}")
    if authenticator.type != Authenticator.Type.RECOVERY_CODES:
        changed_hands(user, f"A second factor of this account was removed: {FACTORS[authenticator.type]}.")
