"""What staff do about abuse: deciding flags, suspending accounts, and giving them back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from contributions.errors import Clash, Invalid, NotAllowed
from contributions.models import Comment, Contribution, Event, Flag, LineComment, Person

from .commenting import remove_comment
from .pacing import pace
from .quarantining import quarantine
from .remarking import remove_remark
from .words import prose

if TYPE_CHECKING:
    from collections.abc import Callable

Act = Flag.Act


def handle(*, moderator: Person, flag: Flag, act: str, reason: str) -> Flag:
    """Decide all open flags on the thing at once; `reason` is told to those who flagged it, and to everybody if acted.

    What is done already (a comment that its author removed, say) is not done twice: the flags are upheld all the same.
    """
    if not moderator.is_staff:
        raise NotAllowed("Only staff decide flags.")
    if act not in flag.acts:
        raise Invalid("For this thing the act is one of " + ", ".join(flag.acts) + ".", field="act")
    pace(moderator, Event.Verb.HANDLED)
    reason = _reason(reason)
    with transaction.atomic():
        state = Flag.State.DISMISSED if act == Act.DISMISS else Flag.State.UPHELD
        waiting = Flag.objects.about(flag).open()
        if not waiting.update(state=state, handled_at=Now(), handled_by=moderator, answer=reason):
            raise Clash("It is decided already: somebody was first.")
        if act in DONE_BY:
            DONE_BY[act](moderator, flag, reason)
        Event.objects.write(
            Event.Verb.HANDLED,
            actor=moderator,
            contribution=flag.within,
            subject=flag.accused,
            text=f"{act}: {reason}",
        )
    flag.refresh_from_db()
    return flag


def suspend(*, person: Person, account: Person, reason: str) -> Person:
    """Shut an account: every session ends and every token is refused, until it is reinstated. What it made stays."""
    _refuse_others(person, account)
    pace(person, Event.Verb.SUSPENDED)
    reason = _reason(reason)
    with transaction.atomic():
        if not Person.objects.filter(pk=account.pk, is_active=True).update(is_active=False):
            raise Clash(f"{account.username} is suspended already.")
        _end_sessions(account)
        Event.objects.write(Event.Verb.SUSPENDED, actor=person, subject=account, text=reason)
    account.refresh_from_db()
    return account


def reinstate(*, person: Person, account: Person, reason: str) -> Person:
    """Open a suspended account again; its tokens work again, its sessions are gone."""
    _refuse_others(person, account)
    pace(person, Event.Verb.REINSTATED)
    reason = _reason(reason)
    with transaction.atomic():
        if not Person.objects.filter(pk=account.pk, is_active=False).update(is_active=True):
            raise Clash(f"{account.username} is not suspended.")
        Event.objects.write(Event.Verb.REINSTATED, actor=person, subject=account, text=reason)
    account.refresh_from_db()
    return account


def _reason(text: str) -> str:
    return prose(text, most=settings.MAX_TEXT_BYTES, what="The reason", field="reason", needed=True)


def _refuse_others(person: Person, account: Person) -> None:
    if not account.may_be_suspended_by(person):
        raise NotAllowed(
            "Only staff suspend and reinstate accounts: not their own, and those of staff only superusers."
        )


def _end_sessions(account: Person) -> None:
    for session in UserSession.objects.filter(user=account):
        session.end()


def _remove(moderator: Person, flag: Flag, reason: str) -> None:
    comment = Comment.objects.standing().filter(flags=flag).first()
    if comment is not None:
        remove_comment(person=moderator, comment=comment, reason=reason)
    remark = LineComment.objects.standing().select_related("contribution").filter(flags=flag).first()
    if remark is not None:
        remove_remark(person=moderator, remark=remark, reason=reason)


def _quarantine(moderator: Person, flag: Flag, reason: str) -> None:
    contribution = Contribution.objects.filter(flags=flag, quarantined_at=None).first()
    if contribution is not None:
        quarantine(person=moderator, contribution=contribution, reason=reason)


def _suspend(moderator: Person, flag: Flag, reason: str) -> None:
    if flag.accused.is_active:
        suspend(person=moderator, account=flag.accused, reason=reason)


DONE_BY: dict[str, Callable[[Person, Flag, str], None]] = {
    Act.REMOVE: _remove,
    Act.QUARANTINE: _quarantine,
    Act.SUSPEND: _suspend,
}
