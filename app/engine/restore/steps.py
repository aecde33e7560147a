"""Tells a plan in sentences, in the order in which things happen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from app.domain.restore import Action, PlannedObject, RestoreMode, RestorePlan
from app.engine.restore.entry_graph import ABOUT, DATA
from app.engine.restore.wording import counted

_INDEXES = frozenset({"INDEX", "CONSTRAINT"})
_WHOLE = frozenset({"DATABASE", "DATABASE PROPERTIES"})
_LATE = frozenset(
    [
        *("INDEX ATTACH", "FK CONSTRAINT", "TRIGGER", "RULE", "POLICY", "ROW SECURITY", "STATISTICS"),
        *("EVENT TRIGGER", "PUBLICATION", "PUBLICATION TABLE", "SUBSCRIPTION"),
    ]
)


def steps_of(
    plan: RestorePlan, emptied: Sequence[tuple[str, str]] = (), *, gives_properties: bool = False
) -> RestorePlan:
    """The plan with its steps."""
    return replace(plan, steps=tuple(_steps(plan, emptied, gives_properties=gives_properties)))


def _steps(plan: RestorePlan, emptied: Sequence[tuple[str, str]], *, gives_properties: bool) -> Iterator[str]:
    objects = [one for one in plan.objects if one.action not in (Action.SKIP, Action.DROP)]
    dropped = sum(one.action is Action.DROP for one in plan.objects)
    replaced = sum(one.action is Action.REPLACE for one in objects)
    if plan.makes_safety_backup:
        yield f"Back up {plan.database} as it is now."
    if plan.mode is RestoreMode.NEW_DATABASE:
        yield "Create a database under a temporary name."
    elif plan.mode is RestoreMode.ONE_TRANSACTION:
        yield "Begin one transaction: if anything fails, the target stays as it is."
    else:
        yield f"Restore with {plan.jobs} sessions and go on after errors: a failure leaves what was done."
    if replaced:
        yield f"Drop {counted(replaced, 'object')} of the target that the source replaces."
    if dropped:
        yield f"Drop {counted(dropped, 'object')} of the target that the source does not create anew."
    if emptied:
        yield f"Empty {counted(len(emptied), 'table')}."
    yield from _contents(objects)
    if plan.mode is RestoreMode.NEW_DATABASE:
        yield "Count the rows of every table and compare them with the source."
        gives = ", and give it the settings, rights and owner of the source’s" if gives_properties else ""
        yield f"Rename the database to {plan.database}{gives}."
    else:
        yield "Count the rows of every restored table and compare them with the source."
        if plan.mode is RestoreMode.ONE_TRANSACTION:
            yield "Commit."


def _contents(objects: Sequence[PlannedObject]) -> Iterator[str]:
    tables = [one for one in objects if one.kind == "TABLE DATA"]
    definitions = sum(one.kind not in DATA | _INDEXES | _LATE | ABOUT | _WHOLE for one in objects)
    if definitions:
        yield f"Create {counted(definitions, 'object')}: schemas, types, functions, tables, views."
    if tables:
        known = [one.rows for one in tables if one.rows is not None]
        rows = f", {counted(sum(known), 'row')}" if len(known) == len(tables) else ""
        yield f"Load the rows of {counted(len(tables), 'table')}{rows}."
    if sequences := sum(one.kind == "SEQUENCE SET" for one in objects):
        yield f"Set {counted(sequences, 'sequence')}."
    if any(one.kind.startswith("BLOB") for one in objects):
        yield "Load the large objects."
    if indexes := sum(one.kind in _INDEXES for one in objects):
        yield f"Build {indexes:,} {'index' if indexes == 1 else 'indexes'} and keys."
    if late := sum(one.kind in _LATE for one in objects):
        yield f"Create {counted(late, 'object')} that come after the rows: foreign keys, triggers, policies."
    if views := sum(one.kind == "MATERIALIZED VIEW DATA" for one in objects):
        yield f"Compute {counted(views, 'materialized view')}."
    if about := sum(one.kind in ABOUT for one in objects):
        yield f"Set {counted(about, 'comment')} and privileges."
