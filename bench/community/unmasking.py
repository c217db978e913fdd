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
    begun = time.perf_counter(), processor()
    waiting = unmask(fork.pk)
    told(f"told apart and drafted ({component.releases.count()} releases)", begun)
    fork.refresh_from_db()
    print(f"{fork.state}: {fork.sentence or fork.note}")
    print(fork.counts())
    receive_all(fork, waiting)


def receive_all(fork: Fork, waiting: Sequence[Revision]) -> None:
    """One by one, as a worker does that nobody else wants anything of."""
    begun, count, slowest = (time.perf_counter(), processor()), 0, 0.0
    rung = list(waiting)
    while rung:
        started = time.perf_counter()
        receive(rung.pop(0).pk)
        slowest = max(slowest, time.perf_counter() - started)
        count += 1
        rung += next_to_receive(fork)
    took, worked = time.perf_counter() - begun[0], processor() - begun[1]
    told(f"receiving {count} drafts", begun)
    states = Counter(Revision.objects.values_list("state", flat=True))
    each = f"{1000 * took / max(count, 1):.0f} ms a draft ({1000 * worked / max(count, 1):.0f} of the processor)"
    print(f"{each}, {1000 * slowest:.0f} ms the slowest; {dict(states)}")


def processor() -> float:
    """Seconds that this process and the gits that it waited for had of it."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def told(what: str, begun: tuple[float, float]) -> None:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB
    took, worked = time.perf_counter() - begun[0], processor() - begun[1]
    print(f"{what:<55}{took:8.2f} s, {worked:.1f} s of the processor, at most {most:.0f} MiB", flush=True)
