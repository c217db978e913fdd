"""A machine that builds, what its sandbox proved there last, and how much work waits for whom."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.db import connection, models
from django.db.models import Count, Min, Q
from django.utils import timezone

from .attestation import Attestation
from .build import Build
from .comparison import Comparison
from .component import UpstreamFetch
from .fit import Fit
from .notices import Delivery, Letter
from .revision import Revision
from .stack import Assembly
from .work import QUEUED, RUNNING

if TYPE_CHECKING:
    from datetime import datetime

SILENT_AFTER = timedelta(seconds=30)  # a worker notes every ten seconds that it lives

# What each queue of the settings has to do; the rows are the queue.
WORK: dict[str, tuple[type[models.Model], ...]] = {
    "receive": (UpstreamFetch, Revision),
    "fit": (Fit, Comparison, Assembly),
    "builds": (Build,),
    "sign": (Attestation,),
    "deliver": (Delivery, Letter),
}


class BuilderQuerySet(models.QuerySet["Builder"]):
    def able(self) -> Self:
        """Those whose last proof lets them build."""
        return self.filter(refusal="")


class Builder(models.Model):
    """One row per host; the worker there writes it, the site only shows it."""

    host = models.CharField(max_length=200, unique=True)
    executor = models.CharField(max_length=20)
    facts = models.JSONField(default=dict, help_text="Versions, control groups and user, as the executor tells.")
    promises = models.JSONField(default=list, help_text="Each with its name, held, essential and what was seen.")
    refusal = models.TextField(blank=True, help_text="Why no build is run there; empty where builds may run.")
    checked_at = models.DateTimeField()

    objects = BuilderQuerySet.as_manager()

    class Meta:
        ordering = ["host"]

    def __str__(self) -> str:
        return self.host

    @property
    def may_build(self) -> bool:
        return not self.refusal

    @property
    def broken(self) -> list[dict[str, Any]]:
        return [promise for promise in self.promises if not promise["held"]]


def word_of_builders() -> str:
    """For /readyz and `manage.py status`; pages and downloads work whatever it says."""
    builders = list(Builder.objects.all())
    if not builders:
        return "no builder has proven its sandbox yet"
    refusing = [f"{builder.host}: {builder.refusal}" for builder in builders if not builder.may_build]
    return "; ".join(refusing) or "ok"


def builds_are_refused() -> bool:
    """Whether there are builders, and none of them may build."""
    return Builder.objects.exists() and not Builder.objects.able().exists()


def backlog() -> list[dict[str, Any]]:
    """For each queue: how many rows wait, how many run, and since when the oldest waits."""
    return [{"queue": queue, **_together(map(_counted, kinds))} for queue, kinds in WORK.items()]


def _counted(kind: type[models.Model]) -> dict[str, Any]:
    busy = kind._base_manager.filter(state__in=[QUEUED, RUNNING])
    return busy.aggregate(
        waiting=Count("pk", filter=Q(state=QUEUED)),
        running=Count("pk", filter=Q(state=RUNNING)),
        waiting_since=Min("queued_at", filter=Q(state=QUEUED)),
    )


def _together(counts: Any) -> dict[str, Any]:
    listed = list(counts)
    since: list[datetime] = [count["waiting_since"] for count in listed if count["waiting_since"]]
    return {
        "waiting": sum(count["waiting"] for count in listed),
        "running": sum(count["running"] for count in listed),
        "waiting_since": min(since, default=None),
    }


def workers_seen() -> list[dict[str, Any]]:
    """The frame's signs of life, with `is_alive`; the frame is asked by name, for nobody here may import it."""
    seen = apps.get_model("portal", "WorkerSeen")._base_manager.order_by("name").values("name", "queues", "seen_at")
    return [{**worker, "is_alive": timezone.now() - worker["seen_at"] < SILENT_AFTER} for worker in seen]


def database_version() -> str:
    version = connection.pg_version  # type: ignore[attr-defined]  # PostgreSQL is the one database here
    return f"{version // 10_000}.{version % 10_000}"
