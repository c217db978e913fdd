"""Turns what people write into HTML that is safe to show: Markdown in, a short list of harmless tags out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

import nh3
from markdown import Markdown
from markdown.extensions.fenced_code import FencedBlockPreprocessor
from markdown.inlinepatterns import InlineProcessor, SimpleTagInlineProcessor
from markdown.treeprocessors import Treeprocessor
from markdown.util import AtomicString

from contributions.errors import TooLarge

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST = 64 * 1024  # bytes
# Python-Markdown's time grows with the square of these; at the limits the worst known text takes about 1.5 s.
BRACKETS, BRACKETS_A_BLOCK, LINES_A_BLOCK = 4000, 200, 500
TAGS = {
    *("p", "br", "hr", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "li", "pre", "code"),
    *("em", "strong", "s", "a", "table", "thead", "tbody", "tr", "th", "td"),
}
HEADINGS = ("h3", "h4", "h5", "h6")
ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}, **{name: {"id"} for name in HEADINGS}}
SCHEMES = {"http", "https", "mailto"}
KEPT_LINK = re.compile(r"(?:https?://|mailto:|#|/(?![/\\]))[^\s\\]*\Z", re.IGNORECASE)
DEEPEST_HEADING = 6
PAGE_HEADINGS = 2  # a page's own headings are h1 and h2, so that people's begin at h3
PLACE = "note-"  # before every id that people's headings have, so that none is one of the page's own
KEPT_PLACE = re.compile(rf"{PLACE}[\w-]{{1,80}}")
LONGEST_PLACE = 60  # characters of a heading in its id
HEADING = re.compile(rf'<h([3-6]) id="({PLACE}[^"]+)">(.*?)</h\1>', re.DOTALL)

# Characters that change how the text around them is read without being seen: directions, joiners, marks of order.
UNSEEN_IN_CODE = re.compile(
    "[\u00ad\u061c\u200b-\u200f\u2028-\u2029\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
# In prose, joiners and single direction marks are part of honest Persian, Hebrew and emoji.
UNSEEN_IN_PROSE = re.compile("[\u200b\u2028-\u2029\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e001f]")
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

FENCED = FencedBlockPreprocessor.FENCED_BLOCK_RE  # the reader's own, so that nothing hides in what only looks fenced
DEEPEST_LINE = re.compile(r"^(?:[ \t]{60}|(?:[ \t]*>){20})", re.MULTILINE)


class _HeadingsBelowThePages(Treeprocessor):
    """People's headings begin below the page's own."""

    def run(self, root: Element) -> None:
        for element in root.iter():
            if re.fullmatch("h[1-6]", str(element.tag)):
                element.tag = f"h{min(int(element.tag[1]) + PAGE_HEADINGS, DEEPEST_HEADING)}"


class _PlacesOfHeadings(Treeprocessor):
    """Each heading gets an id of its own, so that a list of them can lead there."""

    def run(self, root: Element) -> None:
        taken: set[str] = set()
        for element in root.iter():
            if element.tag in HEADINGS:
                words = "-".join(re.findall(r"\w+", "".join(element.itertext()).lower()))[:LONGEST_PLACE]
                name, count = f"{PLACE}{words}", 1
                while name in taken or name == PLACE:
                    count += 1
                    name = f"{PLACE}{words}-{count}"
                taken.add(name)
                element.set("id", name)


class _LinkedWords(InlineProcessor):
    """Words that lead somewhere, wherever they stand outside code and links."""

    ANCESTOR_EXCLUDES = ("a",)

    def __init__(self, links: Mapping[str, str]) -> None:
        words = "|".join(re.escape(word) for word in sorted(links, key=len, reverse=True))
        super().__init__(rf"(?<![\w@/.+-])({words})(?![\w@]|[.+-]+\w)")
        self.links = links

    def handleMatch(self, m: re.Match[str], data: str) -> tuple[Element, int, int]:  # type: ignore[override]  # noqa: N802 - the reader's name
        del data
        link = Element("a", href=self.links[m[1]])
        link.text = AtomicString(m[1])
        return link, m.start(0), m.end(0)


def _make_reader(links: Mapping[str, str], *, places: bool) -> Markdown:
    """A reader without raw HTML, which is shown as text, and without pictures, which would tell who reads."""
    reader = Markdown(extensions=["fenced_code", "tables", "sane_lists"], output_format="html")
    reader.preprocessors.deregister("html_block")
    for pattern in ("html", "image_link", "image_reference", "short_image_ref"):
        reader.inlinePatterns.deregister(pattern)
    reader.inlinePatterns.register(SimpleTagInlineProcessor(r"()~~(.+?)~~", "s"), "strikethrough", 50)
    reader.treeprocessors.register(_HeadingsBelowThePages(reader), "headings_below_the_pages", 5)
    if places:
        reader.treeprocessors.register(_PlacesOfHeadings(reader), "places_of_headings", 4)
    if links:
        reader.inlinePatterns.register(_LinkedWords(links), "linked_words", 105)  # before what makes _words_ slanted
    return reader


def render(text: str, *, most: int = MOST, links: Mapping[str, str] | None = None, places: bool = False) -> str:
    """Return the HTML of a Markdown text with tables and fenced code; raw HTML in it is shown as text, never obeyed.

    `links` are words that lead somewhere, with the paths they lead to; `places` gives headings the ids that `contents`
    lists: for one text on a page. A text that would keep the reader busy for seconds is shown as it was typed. Raises
    TooLarge above `most` bytes of UTF-8.
    """
    if len(text.encode("utf-8", "replace")) > most:
        raise TooLarge(f"The text is longer than {most:,} bytes, the most that the portal takes.", field="text")
    text = reveal(text.replace("\r\n", "\n").replace("\r", "\n"))
    if _is_costly(text):
        return _as_typed(text)
    try:
        return clean(
            _make_reader(links or {}, places=places).convert(text)
        )  # a reader of its own: they are not made for threads
    except RecursionError:
        return _as_typed(text)


def _is_costly(text: str) -> bool:
    """Whether the text has what the reader's time grows with the square of: brackets and lines in a block, depth."""
    outside = FENCED.sub("\n\n", text)
    if outside.count("[") > BRACKETS or DEEPEST_LINE.search(outside):
        return True
    blocks = re.split(r"\n[ \t]*\n", outside)
    return any(block.count("[") > BRACKETS_A_BLOCK or block.count("\n") > LINES_A_BLOCK for block in blocks)


