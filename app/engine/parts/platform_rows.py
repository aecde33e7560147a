"""Parts that lie in the database part already: migrations, cron jobs, and secrets of Vault by their names.

They are counted in the snapshot, so that a backup says whether it holds them. Vault's rows are in the dump as
the server stores them: encrypted, with a key that never leaves the project. A restore into the same project
brings them back; in any other nobody can read them, so they are listed by name to be entered anew.
"""

from __future__ import annotations

import psycopg

from app.domain.backup import LeftOut, PartRecord
from app.engine.parts.part import Part, PartRun, Save, Saved
from app.postgres.connection import Session

_MOST_NAMES = 100
_DATABASE = "in the database part"


def _counted(name: str, schema: str, table: str) -> Part:
    def look(session: Session, run: PartRun) -> Save | None:
        if not run.dumps(schema, table):
            return None
        row = session.execute(f"SELECT pg_catalog.count(*) FROM {schema}.{table}").fetchone()
        count = int(row[0]) if row else 0
        return lambda: Saved(PartRecord(name, "", _DATABASE, objects=count))

    return Part(name, "", look)


def _vault(session: Session, run: PartRun) -> Save | None:
    """The names of Vault's secrets, never their values."""
    known = session.execute(
        "SELECT pg_catalog.has_table_privilege(c.oid, 'SELECT') FROM pg_catalog.pg_class c "
        "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = 'vault' AND c.relname = 'secrets'"
    ).fetchone()
    if known is None:
        return None
    if not known[0]:
        left = LeftOut("vault secrets", "all of them", "their names cannot be read with the rights at hand")
        return lambda: Saved(left_out=(left,))
    rows = session.execute(
        "SELECT COALESCE(s.name, s.id::text) FROM vault.secrets s ORDER BY 1 LIMIT %s", [_MOST_NAMES + 1]
    ).fetchall()
    reason = (
        "Its value is not saved in plain text. "
        + ("The dump has it encrypted with the project’s own key: " if run.dumps("vault", "secrets") else "")
        + "in another project enter it anew with vault.create_secret."
    )
    left_out = [LeftOut("vault secrets", str(name), reason) for (name,) in rows[:_MOST_NAMES]]
    if len(rows) > _MOST_NAMES:
        left_out.append(LeftOut("vault secrets", "and more", reason))
    warnings = _PLAIN if left_out and run.dumps("vault", "secrets") and _is_plain(session) else ()
    return lambda: Saved(left_out=tuple(left_out), warnings=warnings)


_PLAIN = ("Secrets of Vault lie unencrypted in this database, and so they do in the backup: keep it safe.",)


def _is_plain(session: Session) -> bool:
    """Whether the server stores a secret as it is, which Supabase's own does not. No value leaves it."""
    try:
        with session.transaction():
            found = session.execute(
                "SELECT EXISTS (SELECT FROM vault.decrypted_secrets WHERE decrypted_secret = secret)"
            ).fetchone()
    except psycopg.Error:
        return False  # who may not decrypt cannot tell
    return bool(found and found[0])


PARTS = (
    _counted("migrations", "supabase_migrations", "schema_migrations"),
    _counted("cron jobs", "cron", "job"),
    Part("vault secrets", "", _vault),
)
