"""The pages' platform for what is tried with stacks."""

from tests.pages.conftest import platform as platform
