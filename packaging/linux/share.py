"""Writes what the desktop, the shell and man know of Holdfast: a `share` folder for /usr or a home.

usage: share.py APP_FOLDER FOLDER

It needs what Holdfast itself runs on: the icons are drawn by Qt, the man page and the completions come from
the command line. Nothing is written for /etc/xdg/autostart: whether Holdfast starts with the session is the
choice of each user, and the app writes that entry itself (app/system/autostart.py).
"""

from __future__ import annotations

import gzip
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

from click.shell_completion import get_completion_class

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from app import __version__
from app.cli import holdfast

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

_COPIES = {
    "holdfast.desktop": "applications/holdfast.desktop",
    "mime.xml": "mime/packages/holdfast.xml",
    "service_menu.desktop": "kio/servicemenus/holdfast.desktop",
    "holdfast.nemo_action": "nemo/actions/holdfast.nemo_action",
    "holdfast-symbolic.svg": "icons/hicolor/symbolic/apps/holdfast-symbolic.svg",
    "../../resources/icons/holdfast.svg": "icons/hicolor/scalable/apps/holdfast.svg",
    "copyright": "doc/holdfast/copyright",
}
_COMPLETIONS = {
    "bash": "bash-completion/completions/holdfast",
    "zsh": "zsh/site-functions/_holdfast",
    "fish": "fish/vendor_completions.d/holdfast.fish",
}
_CALLS = {"bash": "_complete $1)", "zsh": "_complete holdfast)", "fish": "(commandline -t) holdfast)"}
_RELEASE = re.compile(r"^## \[([^]]+)](?: - (\d{4}-\d\d-\d\d))?\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_CHANGE = re.compile(r"^- (.*?)(?=^- |^#|^\s*$|\Z)", re.MULTILINE | re.DOTALL)
_LICENCE = re.compile(
    r"\.dist-info/(?:licen[cs]es/.+|[^/]*(?:licen[cs]e|copying|notice)[^/]*)$", re.IGNORECASE
)


def build_date() -> str:
    """The day on everything that is written, see reproducible-builds.org/specs/source-date-epoch."""
    seconds = int(os.environ.get("SOURCE_DATE_EPOCH") or time.time())
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


def fill(app: Path, share: Path) -> None:
    """Write everything.

    Args:
        app: the folder that PyInstaller made, for the licences of what it took from the system.
        share: where to; it is made.

    Raises:
        CalledProcessError: one of the programs beside this one failed; it says itself why.
    """
    for source, target in _COPIES.items():
        _write(share / target, (HERE / source).read_bytes())
    for shell, target in _COMPLETIONS.items():
        _write(share / target, completion(shell).encode())
    page = subprocess.run([sys.executable, HERE / "man.py", build_date()], check=True, stdout=subprocess.PIPE)
    _write(share / "man" / "man1" / "holdfast.1.gz", _packed(page.stdout))
    _write(share / "doc" / "holdfast" / "changelog.gz", _packed((ROOT / "CHANGELOG.md").read_bytes()))
    _write(share / "metainfo" / "holdfast.metainfo.xml", metainfo())
    for name, text in (*licences(), *library_licences(app)):
        _write(share / "doc" / "holdfast" / "licenses" / name, text)
    subprocess.run([sys.executable, HERE / "icons.py", share / "icons" / "hicolor"], check=True)


def completion(shell: str) -> str:
    """What has a shell complete commands and options: click's own script.

    It calls the program without arguments, which would open Holdfast's window: here it calls
    `holdfast --help`, which only completes when click is asked to.

    Raises:
        ValueError: click's script is not as it was when this was written.
    """
    kind = get_completion_class(shell)
    assert kind is not None
    complete = kind(holdfast, {}, "holdfast", "_HOLDFAST_COMPLETE")
    text = complete.source_template % complete.source_vars()
    call = _CALLS[shell]
    if text.count(call) != 1:
        raise ValueError(f"click's script for {shell} does not call the program as “{call}” any more")
    return text.replace(call, f"{call.removesuffix(')')} --help)")


def metainfo() -> bytes:
    """metainfo.xml with the releases of CHANGELOG.md, and a homepage once they are published."""
    ElementTree.register_namespace("xml", "http://www.w3.org/XML/1998/namespace")
    root = ElementTree.parse(HERE / "metainfo.xml").getroot()
    published = ROOT / "resources" / "release.json"
    if published.exists():
        page = json.loads(published.read_text(encoding="utf-8"))["page"]
        ElementTree.SubElement(root, "url", type="homepage").text = page.removesuffix("/releases")
    list_ = ElementTree.SubElement(root, "releases")
    for version, date, changes in releases((ROOT / "CHANGELOG.md").read_text(encoding="utf-8")):
        release = ElementTree.SubElement(list_, "release", version=version, date=date)
        items = ElementTree.SubElement(ElementTree.SubElement(release, "description"), "ul")
        for change in changes:
            ElementTree.SubElement(items, "li").text = change
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def releases(changelog: str) -> Iterator[tuple[str, str, list[str]]]:
    """Version, day and changes of each release in CHANGELOG.md, newest first.

    What is unreleased there belongs to the version that is being built, as of today.
    """
    for version, day, text in _RELEASE.findall(changelog):
        changes = [" ".join(item.replace("`", "").split()) for item in _CHANGE.findall(text)]
        if version != "Unreleased":
            yield version, day, changes
        elif changes and f"## [{__version__}]" not in changelog:
            yield __version__, build_date(), changes


def licences() -> Iterator[tuple[str, bytes]]:
    """The licences of the Python packages that Holdfast runs on: name of the package, text."""
    lock = (ROOT / "packaging" / "runtime.lock").read_text(encoding="utf-8")
    for package in re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE):
        try:
            files = importlib.metadata.files(package) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # of another system
        texts = {Path(file.locate()).read_bytes() for file in files if _LICENCE.search(file.as_posix())}
        if texts:
            yield package, b"\n\n".join(sorted(texts))


def library_licences(app: Path) -> Iterator[tuple[str, bytes]]:
    """The same for the shared libraries that were taken from a Debian: its package, the copyright file."""
    if shutil.which("dpkg-query") is None:
        return
    names = {path.name for path in app.rglob("lib*.so*") if path.is_file()}
    here = [path for path in Path("/usr/lib").glob("*-linux-gnu/lib*.so*") if path.name in names]
    # dpkg may know it by its place before /lib became a link
    places = [str(place) for path in here for place in (path, Path("/lib", path.relative_to("/usr/lib")))]
    command = ["dpkg-query", "--search", *places]
    found = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    for package in sorted(set(re.findall(r"^([^:, ]+)(?::\S+)?: /", found.stdout, re.MULTILINE))):
        text = Path("/usr/share/doc", package, "copyright")
        if text.exists():
            yield package, text.read_bytes()


def _packed(text: bytes) -> bytes:
    return gzip.compress(text, 9, mtime=0)


def _write(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


if __name__ == "__main__":
    fill(Path(sys.argv[1]), Path(sys.argv[2]))
