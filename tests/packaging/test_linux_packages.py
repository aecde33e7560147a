"""The .deb and the archive, made from a small app folder; the whole app is tested in tests/package."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from backports import zstd

from app import __version__
from tests.packaging.linux_app import EPOCH, make, make_app

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="packages for Linux"),
    pytest.mark.skipif(
        not all(map(shutil.which, ("dpkg-deb", "objdump"))), reason="needs dpkg-deb and objdump"
    ),
]

APP = ".local/share/holdfast-app"
ARCHIVE = f"holdfast-{__version__}-linux-{os.uname().machine}"

_NOBODY = 65534
_SETPRIV = ("setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups", "--")
_AS_NOBODY = _SETPRIV if os.geteuid() == 0 else ()


@dataclass(frozen=True, slots=True)
class Made:
    """What one run of make.py wrote."""

    app: Path
    output: Path

    @property
    def deb(self) -> Path:
        """The Debian package."""
        (deb,) = self.output.glob("*.deb")
        return deb

    @property
    def archive(self) -> Path:
        """The other one."""
        return self.output / f"{ARCHIVE}.tar.zst"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("made")
    made = Made(make_app(folder / "the app"), folder / "out")
    done = make(made.app, made.output)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()] == [str(made.deb), str(made.archive)]
    return made


def query(*command: str | Path) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.fixture(scope="module")
def unpacked(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("unpacked") / "root"
    query("dpkg-deb", "--raw-extract", made.deb, root)
    return root


def test_the_package_says_what_it_is_and_needs(made: Made) -> None:
    fields = query("dpkg-deb", "--field", made.deb)
    assert f"Package: holdfast\nVersion: {__version__}\n" in fields
    depends = re.search(r"^Depends: (.*)$", fields, re.MULTILINE)
    assert depends is not None
    assert re.search(r"\blibc6 \(>= 2\.\d+\)", depends[1])  # of the ELF file in the app folder
    assert "xkb-data" in depends[1]
    assert "@" not in fields


def test_everything_in_the_package_is_roots_and_readable_and_of_one_time(made: Made) -> None:
    for line in query("dpkg-deb", "--contents", made.deb).splitlines():
        mode, owner, _, day, hour, path = line.split(maxsplit=5)
        assert owner == "root/root", line
        assert (day, hour) == ("2023-11-14", "22:13"), line
        runs = mode[0] == "d" or path.endswith(("/lib/holdfast/holdfast", "/worker"))
        assert mode[1:] == ("rwxrwxrwx" if mode[0] == "l" else "rwxr-xr-x" if runs else "rw-r--r--"), line


def test_the_app_lies_in_usr_lib_and_a_link_calls_it(unpacked: Path) -> None:
    assert (unpacked / "usr/bin/holdfast").readlink() == Path("../lib/holdfast/holdfast")
    assert query(unpacked / "usr/bin/holdfast", "--version").startswith("holdfast, version")
    assert (unpacked / "usr/lib/holdfast/_internal/libworker.so").readlink() == Path("libworker.so.1")
    assert not (unpacked / "etc").exists()


def test_the_packages_checksums_are_those_of_its_files(unpacked: Path) -> None:
    sums = (unpacked / "DEBIAN" / "md5sums").read_text()
    files = [path for path in (unpacked / "usr").rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(sums.splitlines()) == len(files)
    subprocess.run(["md5sum", "--check", "--quiet"], cwd=unpacked, input=sums, text=True, check=True)


def test_removing_the_package_says_what_stays(unpacked: Path) -> None:
    script = unpacked / "DEBIAN" / "postrm"
    assert "~/.config/holdfast" in query("dash", script, "remove")
    assert query("dash", script, "upgrade") == query("dash", script, "purge") == ""


def test_the_same_app_at_the_same_time_gives_the_same_bytes(made: Made, tmp_path: Path) -> None:
    again = Made(tmp_path / "elsewhere", tmp_path / "out")
    shutil.copytree(made.app, again.app, symlinks=True)
    (again.app / "holdfast").chmod(0o775)
    os.utime(again.app / "holdfast", (EPOCH + 99, EPOCH + 99))
    assert make(again.app, again.output).returncode == 0
    assert again.deb.read_bytes() == made.deb.read_bytes()
    assert again.archive.read_bytes() == made.archive.read_bytes()
    assert {path.name for path in again.output.iterdir()} == {again.deb.name, again.archive.name}


def test_who_builds_says_version_and_maintainer(made: Made, tmp_path: Path) -> None:
    done = make(made.app, tmp_path, "--version=1.0rc1", DEBFULLNAME="Jo Doe", DEBEMAIL="jo@example.org")
    assert done.returncode == 0
    (deb,) = tmp_path.glob("*.deb")
    assert deb.name.startswith("holdfast_1.0~rc1_")  # Debian sorts it before 1.0
    assert query("dpkg-deb", "--field", deb, "Maintainer").strip() == "Jo Doe <jo@example.org>"


def test_without_an_app_the_failure_is_a_sentence(tmp_path: Path) -> None:
    done = make(tmp_path, tmp_path / "out")
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr
        == f"make.py: there is no program holdfast in {tmp_path}; “bootstrap.py build” makes it.\n"
    )


def test_a_library_of_no_known_package_is_named(tmp_path: Path) -> None:
    app = make_app(tmp_path / "app")
    worker = app / "_internal" / "worker"
    worker.write_bytes(worker.read_bytes().replace(b"libc.so.6\0", b"libq.so.6\0"))
    done = make(app, tmp_path / "out")
    assert done.returncode == 1
    assert "libq.so.6" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_archive_is_one_folder_of_roots_files(made: Made) -> None:
    with zstd.open(made.archive) as packed, tarfile.open(fileobj=packed, mode="r|") as tar:
        members = list(tar)
    assert {member.name.partition("/")[0] for member in members} == {ARCHIVE}
    assert {(member.uid, member.gid, member.uname, member.mtime) for member in members} == {
        (0, 0, "root", EPOCH)
    }
    assert [member.name for member in members] == sorted(member.name for member in members)


# ---- the archive's installer --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is not root, with a home of their own."""

    home: Path

    def run(self, *command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a program as this person."""
        environment = {"HOME": str(self.home), "PATH": "/usr/bin:/bin"} | variables
        return subprocess.run(
            [*_AS_NOBODY, *command],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd="/",
        )

    def install(self, folder: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the installer of an unpacked archive, by the plainest of shells."""
        return self.run("dash", folder / "install.sh", *options, **variables)

    def files(self) -> set[str]:
        """All files and links of the home."""
        return {
            str(path.relative_to(self.home))
            for path in self.home.rglob("*")
            if not path.is_dir() or path.is_symlink()
        }


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that others may look into, which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="holdfast tests ") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def person(place: Path) -> Person:
    home = place / 'Zoë\'s "home" | & $HOME'  # GLib does not start what has a percent sign in its path
    home.mkdir()
    if os.geteuid() == 0:
        os.chown(home, _NOBODY, _NOBODY)
    return Person(home)


