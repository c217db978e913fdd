"""The small platform that the pipeline's tests work on."""

from tests.platform import (  # noqa: F401 - fixtures, asked for by name
    _kept_apart,
    author,
    component,
    recipe,
    send,
    upstream,
)
