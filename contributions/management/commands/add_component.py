"""manage.py add_component NAME URL: a new component, pulled from upstream at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from contributions.actions.maintaining import add_component
from contributions.errors import Refusal
from contributions.models import Person, UpstreamFetch
from contributions.models.component import ANY_CANDIDATE, ANY_VERSION
from contributions.pipeline.fetching import fetch

from .set_rules import add_rules, rules_in

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = "Add a component and make releases of the upstream tags and branches that match the pattern."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="NAME", help="small letters, digits, dots and hyphens")
        parser.add_argument("url", metavar="URL", help="its git repository (https, ssh or git)")
        parser.add_argument("--title", default="", help="the name that people read; NAME if not given")
        parser.add_argument("--summary", default="")
        parser.add_argument("--licence", default="", help="an SPDX expression")
        parser.add_argument("--pattern", default=ANY_VERSION, help="a regular expression for tags and branches")
        parser.add_argument("--candidates", default=ANY_CANDIDATE, help="the same for tags before a release")
        parser.add_argument("--watch-minutes", type=int, default=60, help="how often it is pulled; 0: only when asked")
        parser.add_argument("--maintainer", action="append", default=[], metavar="USERNAME")
        add_rules(parser)
        parser.add_argument(
            "--recipe", type=Path, metavar="FILE.toml", help="prepare, build, test, … as in docs/recipes.md"
        )

    def handle(self, *args: Any, **given: Any) -> None:
        maintainers = [_person(username) for username in given["maintainer"]]
        try:
            component = add_component(
                slug=given["slug"],
                name=given["title"] or given["slug"],
                upstream_url=given["url"],
                summary=given["summary"],
                licence=given["licence"],
                release_pattern=given["pattern"],
                candidate_pattern=given["candidates"],
                watch_minutes=given["watch_minutes"],
                **rules_in(given),
            )
        except Refusal as refusal:
            raise CommandError(refusal.sentence) from None
        component.maintainers.set(maintainers)
        if given["recipe"]:
            call_command("set_recipe", component.slug, given["recipe"], stdout=self.stdout)
        self._pull(component.fetches.latest("pk"))

    def _pull(self, row: UpstreamFetch) -> None:
        """Pull here and now; a worker that was quicker is as good."""
        fetch(row.pk)
        row.refresh_from_db()
        self.stdout.write(f"{row.component.slug}: {row.get_state_display()}. {row.sentence}")


def _person(username: str) -> Person:
    try:
        return Person.objects.get(username=username)
    except Person.DoesNotExist:
        raise CommandError(f"There is no account named {username}.") from None
