"""Mail to one person about their own account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction

if TYPE_CHECKING:
    from contributions.models import Person


def tell(person: Person, subject: str, text: str) -> None:
    """Mail once all is committed; a mail server that is away is logged and holds nobody up."""
    if not person.email:
        return
    subject = f"[{settings.SITE_NAME}] {subject}"
    text = f"Hello {person.username},\n\n{text}\n\n{settings.SITE_NAME} {settings.SITE_URL}\n"
    transaction.on_commit(lambda: send_mail(subject, text, None, [person.email]), robust=True)
