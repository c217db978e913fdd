"""The small platform that suggestions are taken in on."""

from tests.platform import (  # noqa: F401 - fixtures, asked for by name
    _kept_apart,
    author,
    component,
    upstream,
)
