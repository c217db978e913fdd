"""Names the one domain app for Django, and lets it hear what happens to accounts."""

from __future__ import annotations

from django.apps import AppConfig


class ContributionsConfig(AppConfig):
    name = "contributions"
    verbose_name = "Patchbay"

    def ready(self) -> None:
        from contributions.accounts import noting  # noqa: PLC0415 - there are models only now

        noting.listen()