@pytest.fixture
def unpacked_archive(made: Made, place: Path) -> Path:
    return unpack(made.archive, place / "with space")


def unpack(archive: Path, folder: Path) -> Path:
    folder.mkdir()
    with zstd.open(archive) as packed, tarfile.open(fileobj=packed, mode="r|") as tar:
        tar.extractall(folder, filter="tar")
    (top,) = folder.iterdir()
    return top


def test_it_installs_into_the_home(person: Person, unpacked_archive: Path) -> None:
    done = person.install(unpacked_archive)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"version {__version__} is installed" in done.stdout
    assert "PATH" in done.stdout  # .local/bin is not on it
    command = person.home / ".local/bin/holdfast"
    assert person.run(command, "--version").stdout == f"holdfast, version {__version__}\n"
    for file in (
        ".local/share/applications/holdfast.desktop",
        ".local/share/icons/hicolor/48x48/apps/holdfast.png",
        ".local/share/man/man1/holdfast.1.gz",
        ".local/share/mime/packages/holdfast.xml",
        ".local/share/bash-completion/completions/holdfast",
    ):
        assert (person.home / file).is_file()
    assert not [file for file in person.files() if file.endswith((".new", ".old"))]


def test_the_menu_starts_it_in_a_home_of_any_name(
    person: Person, unpacked_archive: Path, place: Path
) -> None:
    person.install(unpacked_archive)
    entry = person.home / ".local/share/applications/holdfast.desktop"
    if shutil.which("desktop-file-validate"):
        assert query("desktop-file-validate", entry) == ""
    if shutil.which("gio") is None:
        pytest.skip("gio is not installed")
    calls = place / "calls"
    calls.touch(0o666)
    calls.chmod(0o666)
    done = person.run("gio", "launch", entry, place / "a dump", HOLDFAST_CALLS=str(calls))
    assert (done.returncode, done.stderr) == (0, "")
    until = time.monotonic() + 10
    while not calls.read_text() and time.monotonic() < until:
        time.sleep(0.01)
    assert calls.read_text() == f"{person.home}/.local/bin/holdfast window {place}/a dump\n"


