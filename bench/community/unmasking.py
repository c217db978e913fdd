"""A fork in a database of its own: taken apart by the worker, drafted, and each draft received."""

from __future__ import annotations

import resource
import time
from collections import Counter
from typing import TYPE_CHECKING

from contributions.models import Component, Fork, Person, Revision, UpstreamFetch
from contributions.pipeline.fetching import fetch
from contributions.pipeline.receiving import receive
from contributions.pipeline.unmasking import next_to_receive, unmask

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

KIB = 1024


def show(upstream: Path, theirs: Path) -> None:
    component = Component.objects.create(
        slug="bench", name="Bench", upstream_url=f"file://{upstream}", release_pattern=r".*", cool_down_days=0
    )
    fetch(UpstreamFetch.objects.create(component=component).pk)
    author = Person.objects.create_user("customer", "customer@fork.example")
    fork = Fork.objects.create(component=component, author=author, git_url=f"file://{theirs}")
    begun = time.perf_counter()
    waiting = unmask(fork.pk)
    told(f"told apart and drafted ({component.releases.count()} releases)", begun)
    fork.refresh_from_db()
    print(f"{fork.state}: {fork.sentence or fork.note}")
    print(fork.counts())
    receive_all(fork, waiting)


def receive_all(fork: Fork, waiting: Sequence[Revision]) -> None:
    """One by one, as a worker does that nobody else wants anything of."""
    begun, count, slowest = time.perf_counter(), 0, 0.0
    rung = list(waiting)
    while rung:
        started = time.perf_counter()
        receive(rung.pop(0).pk)
        slowest = max(slowest, time.perf_counter() - started)
        count += 1
        rung += next_to_receive(fork)
    took = time.perf_counter() - begun
    told(f"receiving {count} drafts", begun)
    states = Counter(Revision.objects.values_list("state", flat=True))
    print(f"{1000 * took / max(count, 1):.0f} ms a draft, {1000 * slowest:.0f} ms the slowest; {dict(states)}")


def told(what: str, begun: float) -> None:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB
    print(f"{what:<55}{time.perf_counter() - begun:8.2f} s, at most {most:.0f} MiB", flush=True)
