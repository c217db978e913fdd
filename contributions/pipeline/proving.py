"""Whether builds are contained on this host: proven when a worker starts, and no build is begun where it is not so."""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import platform
import time
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from celery import bootsteps
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from contributions import sandbox
from contributions.errors import Trouble
from contributions.models import Builder

from .confining import executor

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)

QUEUE = "builds"
# A proof that went well is as good as the kernel, the tools and the code it was taken with; still it is taken anew.
GOOD_FOR_SECONDS = 6 * 3600

_known: tuple[float, str] | None = None


def refusal() -> str:
    """Why no build may be run here, in a sentence; empty where builds may run.

    What went badly is tried again soon, for somebody may have mended it; more often nobody needs to know.
    """
    global _known  # noqa: PLW0603 - what this process knows of its host
    if _known is None or time.monotonic() > _known[0]:
        _known = time.monotonic() + settings.RECHECK_SECONDS, _proven()
    return _known[1]


def _proven() -> str:
    """Take the proof, or the one at hand, and tell the site of it."""
    with _one_at_a_time():
        proof = _at_hand()
        if proof is None:
            proof = _taken_now()
            _place().write_text(json.dumps(proof))
            _place().chmod(0o600)
    if proof["refusal"]:
        log.error("%s", proof["refusal"])
    _tell_the_site(proof)
    return str(proof["refusal"])


def _taken_now() -> dict[str, Any]:
    promises = sandbox.self_check(executor(), settings.IMAGE)
    broken = [promise for promise in promises if promise.breaks_builds]
    reasons = "; ".join(f"{promise.name} ({promise.detail})" for promise in broken)
    sentence = f"Builds are refused on {_host()}, for a promise of the sandbox is broken: {reasons}"
    return {
        "key": _key(),
        "at": time.time(),
        "promises": [asdict(promise) for promise in promises],
        "refusal": sentence if broken else "",
    }


def _at_hand() -> dict[str, Any] | None:
    try:
        proof: dict[str, Any] = json.loads(_place().read_text())
        age = time.time() - proof["at"]
        good_for = settings.RECHECK_SECONDS if proof["refusal"] else GOOD_FOR_SECONDS
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return proof if proof.get("key") == _key() and 0 <= age < good_for else None


def _key() -> str:
    """Changes with the boot, the kernel, the executor and our own code."""
    rooms = sorted(Path(sandbox.__file__).parent.glob("*.py"))
    code = hashlib.sha256(b"".join(path.read_bytes() for path in rooms)).hexdigest()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text()
    return hashlib.sha256(json.dumps([boot, code, _facts(), os.geteuid()]).encode()).hexdigest()


def _facts() -> dict[str, Any]:
    try:
        return executor().describe(sandbox.Limits(), settings.IMAGE)
    except Trouble as trouble:
        return {"executor": settings.EXECUTOR, "trouble": trouble.sentence}


def _tell_the_site(proof: dict[str, Any]) -> None:
    row = {
        "executor": settings.EXECUTOR,
        "facts": _facts(),
        "promises": proof["promises"],
        "refusal": proof["refusal"],
        "checked_at": timezone.now(),
    }
    try:
        with transaction.atomic():
            Builder.objects.update_or_create(host=_host(), defaults=row)
    except DatabaseError as problem:
        log.warning("The database does not take the proof of this host's sandbox: %s", problem)


def _host() -> str:
    return platform.node() or "here"


def _place() -> Path:
    place: Path = settings.VAR_DIR / "proof.json"
    return place


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    _place().parent.mkdir(parents=True, exist_ok=True)
    with _place().with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class ProofBeforeBuilds(bootsteps.StartStopStep):
    """Part of a worker: it takes builds from the queue only while the sandbox keeps its promises."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self.timer: Any = None

    def start(self, consumer: Any) -> None:
        if consumer.task_consumer.consuming_from(QUEUE):
            self.timer = consumer.timer.call_repeatedly(settings.RECHECK_SECONDS, take_builds_or_not, (consumer,))
            take_builds_or_not(consumer)

    def stop(self, consumer: Any) -> None:
        del consumer
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


def take_builds_or_not(consumer: Any) -> None:
    """Other hosts get what this one may not build; what it took already stays queued in its row."""
    try:
        refused = bool(refusal())
    finally:
        connection.close()
    if refused and consumer.task_consumer.consuming_from(QUEUE):
        consumer.cancel_task_queue(QUEUE)
    elif not refused and not consumer.task_consumer.consuming_from(QUEUE):
        log.info("Builds are taken again on %s.", _host())
        consumer.add_task_queue(QUEUE)
