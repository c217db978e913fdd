"""How a worker says that it lives: a timer inside it writes one row, and the readiness page reads it."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from celery import bootsteps
from django.apps import apps
from django.db import DatabaseError, connection
from django.utils import timezone

if TYPE_CHECKING:
    from collections.abc import Iterable

EVERY_SECONDS = 10
GONE_AFTER = timedelta(seconds=3 * EVERY_SECONDS)
FORGOTTEN_AFTER = timedelta(days=1)

log = logging.getLogger(__name__)


class SignOfLife(bootsteps.StartStopStep):
    """Part of a worker that runs while it takes tasks: notes it at once and then every few seconds."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self.timer: Any = None

    def start(self, consumer: Any) -> None:
        queues = [queue.name for queue in consumer.task_consumer.queues]
        note(consumer.hostname, queues)
        self.timer = consumer.timer.call_repeatedly(EVERY_SECONDS, note, (consumer.hostname, queues))

    def stop(self, consumer: Any) -> None:
        del consumer
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


def note(name: str, queues: Iterable[str]) -> None:
    """Write that worker `name` lives; a database that is away is told of in the log and asked again next time."""
    seen = apps.get_model("portal", "WorkerSeen")._default_manager  # noqa: SLF001 - Django's documented name
    try:
        seen.update_or_create(name=name, defaults={"queues": list(queues), "seen_at": timezone.now()})
        seen.filter(seen_at__lt=timezone.now() - FORGOTTEN_AFTER).delete()
    except DatabaseError as problem:
        log.warning("The database does not take this worker's sign of life: %s", problem)
    finally:
        connection.close()
