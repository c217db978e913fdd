"""The unmodified client of The Update Framework on a live site."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contributions.actions.quarantining import quarantine, restore
from contributions.pipeline import indexing
from tests import factories

from .conftest import WHEEL, path_of

if TYPE_CHECKING:
    from .conftest import Feed, Installer, Mirror


def test_an_approved_file_is_found_downloaded_and_checked(feed: Feed, installer: Installer) -> None:
    publication = feed.publish()
    feed.sign()
    assert installer.install(path_of(publication)) == WHEEL


def test_a_second_look_asks_only_for_what_is_new(feed: Feed, installer: Installer, mirror: Mirror) -> None:
    first, second = feed.publish(), feed.publish()
    feed.sign()
    installer.install(path_of(first))
    installer.install(path_of(second))
    newer = feed.publish(first.release)
    feed.sign()
    mirror.asked.clear()
    installer.install(path_of(newer))
    installer.install(path_of(second))
    assert mirror.metadata_asked() == [
        "2.root.json", "timestamp.json", "3.snapshot.json", f"2.{first.release.slug}.json",
        "2.root.json", "timestamp.json",
    ]  # fmt: skip


@pytest.mark.attack("T12")
def test_what_staff_put_in_quarantine_is_gone_and_comes_back(feed: Feed, installer: Installer) -> None:
    publication, staff = feed.publish(), factories.make_person(is_staff=True)
    contribution, path = publication.revision.contribution, path_of(publication)
    feed.sign()
    assert installer.install(path) == WHEEL
    quarantine(person=staff, contribution=contribution, reason="It may be malware.")
    assert indexing.is_due()
    feed.sign()
    assert installer.find(path) is None
    restore(person=staff, contribution=contribution, reason="It is none.")
    assert indexing.is_due()
    feed.sign()
    assert installer.install(path) == WHEEL
