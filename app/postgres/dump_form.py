"""What a dump can be, and the signs by which a folder is one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from app.postgres.archive import TOC
from app.postgres.packing import Layer
from app.postgres.script_charset import Charset

MANIFEST = "manifest.json"
MARKS = (TOC, MANIFEST)
"""The files that make the folder in which they lie a dump."""

MAGIC = b"PGDMP"
FORMAT_CODE = 10
"""Where a table of contents says which format it is of."""

CUSTOM_CODE = 1


class DumpForm(StrEnum):
    """What a dump is, below all packing."""

    BACKUP = "backup of Holdfast"
    DIRECTORY = "directory archive"
    CUSTOM = "custom archive"
    TAR = "tar archive"
    PLAIN = "plain SQL"
    CLUSTER = "plain SQL of a whole cluster"


@dataclass(frozen=True, slots=True)
class DumpFile:
    """What a dump is.

    Attributes:
        path: the file or folder that was looked into; of a backup and a directory archive its folder.
        layers: how it is packed, outermost first; none when it lies open.
        charset: of a script. Scripts in UTF-16 are converted on the way; LATIN_1 and WINDOWS_1252 are
            guesses about a script that names no client_encoding, for whoever sends it to a server.
        server_version: of scripts, in their own words; archives say it in their table of contents.
        dump_version: likewise.
    """

    path: Path
    form: DumpForm
    layers: tuple[Layer, ...] = ()
    charset: Charset = Charset.UTF_8
    server_version: str = ""
    dump_version: str = ""

    @property
    def name(self) -> str:
        """For people: `dump.sql in backup.zip`."""
        members = [layer.member.rstrip("/") for layer in reversed(self.layers) if layer.member]
        return " in ".join((*members, self.path.name))

    @property
    def packing(self) -> str:
        """For people: `gzip`, `zip (dump.sql), xz`; `none`."""
        return ", ".join(map(str, self.layers)) or "none"

    @property
    def is_script(self) -> bool:
        """Whether it is SQL rather than an archive."""
        return self.form in (DumpForm.PLAIN, DumpForm.CLUSTER)

    @property
    def is_folder(self) -> bool:
        """Whether it is many files: a backup or a directory archive, packed or not."""
        return self.form in (DumpForm.BACKUP, DumpForm.DIRECTORY)


def is_manifest(head: bytes, names: Iterable[str] = ()) -> bool:
    """Whether a manifest.json is Holdfast's: by what it says, or a damaged one by what lies beside it."""
    return (head.lstrip().startswith(b"{") and b'"holdfast":' in head) or "SHA256SUMS" in names


def folder_form(base: str, head: bytes) -> DumpForm | None:
    """What a folder is that has such a toc.dat or manifest.json; None when they are something else."""
    if base == MANIFEST:
        return DumpForm.BACKUP if is_manifest(head) else None
    is_toc = head.startswith(MAGIC) and head[FORMAT_CODE : FORMAT_CODE + 1] != bytes((CUSTOM_CODE,))
    return DumpForm.DIRECTORY if is_toc else None
