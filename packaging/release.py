"""Answers what the release workflow asks: is this tag this version, what is new in it, where is it published.

usage: release.py check TAG            end with 1 unless TAG is this version's and CHANGELOG.md tells of it
       release.py notes                write what CHANGELOG.md says of this version
       release.py page OWNER/NAME      write resources/release.json: where this repository publishes Holdfast

It needs Python 3.11 or newer and nothing else.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def version(root: Path = ROOT) -> str:
    """The version that the sources give themselves."""
    found = re.search(r'^__version__ = "([^"]+)"$', (root / "app" / "__init__.py").read_text(), re.MULTILINE)
    if found is None:
        sys.exit("app/__init__.py names no version.")
    return found[1]


def notes(number: str, changelog: str) -> str:
    """What a changelog says of a version, without its heading; empty when it says nothing."""
    heading = re.compile(rf"^## \[{re.escape(number)}\].*\n((?:(?!## |\[[^]]+\]: ).*\n?)*)", re.MULTILINE)
    found = heading.search(changelog)
    return found[1].strip() if found else ""


def page(repository: str) -> dict[str, str]:
    """Where a repository of GitHub publishes: the page for people, the feed for the daily look."""
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        sys.exit(f"{repository} is no repository: say OWNER/NAME.")
    return {
        "page": f"https://github.com/{repository}/releases",
        "feed": f"https://api.github.com/repos/{repository}/releases/latest",
    }


def check(tag: str, number: str, changelog: str) -> None:
    """End with a sentence unless this tag may be released."""
    if tag != f"v{number}":
        sys.exit(f"The tag {tag} is not that of version {number} in app/__init__.py: v{number} would be.")
    if not notes(number, changelog):
        sys.exit(f"CHANGELOG.md says nothing under a heading “## [{number}]”.")


def main(arguments: list[str]) -> None:
    """One of the three."""
    number = version()
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    match arguments:
        case ["check", tag]:
            check(tag, number, changelog)
        case ["notes"]:
            sys.stdout.write(notes(number, changelog) + "\n")
        case ["page", repository]:
            text = json.dumps(page(repository), indent=2) + "\n"
            (ROOT / "resources" / "release.json").write_text(text, encoding="utf-8")
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
