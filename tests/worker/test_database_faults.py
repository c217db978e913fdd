"""The database goes away in the middle: results are kept or made again, and never recorded twice."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.db import connection, connections

from contributions.models import Build, Component, Event, Person, Revision
from portal.services.places import living_in

from .conftest import Crew, wait_for
from .test_faults import fresh, is_over, patch, running_build, sandboxes, share, slow_recipe  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.backends.utils import CursorWrapper

pytestmark = pytest.mark.django_db(transaction=True)

OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = %s"
WAITS = (
    "SELECT 1 FROM pg_stat_activity "
    "WHERE wait_event_type = 'Lock' AND query LIKE 'INSERT INTO \"contributions_artifact\"%'"
)


def in_another_connection(act: Callable[[], object]) -> None:
    def then() -> None:
        try:
            act()
        finally:
            connections.close_all()

    thread = threading.Thread(target=then)
    thread.start()
    thread.join()


def cut_all_connections() -> None:
    with connection.cursor() as cursor:
        cursor.execute(OTHERS, [connection.settings_dict["NAME"]])


def kill_the_database() -> None:
    """Kill -9 of every process of the server, as when its machine goes; then start it as its keeper would."""
    server = settings.DATABASES["default"].get("SERVER")
    if server is None:
        pytest.skip("The database is another's (DATABASE_URL): it is not this test's to kill.")
    connection.close()
    for pid in living_in(server.data):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    server.ensure()


@pytest.mark.attack("F08")
@pytest.mark.parametrize("fault", [cut_all_connections, kill_the_database])
@pytest.mark.usefixtures("slow_recipe")
def test_a_database_that_goes_in_the_middle_of_a_build_costs_no_result(
    crew: Crew,
    author: Person,
    component: Component,
    patch: bytes,  # noqa: F811
    fault: Callable[[], None],
) -> None:
    crew.start_beat()
    crew.start_worker()
    share(author, component, patch)
    build = running_build()
    fault()
    wait_for(lambda: is_over(build), "the build to be over")
    assert build.state == "passed"
    assert Build.objects.count() == 1
    assert build.artifacts.count() == 1
    assert Event.objects.filter(verb=Event.Verb.BUILT, build=build).count() == 1
    wait_for(lambda: not sandboxes(), "every attempt to have ended", seconds=10)


def meets_our_lock(cursor: CursorWrapper) -> object:
    cursor.execute("SELECT pg_stat_clear_snapshot()")  # or a transaction sees the same activity for ever
    cursor.execute(WAITS)
    return cursor.fetchone()


@pytest.mark.attack("F08")
@pytest.mark.usefixtures("slow_recipe")
def test_a_connection_cut_while_the_result_is_written_leaves_one_result(
    crew: Crew,
    author: Person,
    component: Component,
    patch: bytes,  # noqa: F811
) -> None:
    """We hold the table of artifacts, so that the worker meets the cut in the middle of its transaction."""
    crew.start_beat()
    crew.start_worker()
    share(author, component, patch)
    build = running_build()

    def hold_and_cut() -> None:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("LOCK TABLE contributions_artifact IN SHARE MODE")
            wait_for(lambda: meets_our_lock(cursor), "the worker to write what it built")
            cursor.execute(OTHERS, [connection.settings_dict["NAME"]])
            cursor.execute("ROLLBACK")

    in_another_connection(hold_and_cut)
    connection.close()
    wait_for(lambda: is_over(build), "the build to be over")
    assert build.state == "passed"
    assert Event.objects.filter(verb=Event.Verb.BUILT, build=build).count() == 1
    assert build.artifacts.count() == 1


@pytest.mark.attack("F19")
@pytest.mark.usefixtures("slow_recipe")
def test_a_migration_in_the_middle_of_a_build_disturbs_it_not(
    crew: Crew,
    author: Person,
    component: Component,
    patch: bytes,  # noqa: F811
) -> None:
    crew.start_beat()
    crew.start_worker()
    share(author, component, patch)
    build = running_build()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE contributions_build ADD COLUMN of_the_next_version integer")
    try:
        wait_for(lambda: is_over(build), "the build to be over")
        assert (build.state, build.attempts) == ("passed", 1)
        assert Revision.objects.get().state == "received"
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE contributions_build DROP COLUMN of_the_next_version")
