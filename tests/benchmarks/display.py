"""A screen in memory with a window manager, on which the windows of the benchmarks open and are watched."""

from __future__ import annotations

import mmap
import os
import shutil
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.system.process import Child

PROGRAMS = ("Xvfb", "openbox")
"""What a screen needs, by the names of Debian's packages: xvfb, openbox."""

_WIDTH, _HEIGHT = 1280, 860
_PAINTED_FROM = 16
_UNDECORATED = """<openbox_config xmlns="http://openbox.org/3.4/rc">
<applications><application class="*"><decor>no</decor></application></applications>
</openbox_config>
"""


@dataclass(frozen=True, slots=True)
class Display:
    """A running screen.

    Attributes:
        environment: for programs that are to open their windows there.
        framebuffer: the file that holds its pixels as they are at any moment.
    """

    environment: dict[str, str]
    framebuffer: Path

    def first_paint(self, child: Child, begun: float, limit: float = 30.0) -> float:
        """Seconds from `begun` until a program's window shows something; an exit or the limit ends the wait.

        The screen's memory is read from outside, without asking the program or the X server for anything,
        every 4 ms. The screen is black before, and windows have no frames, so that each pixel of another
        colour is the program's own. A window that is mapped and not yet painted shows one colour, or two;
        16 colours are text or pictures.
        """
        with self._pixels() as pixels:
            while time.monotonic() - begun < limit:
                if _colours(pixels) >= _PAINTED_FROM:
                    return time.monotonic() - begun
                if child.status is not None:
                    break
                time.sleep(0.004)
        raise RuntimeError(f"no window was seen in {limit:g} s; its program said:\n{child.errors()}")

    def complete(self, begun: float, quiet: float = 1.0, limit: float = 10.0) -> float:
        """Seconds from `begun` until the last change on the screen; then it stood still for `quiet` seconds.

        What moves for ever, a text cursor that blinks say, ends the wait at the limit.
        """
        with self._pixels() as pixels:
            seen, changed = zlib.crc32(pixels), time.monotonic()
            while time.monotonic() - changed < quiet and time.monotonic() - begun < limit:
                time.sleep(0.01)
                now = zlib.crc32(pixels)
                if now != seen:
                    seen, changed = now, time.monotonic()
        return changed - begun

    def wait_until_empty(self, limit: float = 10.0) -> None:
        """Wait until the window of the program before is gone."""
        end = time.monotonic() + limit
        with self._pixels() as pixels:
            while _colours(pixels) > 1 and time.monotonic() < end:
                time.sleep(0.05)

    @contextmanager
    def _pixels(self) -> Iterator[mmap.mmap]:
        with (
            self.framebuffer.open("rb") as opened,
            mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as pixels,
        ):
            yield pixels


def _colours(pixels: mmap.mmap) -> int:
    """How many colours there are in every eighth row and fourth column of the file, see XWDFile.h."""
    header = [int.from_bytes(pixels[at : at + 4]) for at in range(0, 100, 4)]
    first, width, height, row_bytes, colour_map = header[0], header[4], header[5], header[12], header[19]
    found: set[int] = set()
    with memoryview(pixels) as whole:
        for row in range(0, height, 8):
            at = first + 12 * colour_map + row * row_bytes
            with whole[at : at + 4 * width] as raw, raw.cast("I") as line:
                found.update(line[::4])
    return len(found)


@contextmanager
def running_display(folder: Path, *, tray: bool = False) -> Iterator[Display]:
    """A screen of its own, which knows nothing of the session that the benchmark is run from.

    Args:
        folder: an empty one, for its memory and for settings.
        tray: with a host for tray icons, where `trayer` is installed.
    """
    (folder / "rc.xml").write_text(_UNDECORATED)
    foreign = ("QT_", "XDG_", "WAYLAND_", "DBUS_", "PYTHON")
    own = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    runtime = folder / "run"
    runtime.mkdir(mode=0o700)
    own |= {"QT_QPA_PLATFORM": "xcb", "XDG_RUNTIME_DIR": str(runtime), "LC_ALL": "C.UTF-8"}
    own["DBUS_SESSION_BUS_ADDRESS"] = "disabled:"
    screen = ["-screen", "0", f"{_WIDTH}x{_HEIGHT}x24", "-br", "-nolisten", "tcp", "-fbdir", str(folder)]
    with ExitStack() as running:
        server = running.enter_context(
            Child([_program("Xvfb"), "-displayfd", "1", *screen], env=own, stdout=Child.PIPE)
        )
        own["DISPLAY"] = f":{server.stdout.readline().decode().strip()}"
        clients: list[Sequence[str]] = [[_program("openbox"), "--config-file", str(folder / "rc.xml")]]
        host = shutil.which("trayer") if tray else None
        if host:
            clients.append([host, "--edge", "bottom", "--align", "right"])
        for command in clients:
            running.enter_context(Child(command, env=own))
        time.sleep(1)  # nothing tells that a window manager is ready; nobody is measured meanwhile
        yield Display(own, folder / "Xvfb_screen0")


def _program(name: str) -> str:
    return shutil.which(name) or name
