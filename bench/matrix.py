"""The matrix of 10,000 contributions and 20 releases, and forecasts, against floors in the same run.

    python bench/matrix.py [CONTRIBUTIONS [RELEASES]]

Everything is asked in process, by a visitor whose cookie keeps it from kept pages; the median of the rounds counts.
The floors are the list of the same contributions, and one query for the cells of a page.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)  # and not this directory, where a bench has the name of a library

CONTRIBUTIONS, RELEASES, PICKS, ROUNDS = 10_000, 20, 200, 7
PAGE = "/components/component-1/matrix/"
ASKED = {
    "the list, 30 rows (floor)": "/contributions/?component=component-1",
    "matrix, 30 rows": PAGE,
    "matrix, what conflicts on the newest": f"{PAGE}?fit=conflicts&on={{newest}}",
    "matrix, found by a word": f"{PAGE}?q=retry",
    "matrix as a picture, 100 rows": f"{PAGE}?view=picture",
    "matrix as JSON, 30 rows": "/api/v1/components/component-1/matrix/",
    "matrix as CSV, all rows": "/api/v1/components/component-1/matrix.csv",
    "forecast of a stack of 200": "/stacks/{stack}/forecast/?release={newest}",
}


def median(act: Callable[[], object]) -> float:
    """Milliseconds, without the first time."""
    act()
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        act()
        took.append(time.perf_counter() - began)
    return statistics.median(took) * 1000


def filled(count: int, releases: int) -> dict[str, object]:
    """All contributions are of one component; what the addresses name."""
    from bench.community import loading
    from contributions.models import Component, Contribution, Person, Pick, Stack

    loading.COMPONENTS, loading.RELEASES = 1, releases
    loading.load(loading.Size(count, 0, 0, count // 2))
    component = Component.objects.get()
    newest = component.releases.newest_first()[0]
    oldest = component.releases.order_by("position")[0]
    stack = Stack.objects.create(
        component=component, release=oldest, author=Person.objects.all()[0], name="Ours", is_public=True
    )
    some = Contribution.objects.order_by("pk")[:PICKS]
    Pick.objects.bulk_create(Pick(stack=stack, contribution=one, position=n) for n, one in enumerate(some))
    return {"newest": newest.name, "stack": stack.pk}


def cells() -> int:
    """What a page of cells costs the database alone."""
    from contributions.models import Contribution, Fit

    rows = Contribution.objects.order_by("precedence", "-score", "-pk").values_list("current_id", flat=True)[:30]
    return len(list(Fit.objects.filter(revision__in=list(rows)).order_by().values_list("revision", "release", "state")))


def run(count: int, releases: int) -> None:
    var = tempfile.mkdtemp(prefix="patchbay-bench-")
    os.environ |= {"DJANGO_SETTINGS_MODULE": "portal.settings", "PATCHBAY_VAR": var, "PATCHBAY_LOG_LEVEL": "ERROR"}
    import django
    from django.core.management import call_command

    django.setup()
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    try:
        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        named = filled(count, releases)
        print(f"matrix: {count:,} contributions, {releases} releases, in process, median of {ROUNDS}")
        print(f"matrix: {'one query for the cells of 30 rows (floor)':<44} {median(cells):8.1f} ms")
        client = Client(headers={"host": "localhost"})
        client.cookies["anew"] = "1"
        for name, path in ASKED.items():
            address = path.format(**named)
            sizes: list[int] = []

            def ask(address: str = address, sizes: list[int] = sizes) -> None:
                answer = client.get(address)
                if answer.status_code != 200:
                    raise SystemExit(f"{address} answered {answer.status_code}")
                sizes.append(len(answer.getvalue()))

            took = median(ask)
            with CaptureQueriesContext(connection) as captured:
                ask()
            print(f"matrix: {name:<44} {took:8.1f} ms {len(captured):4} queries {sizes[-1] / 1000:8.0f} KB")
        connection.close()
    finally:
        call_command("stop")
        shutil.rmtree(var, ignore_errors=True)


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    run(*given, *(CONTRIBUTIONS, RELEASES)[len(given) :])
