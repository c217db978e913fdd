"""How a worker says that it lives: a timer inside it writes one row, and the readiness page reads it."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from celery import bootsteps
from celery.worker import state
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
        self.beats_stuck = 0

    def start(self, consumer: Any) -> None:
        queues = [queue.name for queue in consumer.task_consumer.queues]
        note(consumer.hostname, queues)
        self.beats_stuck = 0
        self.timer = consumer.timer.call_repeatedly(EVERY_SECONDS, self.beat, (consumer, queues))

    def stop(self, consumer: Any) -> None:
        del consumer
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def beat(self, consumer: Any, queues: Iterable[str]) -> None:
        """Raise what Celery takes for a lost connection, and connects anew after, when the worker is stuck."""
        note(consumer.hostname, queues)
        self.beats_stuck = self.beats_stuck + 1 if is_stuck(consumer) else 0
        if self.beats_stuck > 1:
            raise ConnectionResetError("An acknowledgement was lost; this worker would never get another message.")


def is_stuck(consumer: Any) -> bool:
    """Whether the worker is at its limit of messages and works on none of them.

    A connection that was cut while a message was acknowledged leaves it so: the message counts as unfinished for ever.
    """
    waits_for_us = getattr(getattr(consumer.task_consumer.channel, "qos", None), "can_consume", None)
    return waits_for_us is not None and not waits_for_us() and not (state.reserved_requests or state.active_requests)


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
