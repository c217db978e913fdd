"""The published formula, held to its worked examples and to what it promises."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from contributions.ranking import Evidence, Voice, activity, wilson

NOW = timedelta(0)


def in_production(*, works: bool, days: int = 0) -> Voice:
    return Voice(works, "production", timedelta(days=days))


@pytest.mark.parametrize(
    ("evidence", "score"),
    [
        (Evidence(up=80, down=2, green_builds=3), 0.671),
        (Evidence(up=6, green_builds=3, voices=(in_production(works=True, days=20),) * 4), 0.916),
        (
            Evidence(
                up=40,
                green_builds=3,
                voices=(in_production(works=True),) * 2 + (in_production(works=False),) * 2,
            ),
            0.405,
        ),
        (Evidence(green_builds=3), 0.477),
    ],
)
def test_the_examples_of_the_page_come_out_as_published(evidence: Evidence, score: float) -> None:
    assert round(evidence.score, 3) == score


def test_nothing_known_scores_nothing() -> None:
    assert Evidence().score == 0


def test_a_voice_counts_half_after_half_a_year() -> None:
    assert Voice(True, "lab", timedelta(days=180)).weight == pytest.approx(0.5)


def test_a_clock_that_runs_behind_gives_no_voice_more_than_its_stage() -> None:
    assert Voice(True, "lab", timedelta(days=-30)).weight == 1


def test_a_thousand_votes_weigh_no_more_than_sixteen() -> None:
    assert Evidence(up=1000).score == Evidence(up=16).score


def test_a_broken_report_weighs_more_than_a_working_one() -> None:
    both = Evidence(voices=(in_production(works=True), in_production(works=False)))
    assert both.failure == 1.5 * both.success


@given(success=st.floats(0, 1e6), failure=st.floats(0, 1e6))
def test_a_score_lies_between_nothing_and_the_share_of_successes(success: float, failure: float) -> None:
    total = success + failure
    score = wilson(success, total)
    assert 0 <= score <= 1
    if total > 1e-6:
        assert score <= success / total + 1e-9


@given(up=st.integers(0, 50), down=st.integers(0, 50), green=st.integers(0, 5))
def test_one_more_success_never_lowers_the_score(up: int, down: int, green: int) -> None:
    before = Evidence(up=up, down=down, green_builds=green).score
    assert Evidence(up=up + 1, down=down, green_builds=green).score >= before - 1e-12
    assert Evidence(up=up, down=down, green_builds=green + 1).score >= before - 1e-12
    assert Evidence(up=up, down=down + 1, green_builds=green).score <= before + 1e-12


def test_fourteen_days_of_rest_cost_as_much_as_ten_votes() -> None:
    today = datetime(2026, 1, 15, tzinfo=UTC)
    assert activity(0, 0, today) == pytest.approx(activity(10, 0, today - timedelta(days=14)))


def test_more_votes_against_than_for_make_it_less_active() -> None:
    today = datetime(2026, 1, 15, tzinfo=UTC)
    assert activity(0, 10, today) == pytest.approx(activity(0, 0, today) - 1)


def test_what_was_said_of_an_earlier_revision_counts_half() -> None:
    assert Evidence(earlier_up=4, earlier_down=2).parts == Evidence(up=2, down=1).parts
    assert Voice(True, "production", NOW, is_earlier=True).weight == 2
    assert Evidence(up=1, earlier_up=2).counts["for_votes"] == 3
