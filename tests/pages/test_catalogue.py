"""The words of pages stand in a catalogue that is up to date, and pages take them from a catalogue."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.utils import translation
from django.utils.translation import trans_real

from tests import factories

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django.fixtures import SettingsWrapper

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = ROOT / "locale/en/LC_MESSAGES/django.po"


def messages(catalogue: Path) -> set[str]:
    """The lines of all messages; the header, which tells times, comes before the first blank line."""
    entries = catalogue.read_text().partition("\n\n")[2]
    return {line for line in entries.splitlines() if line.startswith(("msgid", '"'))}


def test_the_catalogue_is_up_to_date(tmp_path: Path) -> None:
    for part in (
        "contributions",
        "portal",
        "templates",
        "locale",
        "Makefile",
        "manage.py",
        "pyproject.toml",
        "requirements.txt",
    ):
        place = tmp_path / part
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / part, place)  # make looks at when they were changed
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    subprocess.run(["make", "messages"], cwd=tmp_path, env=environment, check=True, capture_output=True)
    made = messages(tmp_path / "locale/en/LC_MESSAGES/django.po")
    assert len(made) > 500
    assert made == messages(CATALOGUE), "run make messages"


@pytest.fixture
def marked(tmp_path: Path, settings: SettingsWrapper) -> Iterator[None]:
    """A language in which each message is put between marks."""
    place = tmp_path / "eo/LC_MESSAGES"
    place.mkdir(parents=True)
    filled = place / "django.po"
    subprocess.run(["msgen", "--no-wrap", "--lang=eo", "-o", filled, CATALOGUE], check=True)
    text = re.sub(r'^(msgstr(?:\[\d\])?) "(.+)"$', r'\1 "⟦\2⟧"', filled.read_text(), flags=re.MULTILINE)
    filled.write_text(text)
    subprocess.run(["msgfmt", "-o", place / "django.mo", filled], check=True)
    settings.LOCALE_PATHS = [tmp_path]
    trans_real._translations.clear()  # noqa: SLF001 - what Django read of another path
    with translation.override("eo"):
        yield
    trans_real._translations.clear()  # noqa: SLF001 - as above


@pytest.mark.django_db
@pytest.mark.usefixtures("marked")
@pytest.mark.parametrize("path", ["/", "/contributions/", "/contributions/{c}/", "/contributions/{c}/discussion/"])
def test_pages_take_their_words_from_the_catalogue(path: str) -> None:
    contribution = factories.make_contribution(title="A title", description="Words.")
    page = Client().get(path.format(c=contribution.pk)).content.decode()
    headings = re.findall(r"<h2[^>]*>([^<]+)", page.partition("<main")[2])
    assert headings
    assert all("⟦" in heading for heading in headings), headings
    assert "⟦Sign in⟧" in page
