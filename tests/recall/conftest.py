"""The pages' platform, to recall things on."""

from tests.pages.conftest import platform as platform
