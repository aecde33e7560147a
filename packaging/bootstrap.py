#!/usr/bin/env python3
"""Makes a fresh clone run: virtual environment, pinned packages, system packages, then one verb.

usage: python3 packaging/bootstrap.py VERB [ARGUMENT...]

  demo          back up, prove and restore the sample database; arguments go to "holdfast demo"
  run           start Holdfast; arguments go to "holdfast"
  test          lint, then all tests but the slow ones
                --slow runs the slow ones alone; other arguments go to pytest, without lint
  lint          ruff, mypy and import-linter
  bench         measure speed against pg_dump; arguments go to tests/benchmarks/bench.py
  build         make the app that people install, for this system, in build/; arguments go to PyInstaller
  test-package  install what "build" made into a bare system and use it there; needs root; arguments go to
                pytest
  translate     bring resources/translations/*.ts up to the texts of the window; people fill them in
  lock          write the lock files anew from pyproject.toml; needs uv; arguments go to it (--upgrade)

It needs Python 3.11 or newer and nothing else. What is already there is left alone, so that a second
run starts at once. Its own words go to standard error; the exit status is the verb's.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - the system's Python may be older
    sys.exit("Holdfast needs Python 3.11 or newer; run this again with one, for example python3.12.")

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PROGRAMS = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = PROGRAMS / ("python.exe" if os.name == "nt" else "python")
LOCKS = ROOT / "packaging"
TRANSLATIONS = ROOT / "resources" / "translations"
LANGUAGES = ("en", "de", "es")

# Files that keep Debian from creating and starting a PostgreSQL cluster that nobody asked for.
APT_GUARDS = {
    Path("/etc/postgresql-common/createcluster.d/holdfast.conf"): "create_main_cluster = false\n",
    Path("/usr/sbin/policy-rc.d"): "#!/bin/sh\nexit 101\n",
}


class Problem(Exception):  # noqa: N818 - as plain a word as its text
    """Something that the person at the terminal can put right; its text says how."""


@dataclass(frozen=True)
class Need:
    """A part of the operating system that Python packages do not bring.

    Attributes:
        what: its name for people.
        package: Debian's package.
        verbs: who needs it.
        is_present: looks for the thing itself, so that it works on every Linux.
        without: what is lost without it; None if the verb cannot do without.
    """

    what: str
    package: str
    verbs: tuple[str, ...]
    is_present: Callable[[], bool]
    without: str | None = None


def has_program(path: str, minimum: tuple[int, int]) -> bool:
    """True if this program exists and calls itself at least this PostgreSQL version."""
    if not Path(path).is_file():
        return False
    answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=False)
    version = re.search(r"(\d+)\.(\d+)", answer.stdout)
    return version is not None and (int(version[1]), int(version[2])) >= minimum


def has_library(name: str) -> bool:
    """True if the loader finds this shared library."""
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def on_path(name: str) -> bool:
    """True if there is a program of this name."""
    return shutil.which(name) is not None


def libraries(packages: dict[str, str], verbs: tuple[str, ...], without: str | None = None) -> list[Need]:
    """Needs of shared libraries, each with Debian's package."""
    return [
        Need(name.partition(".so")[0], package, verbs, partial(has_library, name), without)
        for name, package in packages.items()
    ]


HOLDFAST = ("demo", "run", "test", "bench", "build", "test-package")
DEV_VERBS = ("test", "lint", "bench", "test-package")
SKIPPED = "the tests against it are skipped"

