from __future__ import annotations

import time

import pytest

from contributions.patches import words


def marked(old: str, new: str) -> tuple[str, str]:
    """Both lines with brackets around what is marked."""
    spans = words.spans(old, new)
    done = []
    for text, found in zip((old, new), spans, strict=True):
        for start, end in reversed(found):
            text = f"{text[:start]}[{text[start:end]}]{text[end:]}"  # noqa: PLW2901 - from the end to the beginning
        done.append(text)
    return done[0], done[1]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return [one](x)", "return [two](x)"),
        ("retries = 5", "retries = 5[, backoff]"),
        ("f(a, [b], c)", "f(a, c)"),
        ("    x = 1", "[        ]x = 1"),
        ("a [b c] d e f g", "a [x y] d e f g"),
        ("if [not ]ready(now):", "if ready(now):"),
    ],
)
def test_what_changed_in_a_line_is_marked_word_by_word(old: str, new: str) -> None:
    bare = [line.replace("[", "").replace("]", "") for line in (old, new)]
    seen = marked(*bare)
    if old.startswith("    "):
        assert seen == ("[    ]x = 1", new)
    elif ", [b]" in old:
        assert seen in {("f(a, [b, ]c)", "f(a, c)"), ("f(a[, b], c)", "f(a, c)")}
    else:
        assert seen == (old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("import os", "def greet(name):"),
        ("same", "same"),
        ("a b " * 250 + "c", "a b " * 250 + "d"),
        (f"p {' '.join(map(str, range(170)))} q", f"r {' '.join(map(str, range(170)))} s"),
        ("", "something"),
        (" ".join(f"a{n}" for n in range(170)), " ".join(f"b{n}" for n in range(170))),
    ],
)
def test_lines_with_little_in_common_and_very_long_ones_are_left_alone(old: str, new: str) -> None:
    assert words.spans(old, new) == ([], [])


def test_the_worst_lines_cost_little() -> None:
    old, new = ("ab" * 500)[:1000], ("a.b," * 250)[:1000]
    punctuation = ";.:," * 250
    started = time.process_time()
    words.spans(old, new)
    words.spans(punctuation, punctuation[::-1])
    words.spans("x " * 500, "y " * 500)
    assert time.process_time() - started < 1


def test_lines_find_the_ones_that_they_became() -> None:
    assert words.partners(["a = 1", "b = 2"], ["a = 3", "b = 4"]) == [(0, 0), (1, 1)]
    removed = ["timeout = options.timeout", "retries = 5"]
    added = ["# Wait longer.", "timeout = options.timeout or 30", "", "retries = 7"]
    assert words.partners(removed, added) == [(0, 1), (1, 3)]
    assert words.partners(["nothing like it"], ["def f():", "pass"]) == []
    assert words.partners(["x"] * 70, ["x"] * 69) == []
