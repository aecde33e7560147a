"""The part *storage files*: the objects that the rows of `storage.objects` name in the snapshot."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from app.domain.backup import STORAGE_FILES, LeftOut, Manifest, PartRecord
from app.domain.events import Phase, Progress
from app.engine.parts.part import Part, PartRun, Save, Saved
from app.persistence.destination import newest_with
from app.postgres.connection import Session
from app.supabase.access import SupabaseAccess
from app.supabase.storage_listing import LISTING

_FOLDER = "storage"
_PLAIN = "The storage was asked without encryption: its service key can be read on the way. Use https."
_WHERE = "Add the project with its storage’s address and its service key; the rows are in the database part."


def look(session: Session, run: PartRun) -> Save | None:
    """List the objects; they are fetched when the dump is over, or named as left out where nobody can."""
    if not run.request.options.storage or not run.dumps("storage", "objects"):
        return None
    access = run.access
    if access is None or not access.storage_url:
        return _without_access(session, access)
    from app.supabase.storage_files import list_objects  # httpx takes long to import

    folder = run.folder / _FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    listed = list_objects(session, folder / ".listing")

    def save() -> Saved:
        from app.supabase.storage_client import StorageClient
        from app.supabase.storage_copy import THREADS
        from app.supabase.storage_files import download
        from app.supabase.web import is_in_the_open
        from app.system.cancellation import abandonable

        run.listener(Progress(Phase.SAVING_FILES, 0.0))
        key = abandonable(access.key_for_storage, run.cancel)
        client = StorageClient(access.storage_url, key, run.cancel, run.listener, connections=THREADS)
        try:
            copied = download(run.folder, listed, run.earlier, client, run.listener)
        finally:
            client.close()
            listed.path.unlink(missing_ok=True)
        record = PartRecord(
            STORAGE_FILES,
            _FOLDER,
            "Supabase Storage",
            inside_snapshot=False,
            objects=copied.objects,
            bytes=copied.bytes,
            downloaded=copied.downloaded,
            is_whole=copied.is_whole,
        )
        plain = (_PLAIN,) if is_in_the_open(access.storage_url) else ()
        return Saved(record, copied.left_out, copied.warnings + plain, copied.files)

    return save


def _without_access(session: Session, access: SupabaseAccess | None) -> Save | None:
    """Objects that nobody can be asked for are left out; a database without any needs nobody."""
    row = session.execute("SELECT pg_catalog.count(*) FROM storage.objects").fetchone()
    count = int(row[0]) if row else 0
    if not count:
        return None
    reason = f"Nobody knows where the storage answers. {access.missing if access else ''}".strip()
    left = LeftOut(
        STORAGE_FILES, f"{count:,} objects", reason if access and access.missing else f"{reason} {_WHERE}"
    )
    return lambda: Saved(left_out=(left,))


PART = Part(STORAGE_FILES, _FOLDER, look)


def earlier_storage(folder: Path, project: str) -> Path | None:
    """The newest backup of a project in its folder whose files can be linked; a whole one is better."""

    def holds(manifest: Manifest, *, whole: bool) -> bool:
        records = [part for part in manifest.parts if part.name == STORAGE_FILES]
        is_own = manifest.project.casefold() == project.casefold()
        return is_own and any(part.objects and (part.is_whole or not whole) for part in records)

    return newest_with(folder, LISTING, partial(holds, whole=True)) or newest_with(
        folder, LISTING, partial(holds, whole=False)
    )
