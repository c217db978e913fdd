"""Conflicts are asked place by place, and the answers come out byte by byte as they were chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contributions.checkout.clashing import How
from contributions.checkout.commits import commits_between
from contributions.checkout.reconciling import MOST_PLACES, Known, Outcome, reconcile
from contributions.checkout.remembering import learn
from contributions.checkout.runner import git
from contributions.checkout.weaving import Answer, Place, markers_in, places_of
from contributions.errors import Invalid
from tests.checkout.stories import TEXT, Story, changed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from contributions.checkout.reconciling import Question
    from tests.checkout.stories import Content

UPSTREAM = changed(TEXT, 10, "line TEN\n")
PATCHED = changed(TEXT, 10, "line ten\n")


class Dispute:
    """A patch of one commit, and a release that made something else of the same lines."""

    def __init__(self, story: Story, base: Content, ours: Content, theirs: Content, path: str = "a.txt") -> None:
        self.story, self.path = story, path
        kept: dict[str, Content] = {"other.txt": "other\n"}
        self.base = story.commit({path: base, **kept} if base is not None else kept)
        self.tip = story.commit({path: theirs}, "Mend it\n", on="patch", start=self.base)
        self.release = story.commit({path: ours})

    def settle(
        self, *choices: Answer | str, recall: Callable[..., Mapping[str, tuple[bytes, bytes]]] | None = None
    ) -> Outcome:
        """What comes out when the places are answered so, in their order."""
        answers = dict(
            zip(self.ids(), (Answer(each) if isinstance(each, str) else each for each in choices), strict=True)
        )
        known = Known(answers, recall or (lambda _: {}))
        return reconcile(self.story.path, self.base, self.tip, self.release, known)

    def question(self) -> Question:
        [asked] = reconcile(self.story.path, self.base, self.tip, self.release, Known({}, lambda _: {})).passes
        [question] = asked.questions
        return question

    def ids(self) -> list[str]:
        question = self.question()
        return [question.id] if question.id else [place.id for place in places_of(question.pieces)]

    def places(self) -> list[Place]:
        return places_of(self.question().pieces)

    def file(self, outcome: Outcome) -> bytes | None:
        listed = git(self.story.path, "ls-tree", outcome.tip, "--", self.path)
        return git(self.story.path, "cat-file", "blob", f"{outcome.tip}:{self.path}") if listed else None


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path / "mirror.git")


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        ("ours", "line TEN\n"),
        ("theirs", "line ten\n"),
        ("ours-first", "line TEN\nline ten\n"),
        ("theirs-first", "line ten\nline TEN\n"),
        (Answer("text", "my own\n"), "my own\n"),
        (Answer("text", "two\nlines"), "two\nlines\n"),
        (Answer("text"), ""),
    ],
)
def test_each_choice_stands_in_the_file_and_the_rest_is_merged(story: Story, answer: Answer | str, line: str) -> None:
    theirs = changed(PATCHED, 30, "line thirty\n")
    dispute = Dispute(story, TEXT, changed(UPSTREAM, 20, "line twenty\n"), theirs)
    outcome = dispute.settle(answer)
    wanted = changed(changed(changed(TEXT, 30, "line thirty\n"), 20, "line twenty\n"), 10, line)
    assert dispute.file(outcome) == wanted.encode()


def test_a_place_tells_both_sides_and_what_stands_around_it(story: Story) -> None:
    [place] = Dispute(story, TEXT, "new first\n" + UPSTREAM, PATCHED).places()
    assert (place.start, place.base, place.ours, place.theirs) == (11, b"line 10\n", b"line TEN\n", b"line ten\n")
    assert place.before == (b"line 7\n", b"line 8\n", b"line 9\n")
    assert place.after == (b"line 11\n", b"line 12\n", b"line 13\n")
    assert place.choices == ("ours", "theirs", "ours-first", "theirs-first", "text")


def test_without_an_answer_it_is_asked_and_nothing_comes_out(story: Story) -> None:
    dispute = Dispute(story, TEXT, changed(UPSTREAM, 20, "xx\n"), changed(PATCHED, 20, "zwanzig\n"))
    [first, second] = dispute.ids()
    for answers in ({}, {first: Answer("ours")}, {first: Answer("ours"), second: Answer("both")}):
        known = Known(answers, lambda _: {})
        outcome = reconcile(story.path, dispute.base, dispute.tip, dispute.release, known)
        assert (outcome.tip, len(outcome.passes)) == ("", 1)
    assert dispute.settle("ours", "theirs").tip, "the control"


def test_one_file_of_two_is_not_enough(story: Story) -> None:
    base = story.commit({"a.txt": TEXT, "b.txt": TEXT})
    tip = story.commit({"a.txt": PATCHED, "b.txt": PATCHED}, on="patch", start=base)
    release = story.commit({"a.txt": UPSTREAM, "b.txt": UPSTREAM})
    [asked] = reconcile(story.path, base, tip, release, Known({}, lambda _: {})).passes
    ids = [places_of(question.pieces)[0].id for question in asked.questions]
    assert len(set(ids)) == 2, "the same lines in two files are two places"
    for given, is_whole in ((ids[:1], False), (ids, True)):
        known = Known({name: Answer("theirs") for name in given}, lambda _: {})
        assert bool(reconcile(story.path, base, tip, release, known).tip) == is_whole


def test_the_commit_is_the_author_s_on_the_release(story: Story) -> None:
    dispute = Dispute(story, TEXT, UPSTREAM, PATCHED)
    outcome = dispute.settle("theirs")
    [made] = commits_between(story.path, dispute.release, outcome.tip)
    [was] = commits_between(story.path, dispute.base, dispute.tip)
    assert (made.message, made.author_name, made.authored_at) == (was.message, was.author_name, was.authored_at)


def test_an_answer_holds_where_the_same_conflict_comes_again_and_not_where_it_is_another(story: Story) -> None:
    dispute = Dispute(story, TEXT, UPSTREAM, PATCHED)
    [known] = dispute.ids()
    dispute.release = story.commit({"a.txt": "new first\n" + UPSTREAM})
    assert dispute.ids() == [known]
    dispute.release = story.commit({"a.txt": changed(TEXT, 10, "line Ten\n")})
    assert dispute.ids() != [known]


def test_the_same_lines_twice_are_two_places(story: Story) -> None:
    twice = "x\n" + "y\n" * 20 + "x\n"
    dispute = Dispute(story, twice, twice.replace("x", "X"), twice.replace("x", "z"))
    assert len(set(dispute.ids())) == 2
    assert dispute.file(dispute.settle("ours", "theirs")) == b"X\n" + b"y\n" * 20 + b"z\n"


def test_a_series_is_asked_commit_by_commit(story: Story) -> None:
    dispute = Dispute(story, TEXT, changed(UPSTREAM, 20, "line TWENTY\n"), PATCHED)
    story.commit({"b.txt": "b\n"}, "Add b\n", on="patch")
    dispute.tip = story.commit({"a.txt": changed(PATCHED, 20, "line twenty\n")}, "Mend more\n", on="patch")
    answers: dict[str, Answer] = {}
    numbers = []
    while not (
        found := reconcile(story.path, dispute.base, dispute.tip, dispute.release, Known(answers, lambda _: {}))
    ).tip:
        asked = found.passes[-1]
        numbers.append((asked.number, asked.of, asked.commit.subject))
        answers |= {
            place.id: Answer("text", f"settled {asked.number}\n") for place in places_of(asked.questions[0].pieces)
        }
    assert numbers == [(1, 3, "Mend it"), (3, 3, "Mend more")]
    assert [made.subject for made in commits_between(story.path, dispute.release, found.tip)] == [
        "Mend it",
        "Add b",
        "Mend more",
    ]
    assert dispute.file(found) == changed(changed(TEXT, 10, "settled 1\n"), 20, "settled 3\n").encode()


@pytest.mark.parametrize("answer", ["ours", "theirs", "ours-first"])
@pytest.mark.parametrize(
    ("encoded", "may_type"),
    [
        (lambda text: text.encode().replace(b"\n", b"\r\n"), True),
        (lambda text: text.replace("line", "línea").encode("latin-1"), False),
        (lambda text: text.replace("line 4\n", "line\x1b[31m 4\n").replace("ten", "\x07ten").encode(), False),
        (lambda text: text.encode().removesuffix(b"\n"), True),
        (lambda text: text.encode().replace(b"ten\n", b"ten\r\n"), False),
    ],
    ids=["crlf", "latin-1", "controls", "no newline", "mixed ends"],
)
def test_bytes_survive_whatever_they_are(
    story: Story,
    encoded: Callable[[str], bytes],
    may_type: bool,  # noqa: FBT001 - a column of the table
    answer: str,
) -> None:
    dispute = Dispute(story, encoded(TEXT), encoded(UPSTREAM), encoded(PATCHED))
    [place] = dispute.places()
    assert place.may_type == may_type
    text = {"ours": UPSTREAM, "theirs": PATCHED, "ours-first": changed(TEXT, 10, "line TEN\nline ten\n")}[answer]
    assert dispute.file(dispute.settle(answer)) == encoded(text)


def test_what_is_typed_gets_the_ends_of_its_file(story: Story) -> None:
    base, ours, theirs = (text.encode().replace(b"\n", b"\r\n") for text in (TEXT, UPSTREAM, PATCHED))
    dispute = Dispute(story, base, ours, theirs)
    found = dispute.file(dispute.settle(Answer("text", "one\n\ttwo  ")))
    assert found == changed(TEXT, 10, "one\n\ttwo  \n").replace("\n", "\r\n").encode()


@pytest.mark.parametrize(("typed", "last"), [("mine", b"mine"), ("mine\n", b"mine\n")])
def test_the_last_line_may_stay_open_where_a_side_leaves_it_so(story: Story, typed: str, last: bytes) -> None:
    dispute = Dispute(story, "a\nb", "a\nB", "a\nß")
    assert dispute.file(dispute.settle(Answer("text", typed))) == b"a\n" + last
    assert dispute.file(dispute.settle("ours-first")) == "a\nB\nß".encode()


def test_in_the_middle_a_line_always_ends(story: Story) -> None:
    dispute = Dispute(story, "a\nb\nc", "a\nB\nc", "a\nß\nc")
    assert dispute.file(dispute.settle(Answer("text", "mine"))) == b"a\nmine\nc"


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "how"),
    [
        ("text\n", None, "mended\n", How.GONE_HERE),
        ("text\n", "other\n", None, How.GONE_THERE),
        (b"\0base", b"\0ours", b"\0theirs", How.BINARY),
        ("x\n" * 300_000, "ours\n" + "x\n" * 300_000, "theirs\n" + "x\n" * 300_000, How.LARGE),
        (("120000", b"there"), ("120000", b"here"), ("120000", b"elsewhere"), How.LINK),
    ],
)
def test_what_has_no_lines_is_chosen_as_a_whole(
    story: Story, base: Content, ours: Content, theirs: Content, how: How
) -> None:
    dispute = Dispute(story, base, ours, theirs)
    assert dispute.question().how == how
    raw = {"ours": ours, "theirs": theirs}
    for choice, content in raw.items():
        content = content[1] if isinstance(content, tuple) else content  # noqa: PLW2901 - its bytes
        wanted = content.encode() if isinstance(content, str) else content
        outcome = dispute.settle(choice)
        if wanted == (raw["ours"].encode() if isinstance(raw["ours"], str) else raw["ours"]) or choice == "ours":
            assert outcome.tip == dispute.release, "nothing is left of the patch"
        assert dispute.file(outcome) == wanted


def test_a_file_that_both_add_is_one_place(story: Story) -> None:
    dispute = Dispute(story, None, "theirs too\n", "mine\n")
    assert dispute.question().how == How.ADDED_TWICE
    assert dispute.file(dispute.settle("ours-first")) == b"theirs too\nmine\n"


def test_what_no_page_can_settle_needs_git(story: Story) -> None:
    base = story.commit({"a.txt": TEXT, "b.txt": "b\n"})
    tip = story.commit({"a.txt": None, "moved/here.txt": TEXT}, on="patch", start=base)
    release = story.commit({"a.txt": None, "moved/there.txt": TEXT})
    [asked] = reconcile(story.path, base, tip, release, Known({}, lambda _: {})).passes
    assert any(question.needs_git for question in asked.questions)
    every = {question.id: Answer("theirs") for question in asked.questions}
    assert reconcile(story.path, base, tip, release, Known(every, lambda _: {})).tip == ""


def test_a_mode_that_the_patch_sets_stays_set(story: Story) -> None:
    dispute = Dispute(story, TEXT, UPSTREAM, ("100755", PATCHED.encode()))
    outcome = dispute.settle("theirs")
    assert git(story.path, "ls-tree", outcome.tip, "--", "a.txt").startswith(b"100755 ")


def test_too_many_places_are_refused_with_a_sentence(story: Story) -> None:
    def text(word: str) -> str:
        return "".join(f"{word} {n}\nkept {n}\nand {n}\n" for n in range(MOST_PLACES + 1))

    dispute = Dispute(story, text("base"), text("ours"), text("theirs"))
    with pytest.raises(Invalid, match="needs git"):
        dispute.question()
    assert len(Dispute(Story(story.path.parent / "other.git"), TEXT, UPSTREAM, PATCHED).places()) == 1, "the control"


def test_what_is_remembered_is_a_choice_and_is_never_taken_by_itself(story: Story) -> None:
    dispute = Dispute(story, TEXT, UPSTREAM, PATCHED)
    taught = dispute.settle(Answer("text", "line ten, TEN\n"))
    memories = learn(story.path, dispute.base, dispute.tip, dispute.release, taught.tip)

    def recall(keys: Sequence[str]) -> dict[str, tuple[bytes, bytes]]:
        return {each.key: (each.before, each.after) for each in memories if each.key in keys}

    dispute.release = story.commit({"a.txt": "new first\n" + UPSTREAM})
    asked = reconcile(story.path, dispute.base, dispute.tip, dispute.release, Known({}, recall))
    [question] = asked.passes[-1].questions
    [place] = places_of(question.pieces)
    assert (asked.tip, place.remembered, place.choices[0]) == ("", b"line ten, TEN\n", "remembered")
    assert question.key == memories[0].key
    settled = dispute.settle("remembered", recall=recall)
    assert dispute.file(settled) == ("new first\n" + changed(TEXT, 10, "line ten, TEN\n")).encode()
    assert dispute.settle("remembered").tip == "", "what is not remembered any more is asked again"


@pytest.mark.parametrize(
    "left", ["<<<<<<< HEAD\nx\n", "x\n>>>>>>> theirs\n", "||||||| base\n", "<<<<<<<\r\n", "<<<<<<<"]
)
def test_markers_that_were_left_in_a_text_are_found(left: str) -> None:
    assert len(markers_in(left)) == 1
    assert not markers_in("Heading\n=======\n<<< and >>>\n <<<<<<< x\n<<<<<<<<<\n")


def test_lines_that_look_like_markers_are_told(story: Story) -> None:
    about = TEXT.replace("line 10\n", "<<<<<<< HEAD\n")
    [place] = Dispute(story, about, UPSTREAM, PATCHED).places()
    assert place.markers == ["<<<<<<< HEAD"]