# What Qt wants of the system, and the desktop on which the window is tested. Qt blames libxcb-cursor
# whichever of the X11 libraries is missing.
QT = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libglib-2.0.so.0": "libglib2.0-0",
}
QT_ON_X11 = {
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
QT_ON_WAYLAND = {
    "libwayland-cursor.so.0": "libwayland-cursor0",
    "libwayland-egl.so.1": "libwayland-egl1",
}
DESKTOP = {
    "Xvfb": "xvfb",
    "xdotool": "xdotool",
    "openbox": "openbox",
    "trayer": "trayer",
    "dunst": "dunst",
    "dbus-daemon": "dbus",
    "gnome-keyring-daemon": "gnome-keyring",
    "desktop-file-validate": "desktop-file-utils",
}
# What stands around the bare system into which the package is installed.
BARE = {
    "debootstrap": "debootstrap",
    "Xvfb": "xvfb",
    "openbox": "openbox",
    "xdotool": "xdotool",
    "dbus-daemon": "dbus",
    "gnome-keyring-daemon": "gnome-keyring",
}
NO_WINDOW = "the window does not open"
NO_DESKTOP = "the tests on a real desktop are skipped"
NEEDS = (
    Need(
        "Python's ensurepip",
        f"python{sys.version_info.major}.{sys.version_info.minor}-venv",
        (*HOLDFAST, "lint"),
        lambda: (VENV / ".stamp-venv").exists() or importlib.util.find_spec("ensurepip") is not None,
    ),
    Need(
        "the time zone database",
        "tzdata",
        HOLDFAST,
        lambda: Path("/usr/share/zoneinfo/Europe/Berlin").exists(),
    ),
    Need(
        "setpriv",
        "util-linux",
        HOLDFAST,
        lambda: on_path("setpriv"),
        "if Holdfast is killed, its children may run on",
    ),
    Need(
        "Debian's PostgreSQL 15.20 server",
        "postgresql-15",
        ("test",),
        lambda: has_program("/usr/lib/postgresql/15/bin/postgres", (15, 20)),
        SKIPPED,
    ),
    Need(
        "Debian's PostgreSQL 15.20 client",
        "postgresql-client-15",
        ("test",),
        lambda: has_program("/usr/lib/postgresql/15/bin/pg_dump", (15, 20)),
        SKIPPED,
    ),
    Need("objdump", "binutils", ("build",), lambda: on_path("objdump")),
    Need("dpkg-deb", "dpkg", ("build",), lambda: on_path("dpkg-deb")),
    *(Need(name, package, ("test-package",), partial(on_path, name)) for name, package in BARE.items()),
    *libraries(QT, ("build", "test", "test-package")),
    *libraries(QT, ("run",), NO_WINDOW),
    *libraries(QT_ON_X11, ("run",), NO_WINDOW),
    *libraries(QT_ON_X11, ("test",), NO_DESKTOP),
    *(libraries(QT_ON_WAYLAND, ("run",), NO_WINDOW) if os.environ.get("WAYLAND_DISPLAY") else ()),
    *(
        Need(name, package, ("test",), partial(on_path, name), NO_DESKTOP)
        for name, package in DESKTOP.items()
    ),
)


def say(text: str) -> None:
    """One line for the person at the terminal."""
    print(f"bootstrap: {text}", file=sys.stderr, flush=True)


def run(command: Sequence[str | Path], failure: str) -> None:
    """Run a step of the set-up, without input; what it says is shown only when it fails.

    Raises:
        Problem: with this text, when it cannot start or fails.
    """
    try:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise Problem(f"{command[0]} does not start: {error.strerror}. {failure}") from error
    if done.returncode:
        print(done.stdout.rstrip(), file=sys.stderr)
        raise Problem(failure)


# ---- system packages -------------------------------------------------------------------------------


def install_system_packages(verb: str, *, required: bool) -> None:
    """Install what is missing with apt when root; otherwise say which command does.

    Raises:
        Problem: the verb cannot do without it.
    """
    if sys.platform != "linux":
        return
    missing = [
        need
        for need in NEEDS
        if verb in need.verbs and (need.without is None) == required and not need.is_present()
    ]
    if not missing:
        return
    packages = [need.package for need in missing]
    names = ", ".join(need.what for need in missing)
    remedy = how_to_install(packages)
    if os.geteuid() == 0 and shutil.which("apt-get"):
        tried = VENV / ".tried-packages"
        if required:
            apt_install(packages)
        elif read(tried) != " ".join(packages):
            try:
                apt_install(packages)
            except Problem as problem:
                say(f"warning: {problem}")
            tried.write_text(" ".join(packages), encoding="utf-8")
        missing = [need for need in missing if not need.is_present()]
    if missing and required:
        raise Problem(f"{verb} cannot do without {names}. {remedy}")
    for loss in dict.fromkeys(need.without for need in missing):
        absent = [need for need in missing if need.without == loss]
        say(f"warning: without {', '.join(need.what for need in absent)} {loss}. {remedy}")


def how_to_install(packages: Sequence[str]) -> str:
    """The sentence with the one command to run."""
    if shutil.which("apt-get"):
        return f"Run: {'' if os.geteuid() == 0 else 'sudo '}{shlex.join(apt_command(packages))}"
    return f"Install what Debian calls {', '.join(packages)} with this system's package manager."


def apt_command(packages: Sequence[str]) -> list[str]:
    """The command that installs these packages or brings them to the distribution's newest version."""
    return ["apt-get", "install", "-y", "--no-install-recommends", *packages]


def apt_install(packages: Sequence[str]) -> None:
    """Install Debian packages; no service is started by it.

    Raises:
        Problem: apt failed.
    """
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    options = ["-qq", "-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Use-Pty=0"]
    say(f"installing {', '.join(packages)} with apt")
    with apt_guards():
        run(["apt-get", "update", *options], "apt-get update failed; look at the network and apt's sources.")
        run(
            [*apt_command(packages), *options],
            f"apt-get could not install {', '.join(packages)}; look at the network and at apt's sources.",
        )


@contextmanager
def apt_guards() -> Iterator[None]:
    """Hold APT_GUARDS in place where nobody else has put such files, and take them away again."""
    placed = []
    try:
        for path, text in APT_GUARDS.items():
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                placed.append(path)
                path.write_text(text, encoding="utf-8")
                path.chmod(0o755)
        yield
    finally:
        for path in placed:
            path.unlink(missing_ok=True)


# ---- virtual environment ---------------------------------------------------------------------------


def read(path: Path) -> str:
    """The text of a file; of one that is not there, nothing."""
    return path.read_text(encoding="utf-8") if path.exists() else ""


def make_environment(*, dev: bool, package: bool = False) -> None:
    """Bring `.venv` to what the lock files say; each step that is done leaves a stamp.

    Raises:
        Problem: a step failed.
    """
    interpreter = f"{sys.version}\n{ROOT}\n"
    if not PYTHON.exists():
        (VENV / ".stamp-venv").unlink(missing_ok=True)
    once("venv", interpreter, create_venv)
    once("runtime", digest(LOCKS / "runtime.lock", ROOT / "pyproject.toml"), install_runtime)
    if dev:
        once("dev", digest(LOCKS / "dev.lock"), lambda: install_packages("dev.lock"))
    if package:
        once("package", digest(LOCKS / "package.lock"), lambda: install_packages("package.lock"))
    once("translations", digest(*TRANSLATIONS.glob("*.ts")), compile_translations)


def once(step: str, state: str, action: Callable[[], None]) -> None:
    """Do this unless it was done to its end in the same state before."""
    stamp = VENV / f".stamp-{step}"
    if read(stamp) == state:
        return
    stamp.unlink(missing_ok=True)
    action()
    stamp.write_text(state, encoding="utf-8")


def digest(*files: Path) -> str:
    """SHA-256 over the contents of these files."""
    total = hashlib.sha256()
    for file in files:
        total.update(file.read_bytes())
    return total.hexdigest()


def create_venv() -> None:
    """An empty virtual environment, also when this runs inside of another one."""
    say(f"making {VENV} with Python {sys.version.split()[0]}")
    python = getattr(sys, "_base_executable", sys.executable)
    run([python, "-m", "venv", "--clear", VENV], f"{VENV} could not be made. Remove it and run this again.")


def install_runtime() -> None:
    """What Holdfast needs to run, and the command `holdfast`, which runs the source tree itself."""
    install_packages("runtime.lock")
    run(
        [*pip_install(), "--no-build-isolation", "--editable", "."],
        "The command holdfast could not be installed; look at pyproject.toml.",
    )


def install_packages(lock: str) -> None:
    """Install a lock file; pip's own configuration says from where."""
    say(f"installing the packages of packaging/{lock}")
    run(
        [*pip_install(), "--require-hashes", "--only-binary=:all:", "--requirement", LOCKS / lock],
        f"pip could not install packaging/{lock}; its reason stands above. "
        "Look at the network and at pip's configuration, then run this again.",
    )


def compile_translations() -> None:
    """What the window reads of its texts in other languages, beside the texts themselves."""
    for source in sorted(TRANSLATIONS.glob("*.ts")):
        lrelease: list[str | Path] = [PROGRAMS / "pyside6-lrelease", "-silent", source]
        run(
            [*lrelease, "-qm", source.with_suffix(".qm")],
            f"{source.name} could not be compiled; its reason stands above.",
        )


def pip_install() -> list[str | Path]:
    """The start of each pip command: errors only, no questions, nothing beyond what is named."""
    return [PYTHON, "-m", "pip", "install", "-qq", "--no-input", "--disable-pip-version-check", "--no-deps"]


# ---- verbs -----------------------------------------------------------------------------------------


def hand_over(command: Sequence[str | Path], folder: Path | None = None) -> int:
    """Run the verb's program in this folder (here, if none) and give its exit status.

    Ctrl-C reaches the program by itself, which then decides what to do; this one waits for it.
    """
    signal.signal(signal.SIGINT, lambda *_: None)
    try:
        child = subprocess.Popen([str(part) for part in command], cwd=folder)
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        status = child.wait()
    except OSError as error:
        raise Problem(
            f"{command[0]} does not start: {error.strerror}. Remove .venv, run this again."
        ) from error
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    return 128 - status if status < 0 else status


def run_holdfast(arguments: Sequence[str]) -> int:
    """Holdfast itself, in the caller's folder; -P keeps a folder named app there out of the way."""
    return hand_over([PYTHON, "-P", "-m", "app", *arguments])


def demo(arguments: Sequence[str]) -> int:
    """The whole job on the sample database."""
    return run_holdfast(["demo", *arguments])


def lint(_arguments: Sequence[str] = ()) -> int:
    """All checks that need no run; the first status that is not 0."""
    checks = (
        ("ruff", "check", "--quiet"),
        ("ruff", "format", "--check", "--quiet"),
        ("mypy", "--no-error-summary"),
        ("lint-imports", "--no-logo"),
    )
    statuses = []
    for program, *options in checks:
        say(f"lint: {program} {options[0] if program == 'ruff' else ''}".rstrip())
        statuses.append(hand_over([PROGRAMS / program, *options], ROOT))
    return next(filter(None, statuses), 0)


def test(arguments: Sequence[str]) -> int:
    """Lint, and the tests on both cores; lint is left out when arguments ask for something special."""
    lint_status = 0 if arguments else lint()
    chosen = "slow" if "--slow" in arguments else "not slow and not package"
    options = [argument for argument in arguments if argument != "--slow"]
    status = hand_over([PYTHON, "-m", "pytest", "-n", "2", "-m", chosen, *options], ROOT)
    return status or lint_status


def bench(arguments: Sequence[str]) -> int:
    """The measurements."""
    return hand_over([PYTHON, ROOT / "tests" / "benchmarks" / "bench.py", *arguments], ROOT)


def build(arguments: Sequence[str]) -> int:
    """The app that people install."""
    return hand_over([PYTHON, LOCKS / "build.py", *arguments], ROOT)


def test_package(arguments: Sequence[str]) -> int:
    """The tests of what `build` made."""
    return hand_over([PYTHON, "-m", "pytest", "-m", "package", *arguments], ROOT)


def translate(_arguments: Sequence[str]) -> int:
    """Collect the texts of the window; English has a file for its plurals alone."""
    sources = sorted((ROOT / "app" / "ui").rglob("*.py"))
    command: list[str | Path] = [
        PROGRAMS / "pyside6-lupdate",
        "-silent",
        "-no-obsolete",
        "-locations",
        "none",
    ]
    statuses = []
    for language in LANGUAGES:
        plurals = ["-pluralonly"] if language == "en" else []
        target = TRANSLATIONS / f"holdfast_{language}.ts"
        languages = ["-source-language", "en", "-target-language", language]
        statuses.append(hand_over([*command, *plurals, *languages, *sources, "-ts", target], ROOT))
    return next(filter(None, statuses), 0)


def lock(arguments: Sequence[str]) -> int:
    """Write the lock files: for all systems and Pythons, with hashes, without the name of an index."""
    uv = shutil.which("uv")
    if uv is None:
        raise Problem("uv writes the lock files and is not on the PATH. Install it with: pip install uv")
    options = ["--universal", "--python-version=3.11", "--generate-hashes", "--no-header", "--no-annotate"]
    runtime = LOCKS / "runtime.lock"
    compile_lock = [uv, "pip", "compile", "--quiet", *options, *arguments]
    status = hand_over([*compile_lock, "pyproject.toml", "--group", "build", "-o", runtime], ROOT)
    for group in ("dev", "package"):
        target = LOCKS / f"{group}.lock"
        status = status or hand_over(
            [*compile_lock, "--group", group, "--constraint", runtime, "-o", target], ROOT
        )
    return status


VERBS: dict[str, Callable[[Sequence[str]], int]] = {
    "demo": demo,
    "run": run_holdfast,
    "test": test,
    "lint": lint,
    "bench": bench,
    "build": build,
    "test-package": test_package,
    "translate": translate,
    "lock": lock,
}


def main(arguments: Sequence[str]) -> int:
    """Make what the verb needs, and run it."""
    if arguments and arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 0
    if not arguments or arguments[0] not in VERBS:
        named = f"there is no verb “{arguments[0]}”" if arguments else "say what to do"
        say(f"{named}; the verbs are {', '.join(VERBS)} (--help explains them).")
        return 2
    verb, *rest = arguments
    try:
        if verb != "lock":
            install_system_packages(verb, required=True)
            make_environment(dev=verb in DEV_VERBS, package=verb == "build")
            install_system_packages(verb, required=False)
        return VERBS[verb](rest)
    except Problem as problem:
        say(str(problem))
    except OSError as error:
        say(f"{error.filename}: {error.strerror}. Put this right (owner, space), then run it again.")
    except KeyboardInterrupt:
        say("stopped.")
        return 130
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
