"""What desktop, man and shells get: each file is checked by the programs that read it, on real dumps."""

from __future__ import annotations

import bz2
import gzip
import importlib.util
import lzma
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import click
import lz4.frame
import pytest
from backports import zstd

from app import __version__
from app.cli import holdfast
from app.postgres.dump_files import DumpForm, identify
from app.postgres.sandbox import SandboxServer
from tests.packaging.linux_app import EPOCH, LINUX, ROOT

if TYPE_CHECKING:
    from tests.conftest import NewDatabase

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="these files are for Linux")

DUMP = "application/x-postgresql-dump"
_ASK_QT = "print(QMimeDatabase().mimeTypeForFile(sys.argv[1]).name())"


def call(*command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program; the test is skipped where there is none."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    environment = os.environ | variables
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def share(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("share")
    app = tmp_path_factory.mktemp("app")
    (app / "libz.so.1").touch()
    command = [sys.executable, str(LINUX / "share.py"), str(app), str(folder)]
    subprocess.run(command, env=os.environ | {"SOURCE_DATE_EPOCH": str(EPOCH)}, check=True, timeout=100)
    return folder


def test_the_desktop_entry_is_valid(share: Path) -> None:
    done = call("desktop-file-validate", share / "applications" / "holdfast.desktop")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_metadata_are_valid_and_name_this_version(share: Path) -> None:
    file = share / "metainfo" / "holdfast.metainfo.xml"
    done = call("appstreamcli", "validate", "--no-net", file)
    assert done.returncode == 0, done.stdout
    releases = [(one.get("version"), one.get("date")) for one in ElementTree.parse(file).iter("release")]
    assert releases[0] == (__version__, "2023-11-14")


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """share.py, which takes changelog and release.json from a folder of the test."""
    spec = importlib.util.spec_from_file_location("share", LINUX / "share.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setattr(sys, "path", [*sys.path])  # it adds the source tree
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(EPOCH))
    return module


UNRELEASED = """\
# Changelog

## [Unreleased]

### Added

- One `thing`,
  over two lines.
- Another.
"""
OLDER = """
## [0.0.2] - 2026-01-02

### Fixed

- A fault.

## [0.0.1] - 2026-01-01

- First.
"""


def test_releases_come_from_the_changelog_and_what_is_unreleased_is_this_version(script: ModuleType) -> None:
    older = [("0.0.2", "2026-01-02", ["A fault."]), ("0.0.1", "2026-01-01", ["First."])]
    now = (__version__, "2023-11-14", ["One thing, over two lines.", "Another."])
    assert list(script.releases(UNRELEASED + OLDER)) == [now, *older]
    assert list(script.releases("## [Unreleased]\n" + OLDER)) == older


def test_a_version_that_is_released_is_not_listed_twice(script: ModuleType) -> None:
    this = f"\n## [{__version__}] - 2026-02-03\n\n- This.\n"
    assert list(script.releases(UNRELEASED + this)) == [(__version__, "2026-02-03", ["This."])]


def test_the_metadata_name_a_homepage_once_there_is_one(script: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "CHANGELOG.md").write_text(OLDER)
    assert b"<url" not in script.metainfo()
    (tmp_path / "resources").mkdir()
    (tmp_path / "resources" / "release.json").write_text('{"page": "https://example.org/holdfast/releases"}')
    file = tmp_path / "alt.holdfast.holdfast.metainfo.xml"
    file.write_bytes(script.metainfo())
    assert ElementTree.parse(file).findtext("url") == "https://example.org/holdfast"
    assert call("appstreamcli", "validate", "--no-net", file).returncode == 0


def test_types_of_entry_metadata_and_mime_package_are_the_same(share: Path) -> None:
    entry = (share / "applications" / "holdfast.desktop").read_text(encoding="utf-8")
    claimed = next(line for line in entry.splitlines() if line.startswith("MimeType=")).removeprefix(
        "MimeType="
    )
    metadata = ElementTree.parse(share / "metainfo" / "holdfast.metainfo.xml")
    package = ElementTree.parse(share / "mime" / "packages" / "holdfast.xml")
    defined = [
        one.get("type")
        for one in package.iter("{http://www.freedesktop.org/standards/shared-mime-info}mime-type")
    ]
    assert claimed.rstrip(";").split(";") == defined == [one.text for one in metadata.iter("mediatype")]


@pytest.fixture
def data_home(share: Path, tmp_path: Path) -> Path:
    """A home's data folder with Holdfast's types and entry; the system's types are those of this machine."""
    data = tmp_path / "data"
    shutil.copytree(share / "mime", data / "mime")
    shutil.copytree(share / "applications", data / "applications")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "holdfast").symlink_to("/bin/true")  # for TryExec
    assert call("update-mime-database", data / "mime").returncode == 0
    assert call("update-desktop-database", data / "applications").returncode == 0
    return data


@pytest.fixture(params=["GLib", "Qt"])
def kind_of(request: pytest.FixtureRequest, data_home: Path) -> Callable[[Path], str]:
    """What a file is to the file managers of GNOME, Xfce and Cinnamon, or to those of KDE and LXQt."""
    glib = ("gio", "info", "--attributes=standard::content-type")
    qt = (sys.executable, "-c", "import sys; from PySide6.QtCore import *; " + _ASK_QT)
    command = glib if request.param == "GLib" else qt

    def ask(path: Path) -> str:
        done = call(*command, path, XDG_DATA_HOME=str(data_home))
        assert done.returncode == 0, done.stderr
        return done.stdout.split()[-1]

    return ask


def test_a_custom_dump_is_known_by_its_first_bytes_or_its_name(
    new_shop: NewDatabase, server17: SandboxServer, tmp_path: Path, kind_of: Callable[[Path], str]
) -> None:
    dump = new_shop(server17).dumped(tmp_path / "shop.dump", "--format=custom")
    assert kind_of(dump) == DUMP
    for name in ("shop.pgdump", "shop.backup", "shop"):
        assert kind_of(dump.rename(tmp_path / name)) == DUMP
        dump = tmp_path / name


def test_a_tar_dump_and_a_directory_dump_are_known(
    new_shop: NewDatabase, server17: SandboxServer, tmp_path: Path, kind_of: Callable[[Path], str]
) -> None:
    shop = new_shop(server17)
    assert kind_of(shop.dumped(tmp_path / "shop.backup", "--format=tar")) == f"{DUMP}-tar"
    toc = shop.dumped(tmp_path / "folder", "--format=directory") / "toc.dat"
    assert kind_of(toc) == DUMP
    assert identify(toc).form is DumpForm.DIRECTORY  # a double click on it opens the whole archive


def test_a_packed_dump_is_known_by_its_name(tmp_path: Path, kind_of: Callable[[Path], str]) -> None:
    packed = {
        "bz2": bz2.compress(b"PGDMP"),
        "gz": gzip.compress(b"PGDMP"),
        "lz4": lz4.frame.compress(b"PGDMP"),
        "xz": lzma.compress(b"PGDMP"),
        "zst": zstd.compress(b"PGDMP"),
    }
    for ending, content in packed.items():
        file = tmp_path / f"shop.dump.{ending}"
        file.write_bytes(content)
        assert kind_of(file) == f"{DUMP}-compressed"


def test_what_is_others_stays_theirs(tmp_path: Path, kind_of: Callable[[Path], str]) -> None:
    others = {
        "shop.sql": (b"SELECT 1;", "application/sql"),
        "shop.sql.gz": (gzip.compress(b"SELECT 1;"), "application/gzip"),
        "shop.tar": (b"toc.dat\0", "application/x-tar"),
        "manifest.json": (b'{"holdfast": 1}', "application/json"),
        "notes.txt": (b"PGDMP is how a dump begins", "text/plain"),
    }
    for name, (content, kind) in others.items():
        (tmp_path / name).write_bytes(content)
        assert kind_of(tmp_path / name) == kind


def test_dumps_open_in_holdfast_and_folders_and_scripts_do_not(data_home: Path, tmp_path: Path) -> None:
    variables = {
        "XDG_DATA_HOME": str(data_home),
        "XDG_DATA_DIRS": str(tmp_path / "nothing"),
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
    }
    assert "holdfast.desktop" in call("gio", "mime", DUMP, **variables).stdout
    for other in ("inode/directory", "application/sql", "application/x-tar", "application/json"):
        assert "holdfast" not in call("gio", "mime", other, **variables).stdout


def test_the_man_page_has_every_command_and_option_and_no_mistake(share: Path) -> None:
    page = share / "man" / "man1" / "holdfast.1.gz"
    strict = call("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page, MANROFFSEQ="")
    assert (strict.returncode, strict.stderr) == (0, "")
    text = call(
        "man", "-E", "UTF-8", "-l", page, MANWIDTH="200", LC_ALL="C.UTF-8", MAN_KEEP_FORMATTING=""
    ).stdout
    for verb in holdfast.list_commands(click.Context(holdfast)):
        assert f"holdfast {verb}" in text
    for words in (
        "--exclude-table",
        "EXIT STATUS",
        "SUPABASE_ACCESS_TOKEN",
        "holdfast reminders set dead-man",
    ):
        assert words in text
    assert "keyring-probe" not in text
    assert "Show this message" not in text
    assert all(len(line) < 200 for line in text.splitlines())


@pytest.mark.parametrize("typed", ["holdfast bac", "holdfast restore --all"])
def test_bash_completes_and_never_opens_the_window(share: Path, tmp_path: Path, typed: str) -> None:
    program = tmp_path / "holdfast"
    program.write_text(f'#!/bin/sh\n[ $# -gt 0 ] || exit 9\nexec "{sys.executable}" -m app "$@"\n')
    program.chmod(0o755)
    script = share / "bash-completion" / "completions" / "holdfast"
    lines = (
        f'source "{script}"',
        f"COMP_WORDS=({typed}); COMP_CWORD={len(typed.split()) - 1}",
        '_holdfast_completion holdfast; printf "%s\\n" "${COMPREPLY[@]}"',
    )
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = call("bash", "-c", "\n".join(lines), PATH=path, PYTHONPATH=str(ROOT))
    expected = {"holdfast bac": "backup", "holdfast restore --all": "--allow-server-access"}
    assert (done.stdout.split(), done.stderr) == ([expected[typed]], "")


def test_no_service_and_no_autostart_entry_is_installed(share: Path) -> None:
    assert not [path for path in share.rglob("*") if "autostart" in path.parts or "systemd" in path.parts]


def test_licences_of_what_is_carried_along_are_there(share: Path) -> None:
    folder = share / "doc" / "holdfast"
    assert b"Permission is hereby granted" in (folder / "licenses" / "keyring").read_bytes()
    if shutil.which("dpkg-query"):
        assert b"zlib" in (folder / "licenses" / "zlib1g").read_bytes()
    stanzas = (folder / "copyright").read_text(encoding="utf-8").split("\n\n")
    named = {
        line.partition(": ")[2]
        for stanza in stanzas[1:]
        for line in stanza.splitlines()
        if line.startswith("License: ")
    }
    with_text = {
        stanza.splitlines()[0].partition(": ")[2] for stanza in stanzas if stanza.startswith("License: ")
    }
    assert named == with_text
