"""What every test stands on: the embedded services in a directory of their own, gone when the tests are over."""

from __future__ import annotations

import subprocess
import sys

import pytest
from django.conf import settings

TIDY = 'cat >/dev/null; "$0" -m portal.services.keeper "$1" broker,database </dev/null; rm -rf "$1"'

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