def test_uninstalling_removes_that_and_nothing_else(person: Person, unpacked_archive: Path) -> None:
    kept = {
        ".config/holdfast/settings.json",
        ".local/share/holdfast/catalog",
        ".local/share/applications/other.desktop",
    }
    for name in kept:
        person.run("mkdir", "-p", (person.home / name).parent)
        person.run("touch", person.home / name)
    person.install(unpacked_archive)
    done = person.install(person.home / APP, "--uninstall")
    assert (done.returncode, done.stderr) == (0, "")
    assert "holdfast reset --settings" in done.stdout
    assert f"{person.home}/.config/holdfast" in done.stdout
    caches = {".local/share/applications/mimeinfo.cache"}
    left = {file for file in person.files() - caches if not file.startswith(".local/share/mime/")}
    assert left == kept
    assert not list((person.home / ".local/share").rglob("*postgresql*"))


@pytest.mark.parametrize("whose", ["ours", "another's"])
def test_uninstalling_ends_what_would_start_it(person: Person, unpacked_archive: Path, whose: str) -> None:
    person.install(unpacked_archive)
    program = f"{person.home}/{APP}/holdfast" if whose == "ours" else "/usr/lib/holdfast/holdfast"
    autostart = person.home / ".config/autostart/holdfast.desktop"
    service = person.home / ".config/systemd/user/holdfast-due.service"
    calls = person.home / "calls"
    for file in (autostart, service):
        person.run("mkdir", "-p", file.parent)
        file.write_text(f"TryExec={program}\n")
    done = person.install(unpacked_archive, "--uninstall", HOLDFAST_CALLS=str(calls))
    assert (done.returncode, done.stderr) == (0, "")
    assert autostart.exists() is (whose != "ours")
    assert calls.exists() is (whose == "ours")
    assert whose != "ours" or calls.read_text() == f"{program} schedules uninstall\n"


def test_a_newer_archive_replaces_an_older_installation(person: Person, made: Made, place: Path) -> None:
    assert make(make_app(place / "app", "0.0.9"), place / "out", "--version=0.0.9").returncode == 0
    (old,) = (place / "out").glob("*.tar.zst")
    older = unpack(old, place / "older")
    (older / "share" / "man" / "man1" / "gone.1").write_text("of the old version alone")
    assert person.install(older).returncode == 0
    assert f"{APP}/_internal/version-0.0.9" in person.files()
    assert person.install(unpack(made.archive, place / "newer")).returncode == 0
    files = person.files()
    assert f"{APP}/_internal/version-0.1.0" in files
    assert f"{APP}/_internal/version-0.0.9" not in files
    assert ".local/share/man/man1/gone.1" not in files


def test_an_app_that_does_not_start_here_leaves_the_old_one(
    person: Person, made: Made, unpacked_archive: Path, place: Path
) -> None:
    person.install(unpacked_archive)
    before = person.files()
    broken = unpack(made.archive, place / "broken")
    (broken / "app" / "holdfast").write_text("#!/bin/sh\necho 'GLIBC_2.99 not found' >&2\nexit 1\n")
    done = person.install(broken)
    assert done.returncode == 1
    assert "GLIBC_2.99" in done.stderr
    assert "does not start on this system" in done.stderr
    assert person.files() == before
    assert person.run(person.home / ".local/bin/holdfast", "--version").returncode == 0


def test_a_running_app_is_not_replaced_or_removed(person: Person, unpacked_archive: Path) -> None:
    person.install(unpacked_archive)
    worker = person.home / APP / "_internal" / "worker"
    with subprocess.Popen([*_AS_NOBODY, worker, "60"], stdin=subprocess.DEVNULL) as running:
        try:
            for options in ((), ("--uninstall",)):
                done = person.install(unpacked_archive, *options)
                assert done.returncode == 1
                assert f"Holdfast runs (process {running.pid})" in done.stderr
        finally:
            running.kill()
    assert person.install(unpacked_archive, "--uninstall").returncode == 0


