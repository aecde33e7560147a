"""Plans to keep triggers still while rows are loaded, so that these come back as they were in the source."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from app.domain.restore import Finding, RestoreMode, Severity
from app.engine.restore.wording import some
from app.postgres.quoting import Name, quote_identifier, quote_qualified
from app.postgres.target_facts import TargetFacts, Trigger

AS_REPLICA = "SET session_replication_role = replica;"
"""Keeps the triggers still that check foreign keys, too; for superusers, and whom a provider lets."""

AS_ORIGIN = "RESET session_replication_role;"
"""Undoes it."""

_SWITCHED_ON = {"O": "ENABLE", "A": "ENABLE ALWAYS", "R": "ENABLE REPLICA"}


@dataclass(frozen=True, slots=True)
class StillTriggers:
    """How triggers are kept still.

    Attributes:
        before: statements to run before rows are touched, in the session that loads them.
        after: statements that undo what `before` did to the target.
        is_replica: whether the sessions that load must have session_replication_role = replica, so that
            the server checks no keys. In one transaction `before` sees to it.
        findings: what this means, and what fires even so.
    """

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    is_replica: bool = False
    findings: tuple[Finding, ...] = ()


def keep_still(
    loaded: Collection[Name],
    emptied: Collection[Name],
    circle: Iterable[Name],
    target: TargetFacts,
    mode: RestoreMode,
) -> StillTriggers:
    """Plan it.

    The triggers alone are disabled where the role owns their tables and one transaction sees to it that
    they are enabled again; session_replication_role is the way where that cannot be, or where foreign keys
    go round in a circle.

    Args:
        loaded: tables that rows are put into, partitions among them.
        emptied: tables that are emptied first.
        circle: tables whose foreign keys refer to each other.
    """
    touched = [
        one
        for one in target.triggers
        if (one.on_insert and one.table in loaded) or (one.on_truncate and one.table in emptied)
    ]
    mine = {(one.schema, one.name) for one in target.objects if one.kind == "TABLE" and one.is_mine}
    is_one = mode is RestoreMode.ONE_TRANSACTION
    around = tuple(circle)
    firing = [one for one in touched if one.enabled in "OA"]
    cannot_disable = [one for one in firing if not (is_one and one.table in mine)]
    is_replica = target.may_replicate and bool(around or cannot_disable)
    if is_replica:
        firing = [one for one in touched if one.enabled in "AR"]
    disabled = [one for one in firing if is_one and one.table in mine]
    loud = [one for one in firing if one not in disabled]
    findings = []
    quiet = [one for one in touched if one not in loud and one.enabled in "OA"]
    if quiet:
        findings.append(
            Finding(
                Severity.INFORMS,
                "Triggers keep still while the rows are loaded, which come back as they were in the source",
                some(map(_shown, quiet)),
            )
        )
    if is_replica:
        why = f"The foreign keys of {some(_written(name) for name in around)} go round in a circle"
        if not around:
            why = "Triggers of tables that the role may not change are kept still, and keys with them"
        findings.append(
            Finding(
                Severity.INFORMS,
                "Foreign keys are not checked while the rows are loaded, but afterwards",
                why,
                "A key that does not hold undoes the restore."
                if is_one
                else "A key that does not hold is named; the rows stay.",
            )
        )
    if loud:
        what = (
            "even so, as they are enabled always or for replicas" if is_replica else "while rows are loaded"
        )
        hint = "ALTER TABLE … DISABLE TRIGGER for the time of the restore."
        if not is_replica:
            hint = "Restore as the owner of the tables, in one transaction, or as a superuser."
        findings.append(
            Finding(
                Severity.WARNS,
                f"Triggers fire {what}, and may change the rows",
                some(map(_shown, loud)),
                hint,
            )
        )
    return StillTriggers(
        (*([AS_REPLICA] if is_replica and is_one else []), *(_switch(one, "DISABLE") for one in disabled)),
        tuple(_switch(one, _SWITCHED_ON[one.enabled]) for one in disabled),
        is_replica,
        tuple(findings),
    )


def _switch(one: Trigger, how: str) -> str:
    return f"ALTER TABLE ONLY {_written(one.table)} {how} TRIGGER {quote_identifier(one.name)};"


def _shown(one: Trigger) -> str:
    always = " (enabled always)" if one.enabled == "A" else ""
    return f"{quote_identifier(one.name)} on {_written(one.table)}{always}"


def _written(name: Name) -> str:
    return quote_qualified(*name)
