"""Doorbells: a task carries a primary key and makes one pipeline call. Losing one loses nothing: rows are the queue."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from celery import shared_task
from celery.signals import celeryd_init
from django.db import transaction
from django.db.models.functions import Now

from .errors import Trouble
from .models import (
    Assembly,
    Attestation,
    Build,
    Comparison,
    Delivery,
    Fit,
    Fork,
    Inquiry,
    Letter,
    Mailing,
    Offer,
    Revision,
    Settlement,
    Sighting,
    UpstreamFetch,
)
from .models.content import fold_steps
from .pipeline import (
    asking,
    assembling,
    attesting,
    baselining,
    building,
    confirming,
    contrasting,
    delivering,
    explaining,
    fetching,
    fitting,
    forecasting,
    indexing,
    mailing,
    moving,
    offering,
    proving,
    publishing,
    reading,
    receiving,
    reconciling,
    repeating,
    retaining,
    sealing,
    settling,
    telling,
    unmasking,
    unveiling,
    unveiling_forks,
    watching,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from celery import Task

    from .models import Component, Contribution
    from .models.work import Work

log = logging.getLogger(__name__)

RINGS_A_SWEEP = 200
INDEX_RING_SECONDS = 60  # the sweep rings again for an index that is due, and nobody needs to hear it twice
SETTLED_AT_ONCE = 100
READING_SECONDS = 10  # at once, so that what is to be received meanwhile has its turn


def ring(*works: Work) -> None:
    """Tell a worker, once the transaction is committed, that these rows wait for it."""
    for work in works:
        _post_after_commit(BELLS[type(work)], work.pk)


def ring_for_publishing(contribution: Contribution) -> None:
    _post_after_commit(publish, contribution.pk)


def ring_for_fork(fork: Fork) -> None:
    _post_after_commit(unveil_fork, fork.pk)


def ring_for_index() -> None:
    """Have the index of the feed signed anew, once the transaction that changed the feed is committed."""
    _post_after_commit(sign_index)


def ring_for_settling(component: Component) -> None:
    _post_after_commit(settle_component, component.pk)


def ring_for_news() -> None:
    """Have the feed's index signed anew and its news sent: one bell for all, however much there is to tell."""
    ring_for_index()
    _post_after_commit(deliver_news)


def _post_after_commit(task: Task[Any, Any], *keys: int) -> None:
    transaction.on_commit(lambda: _post(task, *keys))


def _post(task: Task[Any, Any], *keys: int) -> None:
    """Post without waiting: when the broker is away the sweep rings later, and the customer never notices."""
    try:
        task.apply_async(keys, retry=False, ignore_result=True)
    except Exception as error:  # noqa: BLE001 - every transport has its own errors, and none may fail a submission
        log.warning("The broker did not take %s%s: %s", task.name, keys, error)


@celeryd_init.connect
def prove_before_building(instance: Any, **_: Any) -> None:
    instance.app.steps["consumer"].add(proving.ProofBeforeBuilds)


@shared_task(name="contributions.tasks.receive")
def receive(pk: int) -> None:
    """An upload is passed on to the workers that have a sandbox, by a queue of theirs."""
    if receiving.needs_a_jail(pk):
        _post(inspect, pk)
    else:
        ring(*receiving.receive(pk), *unmasking.after(pk))


@shared_task(name="contributions.tasks.inspect")
def inspect(pk: int) -> None:
    ring(*receiving.receive(pk))


@shared_task(name="contributions.tasks.fit")
def fit(pk: int) -> None:
    ring(*fitting.fit(pk))


@shared_task(name="contributions.tasks.fit_inquire")
def inquire(pk: int) -> None:
    """Judging goes first: no verdict waits behind more than one reason."""
    for waiting in explaining.fits_that_wait():
        ring(*fitting.fit(waiting))
    explaining.inquire(pk)


@shared_task(name="contributions.tasks.fit_spread")
def spread(pk: int) -> None:
    confirming.spread(pk)


@shared_task(name="contributions.tasks.compare")
def compare(pk: int) -> None:
    contrasting.compare(pk)


@shared_task(name="contributions.tasks.assemble")
def assemble(pk: int) -> None:
    ring(*assembling.assemble(pk))


@shared_task(name="contributions.tasks.offer")
def offer(pk: int) -> None:
    offering.offer(pk)


@shared_task(name="contributions.tasks.reconcile")
def reconcile(pk: int) -> None:
    reconciling.reconcile(pk)


@shared_task(name="contributions.tasks.build")
def build(pk: int) -> None:
    ring(*building.build(pk))
    if indexing.has_news():
        ring_for_index()


@shared_task(name="contributions.tasks.fetch")
def fetch(pk: int) -> None:
    ring(*fetching.fetch(pk))


@shared_task(name="contributions.tasks.unmask")
def unmask(pk: int) -> None:
    ring(*unmasking.unmask(pk))


@shared_task(name="contributions.tasks.watch")
def watch() -> None:
    """Pull what is due to be pulled, and build what the clock says is to be built."""
    ring(*watching.queue_due(), *baselining.queue_missing(), *moving.queue_due_builds())


@shared_task(name="contributions.tasks.sign_build")
def sign_build(pk: int) -> None:
    attesting.sign(pk)
    if indexing.tells_of(pk):
        ring_for_index()


@shared_task(name="contributions.tasks.publish")
def publish(pk: int) -> None:
    if publishing.publish(pk):
        ring_for_news()
    ring(*repeating.waiting_repetitions(pk))


