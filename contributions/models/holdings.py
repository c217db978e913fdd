"""What an organisation carries: what it shared, what its reports say it runs, and what its stacks are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q

from .contribution import Contribution
from .stack import Pick
from .voices import FieldReport

if TYPE_CHECKING:
    from .person import Organisation


def runs(organisation: Organisation) -> Q:
    """The condition that one of its reports, an unnamed one too, does not find a contribution broken."""
    working = FieldReport.objects.filter(organisation=organisation).exclude(outcome=FieldReport.Outcome.BROKEN)
    return Q(pk__in=working.order_by().values("contribution"))


def carries(organisation: Organisation) -> Q:
    """The condition that it shares a contribution, runs it, or has it in one of its stacks."""
    picked = Pick.objects.filter(stack__organisation=organisation, stack__archived_at=None)
    shared = Q(organisation=organisation) & ~Q(state=Contribution.State.WITHDRAWN)
    return shared | runs(organisation) | Q(pk__in=picked.order_by().values("contribution"))
