"""manage.py sandbox check | show: whether builds are contained on this host, proven by trying."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from contributions import sandbox
from contributions.errors import Trouble
from contributions.pipeline.confining import executor

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = "Prove each promise of the sandbox on this host by trying the attack (check), or tell what it is (show)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("verb", choices=["check", "show"])
        parser.add_argument("--json", action="store_true", help="for machines")
        parser.add_argument("--image", default=settings.IMAGE, help="what containers are tried with")

    def handle(self, *args: Any, **given: Any) -> None:
        if given["verb"] == "show":
            self.show(as_json=given["json"])
        else:
            self.prove(given["image"], as_json=given["json"])

    def prove(self, image: str, *, as_json: bool) -> None:
        """Exit code 1 when an essential promise is broken."""
        promises = sandbox.self_check(executor(), image)
        if as_json:
            self.stdout.write(json.dumps([asdict(promise) for promise in promises], indent=2))
        else:
            self.stdout.write("\n".join(table_of(promises)))
        if any(promise.breaks_builds for promise in promises):
            sys.exit(1)

    def show(self, *, as_json: bool) -> None:
        try:
            facts = executor().describe(sandbox.Limits(), settings.IMAGE)
        except Trouble as trouble:
            raise CommandError(trouble.sentence) from None
        if as_json:
            self.stdout.write(json.dumps(facts, indent=2))
            return
        for name, value in facts.items():
            self.stdout.write(f"{name:<10} {_in_words(value)}")


def table_of(promises: list[sandbox.Promise]) -> list[str]:
    width = max(len(promise.name) for promise in promises)
    lines = [f"{'promise':<{width}}  {'':<6}  essential  seen"]
    for promise in promises:
        state = "held" if promise.held else "BROKEN"
        essential = "yes" if promise.essential else "no"
        lines.append(f"{promise.name:<{width}}  {state:<6}  {essential:<9}  {promise.detail}")
    broken = [promise.name for promise in promises if promise.breaks_builds]
    verdict = f"Builds are refused on this host: {', '.join(broken)}." if broken else "Builds may run on this host."
    return [*lines, "", verdict]


def _in_words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_in_words(inner)}" for name, inner in value.items())
    return ", ".join(map(str, value)) or "nothing" if isinstance(value, list) else str(value)
