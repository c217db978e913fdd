"""The small platform that suggestions are taken in on, and the one whose pages are looked at."""

from tests.pages.conftest import platform  # noqa: F401 - a fixture, asked for by name
from tests.platform import (  # noqa: F401 - fixtures, asked for by name
    _kept_apart,
    author,
    component,
    upstream,
)
