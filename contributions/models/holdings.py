"""What an organisation carries: what it shared, what its reports say it runs, and what its stacks are made of."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from django.db.models import Q

from .contribution import Contribution
from .person import Organisation
from .stack import Pick, Stack
from .voices import FieldReport

if TYPE_CHECKING:
    from django.db.models import QuerySet


def organisations_that_carry(component: int) -> QuerySet[Organisation]:
    """Those that share, run or have in a stack anything of the component of that key."""
    shared = Contribution.objects.filter(component=component).exclude(state=Contribution.State.WITHDRAWN)
    ran = FieldReport.objects.filter(contribution__component=component).exclude(outcome=FieldReport.Outcome.BROKEN)
    picked = Stack.objects.filter(component=component, archived_at=None)
    keys = (rows.order_by().values("organisation") for rows in (shared, ran, picked))
    return Organisation.objects.filter(reduce(or_, (Q(pk__in=of) for of in keys)))


def runs(organisation: Organisation) -> Q:
    """The condition that one of its reports, an unnamed one too, does not find a contribution broken."""
    working = FieldReport.objects.filter(organisation=organisation).exclude(outcome=FieldReport.Outcome.BROKEN)
    return Q(pk__in=working.order_by().values("contribution"))


def carries(organisation: Organisation) -> Q:
    """The condition that it shares a contribution, runs it, or has it in one of its stacks."""
    picked = Pick.objects.filter(stack__organisation=organisation, stack__archived_at=None)
    shared = Q(organisation=organisation) & ~Q(state=Contribution.State.WITHDRAWN)
    return shared | runs(organisation) | Q(pk__in=picked.order_by().values("contribution"))
