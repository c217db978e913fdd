"""A row that is its own queue entry: claimed by one UPDATE, held by a lease, given up after too many attempts."""

from __future__ import annotations

import uuid
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from contributions.errors import Clash, LeaseLost

from .moves import Stateful
from .writing import save_together

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

QUEUED, RUNNING, ERRORED = "queued", "running", "errored"
LET_GO = {"lease": None, "lease_until": None}
GAVE_UP = "The portal tried {attempts} times and its worker was lost each time. This is our fault, not the patch's."


class WorkQuerySet(models.QuerySet[Any]):
    def waiting(self) -> Self:
        """Rows that a worker may claim now: queued ones and ones whose worker let its lease run out."""
        abandoned = Q(state=RUNNING, lease_until__lt=Now())
        return self.filter(Q(state=QUEUED) | abandoned)

    def claim(self, pk: int) -> Any | None:
        """Take the row for this worker; None when another has it, had it, or it may not be tried again."""
        return next(iter(self.claim_all([pk])), None)

    def claim_all(self, keys: Sequence[int]) -> list[Any]:
        """The same for several; the rows that this worker has now, in the order of the keys."""
        token = uuid.uuid4()
        mine = self.filter(pk__in=keys, attempts__lt=settings.ATTEMPTS).waiting()
        taken = mine.update(
            state=RUNNING,
            lease=token,
            lease_until=Now() + timedelta(seconds=settings.LEASE_SECONDS),
            attempts=F("attempts") + 1,
            started_at=Now(),
        )
        found = {row.pk: row for row in self.filter(pk__in=keys, lease=token)} if taken else {}
        return [found[key] for key in keys if key in found]

    def finish_all(self, results: Sequence[tuple[Any, Mapping[str, Any]]]) -> list[Any]:
        """Record the one result of each row, as `finish` does, in the caller's transaction; by two statements.

        A result is the new state and what goes with it, the same fields for each. Answers the rows that were this
        worker's still: what another one has meanwhile is left to it.
        """
        leases = {row.lease for row, _ in results}
        mine = self.filter(pk__in=[row.pk for row, _ in results], lease__in=leases, state=RUNNING).order_by("pk")
        held = dict(mine.select_for_update(no_key=True).values_list("pk", Now()))
        kept = [(row, values) for row, values in results if row.pk in held]
        for row, values in kept:
            if not row.may_move(values["state"]):
                raise Clash(f"{row} cannot become {values['state']}.")
            for name, value in {**values, **LET_GO, "finished_at": held[row.pk]}.items():
                setattr(row, name, value)
        names = {name for _, values in kept for name in values}
        save_together([row for row, _ in kept], {*names, *LET_GO, "finished_at"})
        return [row for row, _ in kept]

    def unheard(self, most: int) -> list[int]:
        """The keys of at most `most` waiting rows whose doorbell seems lost, oldest first; they count as rung now."""
        before = Now() - timedelta(seconds=settings.LEASE_SECONDS)
        forgotten = (Q(rung_at=None) & Q(queued_at__lt=before)) | Q(rung_at__lt=before) | Q(state=RUNNING)
        keys = list(self.waiting().filter(forgotten).order_by("queued_at").values_list("pk", flat=True)[:most])
        self.filter(pk__in=keys).update(rung_at=Now())
        return keys

    def give_up(self) -> Sequence[int]:
        """End the rows that no attempt finished; return their keys."""
        spent = self.waiting().filter(attempts__gte=settings.ATTEMPTS)
        keys = list(spent.values_list("pk", flat=True))
        sentence = GAVE_UP.format(attempts=settings.ATTEMPTS)
        return [
            pk
            for pk in keys
            if spent.filter(pk=pk).update(state=ERRORED, sentence=sentence, finished_at=Now(), lease=None)
        ]

    def try_again(self) -> Sequence[int]:
        """Queue what our side gave up on once more, with all its attempts; return the keys."""
        keys = []
        for pk in self.filter(state=ERRORED).order_by("pk").values_list("pk", flat=True):
            with suppress(IntegrityError), transaction.atomic():  # a pull that waits already serves as well
                again = self.filter(pk=pk, state=ERRORED)
                keys += [pk] * again.update(state=QUEUED, attempts=0, queued_at=Now(), rung_at=None, finished_at=None)
        return keys


class Work(Stateful):
    """The columns of a queue entry. Times are the database's, so that no worker's clock matters."""

    RUNS_TO: ClassVar[frozenset[str]] = frozenset()

    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    lease = models.UUIDField(null=True, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    queued_at = models.DateTimeField(db_default=Now(), editable=False)
    rung_at = models.DateTimeField(null=True, editable=False)
    started_at = models.DateTimeField(null=True, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)
    sentence = models.TextField(blank=True, help_text="Why it ended as it did, in words a customer may read.")

    class Meta:
        abstract = True

    @property
    def is_over(self) -> bool:
        return self.state not in {QUEUED, RUNNING}

    @property
    def seconds(self) -> float | None:
        """Run time in seconds, or None while it runs or waits."""
        if self.started_at and self.finished_at:
            return (self.finished_at - self.started_at).total_seconds()
        return None

    def renew(self) -> bool:
        """Hold the row for another lease; False when it is no longer ours and the work must stop."""
        return self.renew_with([self])

    def renew_with(self, rows: Sequence[Work]) -> bool:
        """The same for rows of this kind that are held together; False when none of them is ours."""
        until = Now() + timedelta(seconds=settings.LEASE_SECONDS)
        mine = self._manager().filter(pk__in=[row.pk for row in rows], lease__in={row.lease for row in rows})
        return mine.filter(state=RUNNING).update(lease_until=until) > 0

    def finish(self, to: str, **values: Any) -> Self:
        """Record the one result. Raises LeaseLost when another worker has the row meanwhile."""
        return self._let_go(to, finished_at=Now(), **values)

    def put_back(self, sentence: str) -> None:
        """Our side failed: queue the row again while attempts are left, else end it as errored with `sentence`.

        The pause before the next attempt doubles each time: what is full or away is given time to be mended.
        """
        if self.attempts < settings.ATTEMPTS:
            pause = timedelta(seconds=settings.LEASE_SECONDS * (2 ** (self.attempts - 1) - 1))
            self._let_go(QUEUED, queued_at=Now() + pause, rung_at=None, sentence=sentence)
        else:
            self.finish(ERRORED, sentence=sentence)

    def _let_go(self, to: str, **values: Any) -> Self:
        try:
            return self.move(to, held={"lease": self.lease}, **LET_GO, **values)
        except Clash as clash:
            raise LeaseLost(clash.sentence) from None
