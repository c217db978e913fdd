"""What every test stands on: the embedded services in a directory of their own, gone when the tests are over."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.test import TransactionTestCase

from tests import emptying, turns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpRequest

TIDY = 'cat >/dev/null; "$0" -m portal.services.keeper "$1" broker,database </dev/null; rm -rf "$1"'

OTHER_SESSIONS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""

tidier = pytest.StashKey["subprocess.Popen[bytes]"]()


def pytest_configure(config: pytest.Config) -> None:
    """Start what tidies up when its input ends: after the tests, or when they are killed."""
    if settings.VAR_DIR.name.startswith("patchbay-tests-"):
        config.stash[tidier] = subprocess.Popen(
            ["sh", "-c", TIDY, sys.executable, str(settings.VAR_DIR)],
            stdin=subprocess.PIPE,
            cwd=settings.BASE_DIR,
            start_new_session=True,
        )


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    if process := config.stash.get(tidier, None):
        process.communicate()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: many tests wait for a process, a lease or a limit."""
    return len(os.sched_getaffinity(0)) + 1


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):  # one of several processes
        items[:] = turns.in_turns(items)


def pytest_collection_finish() -> None:
    """Look for garbage less often, and not among thousands of tests: that took a tenth of the processor's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Let the tests that commit empty the history after them, which no site's database allows.

    They delete rows where they may: Django's own way takes ten times as long on so many tables. At the end the sessions
    are closed that a killed process or a thread of a server may have left: they would keep the database from being
    dropped.
    """
    del django_db_setup
    from django.db import connection  # noqa: PLC0415 - there is a database only now

    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER IF EXISTS event_is_never_emptied ON contributions_event")
        emptier = emptying.make_emptier()
    with pytest.MonkeyPatch.context() as patched:
        if emptier is not None:
            patched.setattr(TransactionTestCase, "_fixture_teardown", lambda _: emptier())
        yield
    connection.close()  # the last test may have killed the server that it leads to
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(OTHER_SESSIONS)
    connection.close()


def _just_proved(request: HttpRequest, user: Any, **given: Any) -> None:
    """`force_login` is somebody who just gave the password, as allauth notes it."""
    del given
    request.session.setdefault("account_authentication_methods", [{"method": "password", "at": time.time()}])
    request.session.setdefault("account_authentication_methods_user", str(user.pk))


user_logged_in.connect(_just_proved)
