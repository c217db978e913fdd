"""The unmodified client of The Update Framework on a live site."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .conftest import WHEEL, path_of

if TYPE_CHECKING:
    from .conftest import Feed, Installer


def test_an_approved_file_is_found_downloaded_and_checked(feed: Feed, installer: Installer) -> None:
    publication = feed.publish()
    feed.sign()
    assert installer.install(path_of(publication)) == WHEEL