def test_a_command_of_the_same_name_is_not_replaced(person: Person, unpacked_archive: Path) -> None:
    person.run("mkdir", "-p", person.home / ".local/bin")
    person.run("cp", "/bin/true", person.home / ".local/bin/holdfast")
    done = person.install(unpacked_archive)
    assert done.returncode == 1
    assert "remove it first" in done.stderr
    assert person.files() == {".local/bin/holdfast"}


def test_a_link_of_the_same_name_that_leads_nowhere_now_is_not_replaced(
    person: Person, unpacked_archive: Path
) -> None:
    person.run("mkdir", "-p", person.home / ".local/bin")
    person.run("ln", "-s", "/not mounted/holdfast", person.home / ".local/bin/holdfast")
    assert "remove it first" in person.install(unpacked_archive).stderr
    assert (person.home / ".local/bin/holdfast").readlink() == Path("/not mounted/holdfast")


@pytest.mark.parametrize("folder", [".local/bin", ".local/share/applications"])
def test_where_it_cannot_write_everything_it_writes_and_removes_nothing(
    person: Person, unpacked_archive: Path, folder: str
) -> None:
    person.run("mkdir", "-p", person.home / folder)
    person.run("chmod", "a-w", person.home / folder)
    done = person.install(unpacked_archive)
    assert done.returncode != 0
    assert folder in done.stderr
    assert person.files() == set()
    person.run("chmod", "u+w", person.home / folder)
    assert person.install(unpacked_archive).returncode == 0
    before = person.files()
    person.run("chmod", "a-w", person.home / folder)
    for options in ((), ("--uninstall",)):
        assert person.install(unpacked_archive, *options).returncode != 0
        assert person.files() == before


def test_one_that_is_ended_between_two_steps_leaves_the_old_one(
    person: Person, unpacked_archive: Path, place: Path
) -> None:
    person.install(unpacked_archive)
    before = person.files()
    ends = place / "bin" / "mv"
    ends.parent.mkdir()
    ends.write_text('#!/bin/sh\n/bin/mv "$@"\ncase $* in *.old) kill -TERM $PPID ;; esac\n')
    ends.chmod(0o755)
    done = person.install(unpacked_archive, PATH=f"{ends.parent}:/usr/bin:/bin")
    assert done.returncode == 1
    assert person.files() == before
    assert person.run(person.home / ".local/bin/holdfast", "--version").returncode == 0


def test_an_xdg_data_home_is_heeded(person: Person, unpacked_archive: Path) -> None:
    data = person.home / "data"
    assert person.install(unpacked_archive, XDG_DATA_HOME=str(data)).returncode == 0
    assert (data / "holdfast-app" / "holdfast").is_file()
    assert (person.home / ".local/bin/holdfast").readlink() == data / "holdfast-app" / "holdfast"
    assert person.install(unpacked_archive, "--uninstall", XDG_DATA_HOME=str(data)).returncode == 0
    assert not (data / "holdfast-app").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can try")
def test_root_is_asked_to_say_that_it_is_for_all(unpacked_archive: Path) -> None:
    done = subprocess.run(
        ["dash", unpacked_archive / "install.sh"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "--system" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can install for all")
def test_root_installs_for_all_users(unpacked_archive: Path) -> None:
    steps = """
    mount -t tmpfs none /usr/local
    dash "$1" --system
    /usr/local/bin/holdfast --version
    dash /usr/local/lib/holdfast/install.sh --system --uninstall
    find /usr/local -name '*holdfast*' >&2
    """
    installer = str(unpacked_archive / "install.sh")
    command = ["unshare", "--mount", "sh", "-ec", steps, "sh", installer]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if "mount" in done.stderr:
        pytest.skip(f"nothing can be mounted here: {done.stderr}")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"\nholdfast, version {__version__}\n" in done.stdout
    assert "of each user" in done.stdout


def test_a_wrong_option_changes_nothing(person: Person, unpacked_archive: Path) -> None:
    done = person.install(unpacked_archive, "--remove")
    assert done.returncode == 1
    assert "--help" in done.stderr
    assert person.files() == set()
    assert "--uninstall" in person.install(unpacked_archive, "--help").stdout
