"""What allauth asks the site about accounts and second factors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings

from contributions.models import FormerName

from .freshness import is_fresh

if TYPE_CHECKING:
    from contributions.models import Person


class Accounts(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    error_messages = DefaultAccountAdapter.error_messages | {
        "former_name": "This name belonged to somebody else once, and is given to nobody again."
    }

    def clean_username(self, username: str, shallow: bool = False) -> str:  # noqa: FBT001, FBT002 - allauth's signature
        """Refuse names of accounts that are gone, too: what they wrote, and who trusts them, must not be inherited."""
        username = super().clean_username(username, shallow=shallow)
        if FormerName.objects.taken(FormerName.Kind.PERSON, username):
            raise self.validation_error("former_name")
        return username

    def is_reauthentication_required(self, *, app: str, **given: Any) -> bool:
        """A log-in counts as well as being asked again: only its age matters."""
        return super().is_reauthentication_required(app=app, **given) and not is_fresh(context.request)

    def send_notification_mail(
        self, template_prefix: str, user: Person, context: dict[str, Any] | None = None, email: str | None = None
    ) -> None:
        """To the account's own address, also when nobody ever confirmed it."""
        super().send_notification_mail(template_prefix, user, context=context, email=email or user.email)


class Factors(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types
    def get_totp_issuer(self) -> str:
        return str(settings.SITE_NAME)

    def get_totp_label(self, user: Person) -> str:
        """The name in the telephone's list; the mail address is nobody's there."""
        return user.username

    def build_totp_svg(self, url: str) -> str:
        """The picture for the telephone, as it stands in a page: without the line that begins a file."""
        return str(super().build_totp_svg(url)).partition("?>")[2].strip()

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {**super().get_public_key_credential_rp_entity(), "name": str(settings.SITE_NAME)}
