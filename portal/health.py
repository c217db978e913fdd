"""Whether the process lives (/healthz) and whether the site can do its work (/readyz), a word for each part."""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.module_loading import import_string
from django.views.decorators.http import require_safe

from portal.celery import app
from portal.heartbeat import GONE_AFTER
from portal.models import WorkerSeen

if TYPE_CHECKING:
    from collections.abc import Callable

OK = "ok"
log = logging.getLogger(__name__)


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Say that this process answers; it asks nobody else."""
    del request
    return HttpResponse("ok\n", content_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-store"})


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Ask each part; 503 when one of them cannot do its work."""
    del request
    words = {name: _word_of(name, ask) for name, ask in PARTS.items()}
    ready = all(word == OK for word in words.values())
    answer = {"ready": ready, **words, **further_words()}
    return JsonResponse(answer, status=200 if ready else 503, headers={"Cache-Control": "no-store"})


def further_words() -> dict[str, str]:
    """What the rooms above have to say; the site serves its pages whatever it is."""
    return {name: _word_of(name, import_string(path)) for name, path in settings.READINESS_WORDS.items()}


def _word_of(name: str, ask: Callable[[], str]) -> str:
    try:
        return ask()
    except Exception as problem:  # noqa: BLE001 - whatever a part answers with, the page must say that it is down
        log.warning("Not ready, %s: %s", name, problem)
        return "down"


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return OK


def _broker() -> str:
    with app.connection_for_write() as broker:
        broker.ensure_connection(max_retries=1, interval_start=0, timeout=2)
    return OK


def _workers() -> str:
    """Every queue needs a worker that was seen lately."""
    since = timezone.now() - GONE_AFTER
    served = {queue for seen in WorkerSeen.objects.filter(seen_at__gte=since) for queue in seen.queues}
    idle = [queue for queue in settings.WORK_QUEUES if queue not in served]
    return f"none seen lately for {', '.join(idle)}" if idle else OK


def _storage() -> str:
    name = default_storage.save(f"probe/{secrets.token_hex(8)}", ContentFile(b"ready?"))
    default_storage.delete(name)
    return OK


PARTS: dict[str, Callable[[], str]] = {
    "database": _database,
    "broker": _broker,
    "worker": _workers,
    "storage": _storage,
}
