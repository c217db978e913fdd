from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.patches.workshop import AFTER, BEFORE, Workshop, make_workshop

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """The troublesome repository, with one change to most of its files."""
    return make_workshop(tmp_path_factory.mktemp("shop") / "work", BEFORE, AFTER)


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    return tmp_path / "work"