@shared_task(name="contributions.tasks.sign_index", expires=INDEX_RING_SECONDS)
def sign_index() -> None:
    try:
        indexing.sign()
    except Trouble as trouble:
        log.error("The index of the feed was not signed: %s", trouble.sentence)  # noqa: TRY400 - the sentence says it


@shared_task(name="contributions.tasks.settle")
def settle(pk: int) -> None:
    if settling.settle_when_due(pk):
        publish(pk)


@shared_task(name="contributions.tasks.unveil")
def unveil(pk: int) -> None:
    ring(*unveiling.unveil_if_clear(pk))


@shared_task(name="contributions.tasks.unveil_fork")
def unveil_fork(pk: int) -> None:
    """Make drafts of a fork public, some at a time: the rest has its turn behind what else waits."""
    builds, is_more = unveiling_forks.unveil_some(pk)
    ring(*builds)
    if is_more:
        _post(unveil_fork, pk)


@shared_task(name="contributions.tasks.settle_component")
def settle_component(pk: int) -> None:
    """Settle what is due on a component, some at a time: the rest has its turn behind what else waits."""
    found = settling.due(SETTLED_AT_ONCE, component=pk)
    for number in found:
        settle(number)
    if len(found) == SETTLED_AT_ONCE:
        _post(settle_component, pk)


@shared_task(name="contributions.tasks.deliver_news")
def deliver_news() -> None:
    """Ring for each message that nobody was rung for yet."""
    for model, task in NEWS.items():
        rows = model.objects.filter(rung_at=None).waiting()
        keys = list(rows.order_by("pk").values_list("pk", flat=True))
        model.objects.filter(rung_at=None, pk__in=keys).update(rung_at=Now())
        _ring_keys(task, keys)


@shared_task(name="contributions.tasks.deliver_webhook")
def deliver_webhook(pk: int) -> None:
    ring(*delivering.deliver(pk))


@shared_task(name="contributions.tasks.deliver_letter")
def deliver_letter(pk: int) -> None:
    delivering.mail(pk)


@shared_task(name="contributions.tasks.deliver_mailing")
def deliver_mailing(pk: int) -> None:
    mailing.mail(pk)


@shared_task(name="contributions.tasks.deliver_told")
def deliver_told() -> None:
    """Tell people of what happened, and have the letters sent that are due."""
    telling.tell_waiting()
    if mailing.gather():
        deliver_news()


@shared_task(name="contributions.tasks.ask_again")
def ask_again() -> None:
    """Ask whoever reported long ago whether that still holds."""
    if asking.ask_again():
        deliver_news()


@shared_task(name="contributions.tasks.forecast")
def forecast() -> None:
    """What the newest releases will cost whoever carries patches."""
    ring(*forecasting.forecast_all())


@shared_task(name="contributions.tasks.deliver_no_more")
def deliver_no_more() -> None:
    """Forget the messages that were done with long ago, and what was read long ago."""
    delivering.forget_old()
    mailing.forget_read()


@shared_task(name="contributions.tasks.read_words")
def read_words() -> None:
    """Let be found by their words whatever was written since the last time."""
    reading.read_waiting(READING_SECONDS)


@shared_task(name="contributions.tasks.sign_history")
def sign_history() -> None:
    try:
        sealing.seal()
    except Trouble as trouble:
        log.error("The history was not sealed: %s", trouble.sentence)  # noqa: TRY400 - the sentence says it


@shared_task(name="contributions.tasks.let_go")
def let_go() -> None:
    """Old builds' logs and files, and bytes that nothing names."""
    log.info("Let go of %s.", retaining.sweep())


@shared_task(name="contributions.tasks.sweep")
def sweep() -> None:
    """Ring again for what waits unheard, and end what was tried too often."""
    for model, task in BELLS.items():
        for pk in model.objects.give_up():
            log.error("Gave up on %s %s.", model._meta.verbose_name, pk)
        _ring_keys(task, model.objects.unheard(RINGS_A_SWEEP))
    _ring_keys(publish, publishing.forgotten(RINGS_A_SWEEP))
    if indexing.is_due():
        _post(sign_index)
    _ring_keys(settle, settling.due(RINGS_A_SWEEP))
    _ring_keys(unveil, unveiling.due(RINGS_A_SWEEP))
    _ring_keys(unveil_fork, unveiling_forks.forgotten(RINGS_A_SWEEP))
    fold_steps()


def begin_again() -> dict[str, int]:
    """Queue what was given up through our fault; return how many of each kind."""
    counts = {}
    for model, task in BELLS.items():
        keys = model.objects.try_again()
        _ring_keys(task, keys)
        counts[str(model._meta.verbose_name_plural)] = len(keys)
    counts["lines to tell"] = telling.begin_again()
    return counts


def _ring_keys(task: Task[Any, Any], keys: Iterable[int]) -> None:
    for pk in keys:
        _post(task, pk)


NEWS: dict[type[Any], Task[Any, Any]] = {Delivery: deliver_webhook, Letter: deliver_letter, Mailing: deliver_mailing}
BELLS: dict[type[Any], Task[Any, Any]] = {
    Revision: receive,
    Fit: fit,
    Comparison: compare,
    Inquiry: inquire,
    Sighting: spread,
    Assembly: assemble,
    Offer: offer,
    Settlement: reconcile,
    Build: build,
    UpstreamFetch: fetch,
    Fork: unmask,
    Attestation: sign_build,
    **NEWS,
}
