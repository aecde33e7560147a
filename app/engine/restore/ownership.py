"""Decides whom restored objects belong to, and tells what missing roles cost."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from app.domain.restore import Finding, Severity
from app.engine.restore.entry_graph import ABOUT, DATA, LARGE_OBJECTS
from app.engine.restore.wording import counted, listed, some
from app.engine.restore_list import qualified_name
from app.postgres.archive_entry import Entry
from app.postgres.role_statements import RoleDefinitions
from app.postgres.statement_subject import subject_of
from app.postgres.target_facts import TargetFacts

_CREATE = "Roles belong to the whole server: a restore makes none. Run this first, then restore:"
_CREATE_UNKNOWN = (
    "Roles belong to the whole server: a restore makes none. What these may do, the source does not say."
    " Make them first, then restore:"
)
_MOST_STATEMENTS = 100
_WITHOUT_OWNER = frozenset(
    [
        *(*ABOUT, *DATA, "CHECK CONSTRAINT", "CONSTRAINT", "DEFAULT", "DEFAULT ACL", "FK CONSTRAINT"),
        *("INDEX", "INDEX ATTACH", "POLICY", "PUBLICATION TABLE", "ROW SECURITY", "RULE", "TABLE ATTACH"),
        "TRIGGER",
    ]
)
"""As pg_restore has it (src/bin/pg_dump/pg_backup_archiver.c, `_getObjectDescription`)."""
_HAS_ROLE = "the server has this role already, which stays as it is"


@dataclass(frozen=True, slots=True)
class Owners:
    """Whom the objects will belong to.

    Attributes:
        drops_all: whether all of them will be the restoring role's.
        edited: entries without an owner, which will be the restoring role's, while others keep theirs.
        missing: roles that own something in the source and that the target does not have.
        findings: about roles that are there, but may not be given anything.
    """

    drops_all: bool
    edited: tuple[Entry, ...] = ()
    missing: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = ()


def fit_owners(entries: Iterable[Entry], target: TargetFacts, *, can_edit: bool) -> Owners:
    """Keep the owners that can be had; the others' objects will belong to the restoring role.

    With an archive that cannot be edited pg_restore gives either all owners or none.
    """
    owned = [e for e in entries if e.owner and has_an_owner(e)]
    schemas = {entry.tag: entry.owner for entry in owned if entry.kind == "SCHEMA"}
    unfit = [entry for entry in owned if not _may_own(entry, schemas, target)]
    if not unfit:
        return Owners(drops_all=False)
    roles = frozenset(entry.owner for entry in unfit)
    others = {entry.owner for entry in owned} - roles - {target.role}
    missing = roles - target.roles
    findings = []
    if roles - missing:
        findings.append(
            _warning(
                f"{target.role} may not give everything back to {listed('role', roles - missing)}",
                f"What it may not give will belong to {target.role}",
            )
        )
    if not others:
        return Owners(True, (), missing, tuple(findings))
    if not can_edit:
        findings.append(_warning(f"All objects will belong to {target.role}"))
        return Owners(True, (), missing, tuple(findings))
    return Owners(False, tuple(replace(entry, owner="") for entry in unfit), missing, tuple(findings))


def has_an_owner(entry: Entry) -> bool:
    """Whether what an entry makes belongs to a role by itself, rather than with its table."""
    return entry.kind in LARGE_OBJECTS or entry.kind not in _WITHOUT_OWNER


def _may_own(entry: Entry, schemas: Mapping[str, str], target: TargetFacts) -> bool:
    """Whether `ALTER … OWNER TO` will do: a new owner must be allowed to create such objects itself."""
    owner, schema = entry.owner, entry.schema
    if target.is_superuser or owner not in target.given_to or owner == target.role:
        return owner in target.given_to
    return not schema or schemas.get(schema) == owner or (owner, schema) in target.creators


def roles_made(entries: Iterable[Entry], target: TargetFacts) -> tuple[frozenset[str], dict[int, str]]:
    """The roles that scripts make on the server, and by dump id why others are not made."""
    made = {entry.dump_id: entry.tag for entry in entries if entry.kind == "ROLE" and _creates(entry)}
    there = {number: _HAS_ROLE for number, role in made.items() if role in target.roles}
    new = frozenset(made.values()) - target.roles if target.may_create_roles else frozenset[str]()
    return new, there


def why_no_role(entry: Entry, target: TargetFacts) -> str:
    """Why a role cannot be made or changed as a script says; empty when it can."""
    if _creates(entry):
        return "" if target.may_create_roles else "only a role with CREATEROLE may create it"
    roles = subject_of(entry.definition.encode("utf-8", "surrogateescape")).roles
    missing = set(roles) - target.roles
    return f"the target has no {listed('role', missing)}" if missing else ""


def _creates(entry: Entry) -> bool:
    return entry.definition.lstrip()[:6].lower() == "create"


def role_findings(
    missing: Collection[str],
    unusable: Collection[str],
    entries: Sequence[Entry],
    lost: Collection[int],
    target: TargetFacts,
    *,
    definitions: RoleDefinitions,
) -> Iterator[Finding]:
    """What roles cost that are not there, or that the restoring role may not act for.

    Args:
        missing: roles that the target does not have.
        unusable: roles of the target for which the restoring role may not act.
        entries: privileges, policies and mappings that name them.
        lost: dump ids of those among them that are left out altogether.
        definitions: how the source makes its roles, as far as it says so.
    """
    if missing:
        cost = f"; {counted(len(entries), 'grant or policy', 'grants and policies')} cannot be as they were"
        yield _warning(
            f"The target has no {listed('role', missing)}",
            f"What belongs to a missing role will belong to {target.role}{cost if entries else ''}",
            how_to_create(missing, target, definitions),
        )
    if unusable:
        yield _warning(
            f"{target.role} may not act for {listed('role', unusable)}",
            "Privileges that only these roles can give are left out",
        )
    policies = [entry for entry in entries if entry.kind == "POLICY" and entry.dump_id in lost]
    if policies:
        yield _warning(
            f"Left out: {counted(len(policies), 'policy', 'policies')} of which no role is there",
            some(qualified_name(entry) for entry in policies),
        )


def other_roles(
    missing: Collection[str], target: TargetFacts, definitions: RoleDefinitions
) -> Iterator[Finding]:
    """Roles that a script would make, and that nothing needs which is restored."""
    others = definitions.attributes.keys() - target.roles - set(missing)
    if others:
        title = f"The source’s {listed('role', others)} will not be made"
        what = "Nothing that is restored needs them"
        yield Finding(Severity.INFORMS, title, what, how_to_create(others, target, definitions))


def how_to_create(missing: Collection[str], target: TargetFacts, definitions: RoleDefinitions) -> str:
    """The statements that make roles, without passwords, a line each."""
    statements = definitions.statements(missing, target.roles, target.version.major)
    are_known = any(role in definitions.attributes for role in missing)
    more = len(statements) - _MOST_STATEMENTS
    rest = [f"-- and {more:,} more statements"] if more > 0 else []
    return "\n".join([_CREATE if are_known else _CREATE_UNKNOWN, *statements[:_MOST_STATEMENTS], *rest])


def _warning(title: str, detail: str = "", hint: str = "") -> Finding:
    return Finding(Severity.WARNS, title, detail, hint)
