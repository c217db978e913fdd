"""The pages' platform, to follow things on, and the workers' crew, to tell of them."""

from tests.pages.conftest import platform as platform
from tests.platform import _kept_apart as _kept_apart
from tests.worker.conftest import crew as crew
