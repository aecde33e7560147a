"""A Debian of this machine's release with nothing but its essential packages, for a package to be put in."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.system.process import Child, Finished, run
from tests.ui.desktop import program

USER = "tester"
_UID = 1000
_MINUTES = 60.0
_ENTER = """
root=$1 who=$2
shift 2
/usr/bin/mount --bind /dev "$root/dev"
/usr/bin/mount -t proc proc "$root/proc"
/usr/bin/mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
exec /usr/sbin/chroot --userspec="$who:$who" --groups= "$root" "$@"
"""


@dataclass(frozen=True, slots=True)
class BareSystem:
    """The root folder of the system; what runs in it sees this machine's network, and so its screens."""

    root: Path

    @property
    def home(self) -> Path:
        """Of its one user, as seen from outside."""
        return self.root / "home" / USER

    def command(self, *argv: str, user: str = USER) -> list[str]:
        """What runs a program in there, with mounts that end with it."""
        return ["/usr/bin/unshare", "--mount", "/bin/sh", "-ec", _ENTER, "sh", str(self.root), user, *argv]

    def environment(self, **more: str) -> dict[str, str]:
        """Of a user who has just logged in."""
        home = f"/home/{USER}"
        return {
            "HOME": home,
            "USER": USER,
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "XDG_RUNTIME_DIR": f"/run/user/{_UID}",
        } | more

    def run(self, *argv: str, seconds: float = _MINUTES, **more: str) -> Finished:
        """Run a program there as the user."""
        return run(self.command(*argv), env=self.environment(**more), timeout=seconds)

    def administer(self, *argv: str) -> str:
        """Run a program there as root, and give what it wrote; anything but success ends the test."""
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        environment = {"PATH": path, "DEBIAN_FRONTEND": "noninteractive", "LANG": "C.UTF-8"}
        done = run(self.command(*argv, user="root"), env=environment, timeout=600)
        assert done.status == 0, done.output + done.errors
        return done.output


def make_bare_system(root: Path) -> BareSystem:
    """Fill an empty folder with a system, from where this one gets its packages."""
    release = platform.freedesktop_os_release()["VERSION_CODENAME"]
    sources = _lines("apt-get", "indextargets", "--format", "$(SITE) $(CODENAME)", "Created-By: Packages")
    site = next(line.split()[0] for line in sources if line.split()[1] == release)
    arguments = ("--variant=minbase", "--include=ca-certificates", release, str(root), site)
    _lines("debootstrap", *arguments)
    root.chmod(0o755)
    system = BareSystem(root)
    _copy_sources(root)
    system.administer("useradd", "--create-home", "--uid", str(_UID), USER)
    runtime = root / "run" / "user" / str(_UID)
    runtime.mkdir(parents=True, mode=0o700)
    os.chown(runtime, _UID, _UID)
    system.administer("apt-get", "update", "-qq")
    return system


def start_as_user(argv: Sequence[str], environment: dict[str, str]) -> Child:
    """Start a program of this machine with the number of the bare system's user."""
    given = ["/usr/bin/setpriv", f"--reuid={_UID}", f"--regid={_UID}", "--clear-groups", *argv]
    return Child(given, env=environment, stdout=Child.PIPE)


def _copy_sources(root: Path) -> None:
    """What this machine trusts and asks for packages."""
    for folder in ("apt/sources.list.d", "apt/apt.conf.d", "apt/trusted.gpg.d"):
        for file in (Path("/etc") / folder).glob("*"):
            target = root / "etc" / folder / file.name
            if file.is_file() and not target.exists():
                target.write_bytes(file.read_bytes())


def _lines(name: str, *arguments: str) -> list[str]:
    done = run([program(name), *arguments], env=os.environ, timeout=600)
    assert done.status == 0, done.output[-2000:] + done.errors
    return done.output.splitlines()
