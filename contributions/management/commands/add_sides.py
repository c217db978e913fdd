from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from contributions.errors import Refusal, Trouble
from contributions.models import Revision
from contributions.pipeline.siding import add_sides


class Command(BaseCommand):
    help = "Keep the files before and after the changes that were received before the portal kept them."

    def handle(self, *args: Any, **options: Any) -> None:
        count = 0
        waiting = Revision.objects.filter(state=Revision.State.RECEIVED, sides=None).exclude(diff=None)
        for pk in list(waiting.order_by("pk").values_list("pk", flat=True)):
            revision = Revision.objects.select_related("diff", "bundle", "contribution__component").get(pk=pk)
            try:
                count += add_sides(revision)
            except (Refusal, Trouble) as problem:
                self.stderr.write(f"{revision}: {problem.sentence}")
        self.stdout.write(f"The sides of {count} revision{'' if count == 1 else 's'} were added.")
