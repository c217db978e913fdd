"""Names the one domain app for Django."""

from django.apps import AppConfig


class ContributionsConfig(AppConfig):
    name = "contributions"
    verbose_name = "Patchbay"
