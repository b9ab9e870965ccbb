"""What the documents point at is there, also across the two languages."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ELSEWHERE = ("http://", "https://")
NOT_OURS = {".venv", "var", "node_modules"}

_CODE = re.compile(r"```.*?```", re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_COMMANDS = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
_TOLD_IN_A_LANGUAGE = re.compile(
    r"""\s+#.*$|(?<=--reason )"[^"]*"|(?<="reason": )"[^"]*"| --lang zh"""
)
_ANCHOR = re.compile(r'<a id="([^"]+)">')


def documents() -> list[Path]:
    """All that are read where they lie; texts below src/ become parts of generated pages."""
    return [
        path
        for path in sorted(ROOT.rglob("*.md"))
        if not (NOT_OURS | {"src"}) & set(path.relative_to(ROOT).parts)
    ]


def anchors_of(text: str) -> set[str]:
    """Those that GitHub gives to headings, and those that the page sets itself."""
    headings = (
        re.sub(r"[^\w\- ]", "", title.lower()) for title in _HEADING.findall(_CODE.sub("", text))
    )
    return {title.replace(" ", "-") for title in headings} | set(_ANCHOR.findall(text))


def dead_links(page: Path) -> Iterator[str]:
    for link in _LINK.findall(_CODE.sub("", page.read_text())):
        if link.startswith(ELSEWHERE):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists():
            yield f"{page.relative_to(ROOT)}: {link}"
        elif anchor and anchor not in anchors_of(target.read_text()):
            yield f"{page.relative_to(ROOT)}: {link}: no such heading"


def test_no_link_of_a_document_is_dead() -> None:
    pages = documents()
    assert len(pages) > 50, "the documents have moved; correct documents()"
    assert [dead for page in pages for dead in dead_links(page)] == []


@pytest.mark.parametrize(
    "chinese", sorted(ROOT.glob("docs/**/*.zh.md")), ids=lambda path: path.name
)
def test_a_page_in_two_languages_links_to_the_other(chinese: Path) -> None:
    english = chinese.with_name(chinese.name.replace(".zh.md", ".md"))
    assert f"]({english.name})" in chinese.read_text()
    assert f"]({chinese.name})" in english.read_text()


def commands_of(guide: Path) -> set[str]:
    """Its lines for a shell, without comments, languages and what a person gives as a reason."""
    lines = "".join(_COMMANDS.findall(guide.read_text())).splitlines()
    return {_TOLD_IN_A_LANGUAGE.sub("", line) for line in lines}


@pytest.mark.parametrize(
    "chinese", sorted(ROOT.glob("docs/guides/**/*.zh.md")), ids=lambda path: path.name
)
def test_a_chinese_guide_has_no_command_that_the_english_has_not(chinese: Path) -> None:
    """tests/e2e types those of the English one, and of the Chinese one what speaks Chinese."""
    assert commands_of(chinese) <= commands_of(chinese.with_name(chinese.name.replace(".zh", "")))