def _as_typed(text: str) -> str:
    return f"<pre>{nh3.clean_text(text)}</pre>"


def clean(html: str) -> str:
    """Return the HTML without anything but the harmless tags, attributes and schemes."""
    return nh3.clean(
        html,
        tags=TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=_keep,
        url_schemes=SCHEMES,
        link_rel="nofollow ugc noopener noreferrer",
    )


def _keep(tag: str, attribute: str, value: str) -> str | None:
    """Keep whole addresses, places on the page and paths of this site; `//elsewhere` only looks like a path."""
    del tag
    kept = {"href": KEPT_LINK.match, "id": KEPT_PLACE.fullmatch}.get(attribute)
    return value if kept is None or kept(value) else None


@dataclass(frozen=True)
class Heading:
    """A heading of a rendered text; `level` is 3 to 6."""

    level: int
    place: str
    text: str


def contents(html: str) -> list[Heading]:
    """The headings of a text that was rendered with places."""
    return [
        Heading(int(level), place, unescape(re.sub("<[^>]*>", "", inner)))
        for level, place, inner in HEADING.findall(html)
    ]


def reveal(text: str) -> str:
    """Return a title, name or sentence with control characters as pictures and unseen ones as ⟨U+202E⟩."""
    return UNSEEN_IN_PROSE.sub(_code_point, CONTROLS.sub(_picture, text))


def reveal_code(text: str) -> str:
    """The same for code, paths and logs, where nothing at all may hide."""
    return UNSEEN_IN_CODE.sub(_code_point, CONTROLS.sub(_picture, text))


def _code_point(found: re.Match[str]) -> str:
    return f"⟨U+{ord(found.group()):04X}⟩"


def _picture(found: re.Match[str]) -> str:
    code = ord(found.group())
    if code < 0x20:  # noqa: PLR2004 - the C0 controls, whose pictures begin at U+2400
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else _code_point(found)  # noqa: PLR2004 - DELETE has a picture of its own
