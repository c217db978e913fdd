"""Turns what people write into HTML that is safe to show: Markdown in, a short list of harmless tags out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import nh3
from markdown import Markdown
from markdown.extensions.fenced_code import FencedBlockPreprocessor
from markdown.inlinepatterns import SimpleTagInlineProcessor
from markdown.treeprocessors import Treeprocessor

from contributions.errors import TooLarge

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MOST = 64 * 1024  # bytes
# Python-Markdown's time grows with the square of these; at the limits the worst known text takes about 1.5 s.
BRACKETS, BRACKETS_A_BLOCK, LINES_A_BLOCK = 4000, 200, 500
TAGS = {
    *("p", "br", "hr", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "li", "pre", "code"),
    *("em", "strong", "s", "a", "table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
SCHEMES = {"http", "https", "mailto"}
KEPT_LINK = re.compile(r"(?:https?://|mailto:|#|/(?![/\\]))[^\s\\]*\Z", re.IGNORECASE)
DEEPEST_HEADING = 6
PAGE_HEADINGS = 2  # a page's own headings are h1 and h2, so that people's begin at h3

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


def _make_reader() -> Markdown:
    """A reader without raw HTML, which is shown as text, and without pictures, which would tell who reads."""
    reader = Markdown(extensions=["fenced_code", "tables", "sane_lists"], output_format="html")
    reader.preprocessors.deregister("html_block")
    for pattern in ("html", "image_link", "image_reference", "short_image_ref"):
        reader.inlinePatterns.deregister(pattern)
    reader.inlinePatterns.register(SimpleTagInlineProcessor(r"()~~(.+?)~~", "s"), "strikethrough", 50)
    reader.treeprocessors.register(_HeadingsBelowThePages(reader), "headings_below_the_pages", 5)
    return reader


def render(text: str, *, most: int = MOST) -> str:
    """Return the HTML of a Markdown text with tables and fenced code; raw HTML in it is shown as text, never obeyed.

    A text that would keep the reader busy for seconds is shown as it was typed. Raises TooLarge above `most` bytes of
    UTF-8.
    """
    if len(text.encode("utf-8", "replace")) > most:
        raise TooLarge(f"The text is longer than {most:,} bytes, the most that the portal takes.", field="text")
    text = reveal(text.replace("\r\n", "\n").replace("\r", "\n"))
    if _is_costly(text):
        return _as_typed(text)
    try:
        return clean(_make_reader().convert(text))  # a reader of its own: they are not made for threads
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
    return value if attribute != "href" or KEPT_LINK.match(value) else None


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
