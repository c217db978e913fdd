"""What every test stands on: the embedded services in a directory of their own, gone when the tests are over."""

from __future__ import annotations

import shutil

import pytest
from django.conf import settings

from portal.services.postgres import Postgres
from portal.services.valkey import Valkey


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    if settings.VAR_DIR.name.startswith("patchbay-tests-"):
        Valkey(settings.VAR_DIR).stop()
        Postgres(settings.VAR_DIR).stop()
        shutil.rmtree(settings.VAR_DIR)
