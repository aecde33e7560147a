"""The part *storage files*: the objects that the rows of `storage.objects` name in the snapshot."""

from __future__ import annotations

from app.domain.backup import STORAGE_FILES, LeftOut, PartRecord
from app.domain.events import Phase, Progress
from app.engine.parts.part import Part, PartRun, Save, Saved
from app.postgres.connection import Session
from app.supabase.access import SupabaseAccess

_FOLDER = "storage"
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
        )
        return Saved(record, copied.left_out, copied.warnings, copied.files)

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
