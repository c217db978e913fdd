"""Entries of the feed become visible in the order of their ids, however long their transactions take."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event as Signal

import pytest
from django.db import connection, transaction

from contributions.models import Event
from tests.factories import make_publication


@pytest.mark.django_db(transaction=True)
def test_a_reader_never_finds_an_older_entry_behind_what_it_has_read() -> None:
    publication = make_publication()
    contribution = publication.revision.contribution
    written, read = Signal(), Signal()

    def slowly() -> int:
        try:
            with transaction.atomic():
                event = Event.objects.write("published", contribution=contribution, publication=publication)
                written.set()
                read.wait(0.5)
                return event.pk
        finally:
            connection.close()

    def at_once() -> int:
        try:
            written.wait(60)
            with transaction.atomic():
                return Event.objects.write("unpublished", contribution=contribution, publication=publication).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as writers:
        first, second = writers.submit(slowly), writers.submit(at_once)
        written.wait(60)
        seen: list[int] = []
        while not seen:
            seen = list(Event.objects.of_the_feed().values_list("pk", flat=True))
        read.set()
        assert first.result() < second.result()
        assert seen[-1] == first.result(), "the one that was written first is seen first"
    times = list(Event.objects.of_the_feed().order_by("pk").values_list("at", flat=True))
    assert times == sorted(times)
