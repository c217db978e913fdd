"""The patches of a stack as a drawing: a row each, and an arc between two that change the same file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROW = 26  # units from one patch to the next
TOP = 16
REACH = 150  # units that the widest arc bends to the left
WORDS = 440  # units for the titles
LONGEST = 46  # letters of a title
MOST_ARCS = 600  # with more of them nothing could be made out; what conflicts is drawn first


@dataclass(frozen=True)
class Node:
    number: int
    label: str
    y: int
    state: str
    words: str


@dataclass(frozen=True)
class Arc:
    path: str
    meeting: str
    words: str


@dataclass(frozen=True)
class Graph:
    """Nodes from top to bottom as they are laid; `x` is where they stand."""

    nodes: list[Node]
    arcs: list[Arc]
    left_out: int = 0

    @property
    def x(self) -> int:
        return REACH + 10

    @property
    def text_x(self) -> int:
        return self.x + 12

    @property
    def width(self) -> int:
        return self.x + WORDS

    @property
    def height(self) -> int:
        return 2 * TOP + ROW * max(len(self.nodes) - 1, 0)

    @property
    def sentence(self) -> str:
        counts = {meeting: sum(arc.meeting == meeting for arc in self.arcs) for meeting in MEETINGS}
        told = [f"{count} {MEETINGS[meeting]}" for meeting, count in counts.items() if count]
        pairs = ", ".join(told) or "none changes a file of another one"
        return f"{len(self.nodes)} patches; pairs that change the same file: {pairs}."


MEETINGS = {"conflict": "conflict", "ordered": "merge in one order only", "fine": "get on with each other"}


def graph_of(
    order: Sequence[Mapping[str, Any]], pairs: Sequence[Mapping[str, Any]], titles: Mapping[int, str]
) -> Graph:
    """`titles` has those that the reader may see."""
    places = {entry["contribution"]: TOP + ROW * place for place, entry in enumerate(order)}
    nodes = [_node(entry, places, titles) for entry in order]
    drawn = sorted(pairs, key=lambda pair: list(MEETINGS).index(pair["meeting"]))
    farthest = max((abs(places[pair["a"]] - places[pair["b"]]) for pair in drawn), default=0) / 2
    arcs = [_arc(pair, places, farthest) for pair in drawn[:MOST_ARCS]]
    return Graph(nodes, arcs[::-1], max(len(pairs) - MOST_ARCS, 0))


def _node(entry: Mapping[str, Any], places: Mapping[int, int], titles: Mapping[int, str]) -> Node:
    number = entry["contribution"]
    title = titles.get(number, "")
    label = f"#{number} {title[:LONGEST]}{'…' if len(title) > LONGEST else ''}".strip()
    return Node(number, label, places[number], entry["state"], f"{label}: {entry['state']}")


def _arc(pair: Mapping[str, Any], places: Mapping[int, int], farthest: float) -> Arc:
    """Half an ellipse to the left, wider the further the two are apart, so that no two lie on each other."""
    upper, lower = sorted((places[pair["a"]], places[pair["b"]]))
    high = (lower - upper) / 2
    wide = 10 + high * min(0.8, (REACH - 10) / farthest)
    x = REACH + 10
    path = f"M{x} {upper}A{wide:g} {high:g} 0 0 0 {x} {lower}"
    return Arc(path, pair["meeting"], f"#{pair['a']} and #{pair['b']} {MEETINGS[pair['meeting']]}")
