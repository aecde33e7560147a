"""Keeps the triggers of a Supabase project's platform still while rows are loaded into its tables.

Only then: event triggers keep still with them, and the platform's have work to do when extensions are made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from app.engine.restore.entry_graph import DATA
from app.engine.restore.plan import PreparedRestore
from app.engine.restore.still_triggers import AS_ORIGIN, AS_REPLICA
from app.postgres.script import Statement
from app.postgres.script_archive import ScriptItem


def keeping_still(items: Iterable[ScriptItem], prepared: PreparedRestore) -> Iterator[ScriptItem]:
    """The items of a script, with what keeps triggers still around its rows, if the plan wants that."""
    if not prepared.keeps_still:
        yield from items
        return
    kinds = {entry.dump_id: entry.kind for entry in prepared.entries}
    is_still = False
    for found in items:
        kind = kinds.get(found.dump_id)
        if kind is not None and (kind in DATA and kind != "MATERIALIZED VIEW DATA") != is_still:
            is_still = not is_still
            yield _statement(AS_REPLICA if is_still else AS_ORIGIN)
        yield found
    if is_still:
        yield _statement(AS_ORIGIN)


def _statement(text: str) -> ScriptItem:
    return ScriptItem(0, Statement(text.encode(), None, 0))
