"""Says what a restore would do to a target, in order and with reasons, and prepares what carries it out."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from app.domain.backup import Contents
from app.domain.restore import (
    Action,
    Finding,
    PlannedObject,
    RestoreMode,
    RestoreOptions,
    RestorePlan,
    Severity,
)
from app.engine.restore.adaptation import Adaptation, adapt
from app.engine.restore.closing import Closing
from app.engine.restore.database_properties import CarriedOver, Property, carry_over
from app.engine.restore.default_rights import close_again, closed_again
from app.engine.restore.entry_graph import LARGE_OBJECTS, PREAMBLE, entry_graph
from app.engine.restore.in_the_way import find_in_the_way
from app.engine.restore.project_fit import fit_project, holds_rows_of_its_own
from app.engine.restore.rows_alone import RowsAlone, plan_rows
from app.engine.restore.script_drops import find_script_drops
from app.engine.restore.selection import Selection, select
from app.engine.restore.source_facts import SourceFacts
from app.engine.restore.steps import steps_of
from app.engine.restore.suitability import suitability
from app.engine.restore.what_goes import find_what_goes
from app.engine.restore.wording import rows_held
from app.engine.restore_list import qualified_name
from app.postgres.archive_entry import Entry
from app.postgres.target_facts import TargetFacts

__all__ = ["PreparedRestore", "SourceFacts", "plan_restore"]

_MOST_JOBS = 8
_OTHER_SESSIONS = 2  # that of the leader, and the one that watches
_NULL_TEXTS = 4 | 8 | 16 | 32 | 64  # drop, COPY, schema, tablespace, access method
_FROM_TEXT = 1.3  # what rows need on disk, beside their text, with page headers and indexes


@dataclass(frozen=True, slots=True)
class PreparedRestore:
    """A plan, and what its execution needs beside it.

    Attributes:
        entries: those to restore in order, some of them edited; those of an archive begin with its settings.
        is_edited: whether an archive has to be written anew; then `entries` are its table of contents.
        options: for pg_restore.
        settings: PGOPTIONS for the restoring sessions.
        drops: statements to run first, in the same transaction where there is one. Already part of
            `entries`, or of `options`, when the source is an archive that goes through several sessions.
        closing: what is done when everything is loaded.
        properties: what a new database gets with its name.
        is_rows_alone: whether definitions stay as the target has them.
        revokes: statements that change who may do what with an object at once when it is made, by dump id;
            part of `entries` where an archive goes through several sessions.
        keeps_still: whether triggers keep still while rows are loaded, and while nothing else is.
        drops_owners: for scripts: leave out each `OWNER TO`; entries whose `owner` is empty have none, too.
        drops_tablespaces: for scripts: leave out `SET default_tablespace`.
        drops_access_methods: for scripts: leave out `SET default_table_access_method`.
        target: what was found; `what_changed` compares it with what is there when the restore begins.
    """

    plan: RestorePlan
    entries: tuple[Entry, ...]
    is_edited: bool
    options: tuple[str, ...] = ()
    settings: str = ""
    drops: tuple[str, ...] = ()
    drops_owners: bool = False
    drops_tablespaces: bool = False
    drops_access_methods: bool = False
    target: TargetFacts | None = None
    closing: Closing = field(default_factory=Closing)
    properties: tuple[Property, ...] = ()
    is_rows_alone: bool = False
    revokes: Mapping[int, str] = field(default_factory=dict)
    keeps_still: bool = False


def plan_restore(
    source: SourceFacts, target: TargetFacts, options: RestoreOptions, *, place: str = ""
) -> PreparedRestore:
    """Plan a restore; nothing is changed, nor asked of a server.

    Args:
        place: the target in words, without a password; its name alone when left out.

    Raises:
        AppError: INVALID_INPUT for a schema or table that the source does not have.
    """
    graph = entry_graph(source.entries)
    selection = select(source.entries, options.only, options.contents, graph)
    fit = fit_project(selection, graph, source, target, options)
    mode = _mode(target, options, is_project=fit.is_project)
    jobs = _jobs(mode, target, options)
    script = find_script_drops(source.removals, selection, fit.target, clean=options.clean)
    occupied = find_in_the_way(selection, graph, script.remaining, clean=options.clean, left_out=fit.left_out)
    present = {**occupied.present, **script.kept}
    adapted = adapt(selection, graph, source, script.remaining, options, present=present, lost=fit.lost)
    carried = carry_over(selection.entries, target, options)
    replaced = occupied.replaced | script.replaced | fit.replaced
    rows = RowsAlone(adapted.entries)
    if is_rows_alone := options.contents is Contents.DATA:
        rows = plan_rows(
            adapted.entries, fit.target, clean=options.clean, mode=mode, apart=frozenset(fit.rows)
        )
        adapted = replace(adapted, changed={**adapted.changed, **rows.changed})
    drops = (*fit.before, *rows.prepares, *occupied.drops, *rows.drops)
    entries = tuple(entry for entry in rows.entries if entry.dump_id not in rows.changed)
    pg_options, is_edited = adapted.options, adapted.is_edited
    is_one_session = source.is_script or mode is RestoreMode.ONE_TRANSACTION
    closures = close_again(
        adapted.entries,
        graph,
        fit.target,
        privileges=options.privileges,
        may_revoke=is_one_session or source.can_edit,
    )
    findings = [
        *source.findings,
        *suitability(source, target, options, mode, adapted.entries),
        *script.findings,
        *occupied.findings,
        *find_what_goes(replaced, adapted.entries, graph, target, closures.revokes),
        *closures.findings,
        *adapted.findings,
        *carried.findings,
        *rows.findings,
        *fit.findings,
    ]
    if closures.revokes and not is_one_session:
        entries, is_edited = closed_again(entries, closures.revokes), True
    if drops and not is_one_session and source.can_edit:
        entries, is_edited = _with_drops(source, entries, drops), True
    elif drops and not is_one_session:
        pg_options += ("--clean", "--if-exists")
        if rows.drops:
            findings.append(_cannot_empty())
    has_data = target.exists and not target.is_new and holds_rows_of_its_own(target)
    plan = RestorePlan(
        source=source.label,
        target=place or target.database,
        database=target.database,
        mode=mode,
        jobs=jobs,
        objects=(
            *fit.planned,
            *_objects(
                rows.entries,
                source,
                selection,
                adapted,
                carried,
                target=target,
                replaced=replaced,
                dropped=script.planned,
            ),
        ),
        findings=tuple(sorted(findings, key=lambda one: list(Severity).index(one.severity))),
        steps=(),
        has_data=has_data,
        makes_safety_backup=has_data and options.safety_backup,
        bytes_needed=_bytes_needed(source, adapted.entries, selection, options),
    )
    return PreparedRestore(
        plan=steps_of(plan, (*fit.emptied, *rows.truncated), gives_properties=bool(carried.properties)),
        entries=entries,
        is_edited=is_edited and not source.is_script,
        options=pg_options,
        settings=rows.settings,
        drops=drops,
        drops_owners=adapted.drops_owners,
        drops_tablespaces=adapted.drops_tablespaces,
        drops_access_methods=adapted.drops_access_methods,
        target=target,
        closing=rows.closing.with_project(fit.after, fit.rows, fit.referring),
        properties=carried.properties,
        is_rows_alone=is_rows_alone,
        revokes={**fit.on_creation, **(closures.revokes if is_one_session else {})},
        keeps_still=bool(fit.rows),
    )


def with_findings(prepared: PreparedRestore, findings: Iterable[Finding]) -> PreparedRestore:
    """The same, with what was found about those entries that are restored."""
    found = sorted((*findings, *prepared.plan.findings), key=lambda one: list(Severity).index(one.severity))
    return replace(prepared, plan=replace(prepared.plan, findings=tuple(found)))


def _mode(target: TargetFacts, options: RestoreOptions, *, is_project: bool) -> RestoreMode:
    if target.is_new:
        return RestoreMode.NEW_DATABASE
    if is_project:
        return RestoreMode.ONE_TRANSACTION  # what is done about roles and triggers is undone with the rest
    return RestoreMode.PARALLEL if (options.jobs or 1) > 1 else RestoreMode.ONE_TRANSACTION


def _jobs(mode: RestoreMode, target: TargetFacts, options: RestoreOptions) -> int:
    if mode is RestoreMode.ONE_TRANSACTION:
        return 1
    return max(1, min(_wanted_jobs(options), target.free_connections - _OTHER_SESSIONS))


def sessions_wanted(options: RestoreOptions) -> int:
    """How many sessions a restore would like to have at once."""
    return _wanted_jobs(options) + _OTHER_SESSIONS


def _wanted_jobs(options: RestoreOptions) -> int:
    return options.jobs or max(2, min(_MOST_JOBS, os.cpu_count() or 1))


def _with_drops(source: SourceFacts, entries: tuple[Entry, ...], drops: tuple[str, ...]) -> tuple[Entry, ...]:
    """The drops as an archive's first entry; pg_restore's `--clean` fails where tables differ in shape."""
    first = Entry(
        dump_id=max(entry.dump_id for entry in source.entries) + 1,
        catalog_oid=0,
        oid=0,
        tag="what is in the way",
        kind="DROP",
        section="pre-data",
        definition="".join(f"{statement}\n" for statement in drops),
        drop="",
        copy_statement="",
        schema="",
        tablespace="",
        access_method="",
        relkind="",
        owner="",
        dependencies=(),
        has_data=False,
        nulls=_NULL_TEXTS,
    )
    head = tuple(entry for entry in entries if entry.kind in PREAMBLE)
    return (*head, first, *(entry for entry in entries if entry.kind not in PREAMBLE))


def _cannot_empty() -> Finding:
    return Finding(
        Severity.BLOCKS,
        "Tables cannot be emptied while the archive is read from a packed file",
        hint="Unpack it first.",
    )


def _objects(
    entries: tuple[Entry, ...],
    source: SourceFacts,
    selection: Selection,
    adapted: Adaptation,
    carried: CarriedOver,
    *,
    target: TargetFacts,
    replaced: Container[int],
    dropped: Mapping[int, Iterable[PlannedObject]],
) -> Iterator[PlannedObject]:
    """What is restored, in order, with what its statements drop; then what is left out."""
    for entry in entries:
        number = entry.dump_id
        yield from dropped.get(number, ())
        if entry.kind in PREAMBLE or entry.kind.startswith("DROP "):
            continue
        action, reason = Action.CREATE, selection.because.get(number, "")
        if number in adapted.changed:
            action, reason = Action.CHANGE, adapted.changed[number]
        if number in replaced:
            action = Action.REPLACE
            if held := rows_held(target, entry.schema, entry.tag) if entry.kind == "TABLE" else "":
                reason = reason or f"the target’s own goes{held}"
        yield PlannedObject(entry.kind, qualified_name(entry), action, reason, source.rows.get(number))
    left_out: Mapping[int, str] = {**selection.left_out, **adapted.skipped}
    for entry in source.entries:
        number = entry.dump_id
        if number in left_out:
            rows = source.rows.get(number)
            action, reason = carried.outcomes.get(number, (Action.SKIP, left_out[number]))
            yield PlannedObject(entry.kind, qualified_name(entry), action, reason, rows)


def _bytes_needed(
    source: SourceFacts, entries: tuple[Entry, ...], selection: Selection, options: RestoreOptions
) -> int | None:
    if options.contents is Contents.SCHEMA:
        return None
    if selection.is_all and source.database_bytes is not None:
        return source.database_bytes
    known = [
        source.bytes.get(entry.dump_id)
        for entry in entries
        if entry.kind == "TABLE DATA" or entry.kind in LARGE_OBJECTS & {"BLOB", "BLOBS"}
    ]
    sizes = [size for size in known if size is not None]
    return int(sum(sizes) * _FROM_TEXT) if sizes and len(sizes) == len(known) else None
