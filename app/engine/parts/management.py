"""The parts *functions* and *configuration*, which Supabase's Management API has."""

from __future__ import annotations

from app.domain.backup import BackupOptions, LeftOut, PartRecord
from app.domain.events import Phase, Progress
from app.engine.parts.part import Part, PartRun, Save, Saved
from app.postgres.connection import Session
from app.supabase.access import Management

_SELF_HOSTED = {
    "functions": "A project of one’s own server has them as files there: save its folder of functions.",
    "configuration": "A project of one’s own server has it in files there: save its .env and compose files.",
}
_SIGN_IN = "Sign in with an access token: “holdfast supabase login”."


def _part(name: str) -> Part:
    def look(_: Session, run: PartRun) -> Save | None:
        access, options = run.access, run.request.options
        if access is None or not _is_wanted(name, options):
            return None
        if access.ref and access.management is not None:
            ref, management = access.ref, access.management
            return lambda: _saved(name, ref, management, run)
        reason = (access.missing or _SIGN_IN) if access.ref else _SELF_HOSTED[name]
        return lambda: Saved(left_out=(LeftOut(name, "all of it", reason),))

    return Part(name, name, look)


def _is_wanted(name: str, options: BackupOptions) -> bool:
    return options.functions if name == "functions" else options.configuration


def _saved(name: str, ref: str, management: Management, run: PartRun) -> Saved:
    from app.supabase.configuration import save_configuration
    from app.supabase.functions import save_functions

    run.listener(Progress(Phase.SAVING_SETTINGS, 0.0, name))
    save = save_functions if name == "functions" else save_configuration
    kept = save(run.folder, ref, management, run.cancel, run.listener)
    record = PartRecord(
        name,
        name,
        "Supabase Management API",
        inside_snapshot=False,
        objects=kept.objects,
        bytes=kept.bytes,
    )
    return Saved(record if kept.objects or not kept.left_out else None, kept.left_out)


PARTS = (_part("functions"), _part("configuration"))
