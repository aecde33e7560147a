"""Plans the roles that a restore into a Supabase project makes, and what they need to own their objects.

A project has a server of its own, whose only other roles are the platform's: the user's come with a restore.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from app.domain.restore import Action, Finding, PlannedObject, Severity
from app.engine.restore.entry_graph import EntryGraph
from app.engine.restore.ownership import has_an_owner
from app.engine.restore.rights import ALL, granted
from app.engine.restore.wording import listed
from app.postgres.archive_entry import Entry
from app.postgres.quoting import quote_identifier
from app.postgres.role_statements import Membership, RoleDefinitions, membership_statement
from app.postgres.target_facts import TargetFacts, TargetObject
from app.supabase.platform import API_ROLES, is_reserved_role, may_be_set_for_a_role

_STRIPPED = frozenset({"superuser", "replication"})


@dataclass(frozen=True, slots=True)
class ProjectRoles:
    """What is done about roles.

    Attributes:
        target: as it is with the new roles, and with what is lent to owners.
        before: statements that the restore begins with.
        after: statements that it ends with.
        on_creation: statements that follow the creation of an entry, by dump id.
        planned: the roles as a plan shows them.
    """

    target: TargetFacts
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    on_creation: Mapping[int, str] = field(default_factory=dict)
    planned: tuple[PlannedObject, ...] = ()
    findings: tuple[Finding, ...] = ()


def plan_roles(
    entries: Iterable[Entry],
    graph: EntryGraph,
    definitions: RoleDefinitions,
    target: TargetFacts,
    *,
    everything: bool,
) -> ProjectRoles:
    """Plan them.

    Args:
        entries: those that are restored; the owners among them get what owning takes.
        definitions: the source's roles.
        everything: whether all roles are made, rather than those alone that entries name.
    """
    if not target.may_create_roles:
        return ProjectRoles(target)
    kept = tuple(entries)
    missing = {
        role for role in definitions.attributes if role not in target.roles and not is_reserved_role(role)
    }
    if not everything:
        named = {entry.owner for entry in kept}
        missing = {role for role in missing if role in named or _is_named(role, kept)}
    made = sorted(missing)
    memberships = _merged(one for one in definitions.memberships if _is_wanted(one, missing, target))
    statements = [_creation(role, definitions) for role in made]
    statements += [membership_statement(one, target.version.major) for one in memberships]
    settings, refused = _settings(definitions, missing, target)
    lent = _Lending(kept, graph, target, missing, memberships)
    lent.plan()
    findings = list(_findings(made, definitions, memberships, refused))
    return ProjectRoles(
        lent.target_with(missing),
        (*statements, *settings, *lent.before),
        tuple(lent.after),
        lent.on_creation,
        tuple(
            PlannedObject("ROLE", quote_identifier(r), Action.CREATE, _stripped(r, definitions)) for r in made
        ),
        tuple(findings),
    )


def _is_named(role: str, entries: Iterable[Entry]) -> bool:
    name = quote_identifier(role)
    return any(
        name in entry.definition or role in entry.definition
        for entry in entries
        if entry.kind in ("ACL", "DEFAULT ACL", "POLICY")
    )


def _is_wanted(one: Membership, made: set[str], target: TargetFacts) -> bool:
    """Whether a membership of the source is one that has to be given: who creates a role is its ADMIN."""
    if one.role not in made and one.member not in made:
        return False
    if one.member == target.role and "admin" in one.options:
        return False
    if one.member not in made and one.member not in target.roles:
        return False
    is_guarded = is_reserved_role(one.role) and one.role not in API_ROLES and not target.is_superuser
    return one.role in made or (one.role in target.admin_of and not is_guarded)


def _merged(memberships: Iterable[Membership]) -> list[Membership]:
    """One membership where several roles granted the same; it may whatever one of them may."""
    found: dict[tuple[str, str], Membership] = {}
    for one in memberships:
        key = one.role, one.member
        before = found.get(key)
        found[key] = one if before is None else Membership(*key, _either(before.options, one.options))
    return list(found.values())


def _either(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    defaults = {"admin": "false", "inherit": "true", "set": "true"}
    words = [defaults | dict(zip(options[::2], options[1::2], strict=False)) for options in (one, other)]
    return tuple(
        word
        for name in defaults
        for word in (name, "false" if all(each[name] == "false" for each in words) else "true")
    )


def _creation(role: str, definitions: RoleDefinitions) -> str:
    attributes = [text for word, text in definitions.attributes[role].items() if word not in _STRIPPED]
    return f"CREATE ROLE {' '.join((quote_identifier(role), *attributes))};"


def _stripped(role: str, definitions: RoleDefinitions) -> str:
    lost = sorted(_STRIPPED & definitions.attributes[role].keys())
    return (
        f"without {' and '.join(word.upper() for word in lost)}, which a project does not give"
        if lost
        else ""
    )


def _settings(
    definitions: RoleDefinitions, made: set[str], target: TargetFacts
) -> tuple[list[str], dict[str, list[str]]]:
    """The settings of roles that differ from the target's; and those that cannot be given."""
    here: dict[tuple[str, str], str] = {}
    for role, text in target.role_settings:
        name, _, value = text.partition("=")
        here[role, name.lower()] = value
    statements: list[str] = []
    refused: dict[str, list[str]] = {}
    for (role, setting), statement in definitions.settings.items():
        if role == target.role or (role not in made and not is_reserved_role(role)):
            continue
        if statement.rstrip(";").rstrip().endswith(f"'{here.get((role, setting.lower()))}'"):
            continue
        if may_be_set_for_a_role(setting) and (role in made or role in target.admin_of):
            statements.append(f"{statement.rstrip(';')};")
        elif role in made:
            refused.setdefault(role, []).append(setting)
    return statements, refused


def _findings(
    made: list[str],
    definitions: RoleDefinitions,
    given: list[Membership],
    refused: Mapping[str, list[str]],
) -> Iterator[Finding]:
    if not made:
        return
    logins = [role for role in made if "login" in definitions.attributes[role]]
    if logins:
        yield Finding(
            Severity.WARNS,
            f"Set the passwords of {listed('role', logins)} again",
            "A backup made by a project’s own role has no passwords",
            "\n".join(f"ALTER ROLE {quote_identifier(role)} PASSWORD '…';" for role in logins),
        )
    lost = [
        f"{one.member} in {one.role}"
        for one in definitions.memberships
        if one.member in made
        and one.role not in made
        and not any((one.role, one.member) == (other.role, other.member) for other in given)
    ]
    lost += [f"{role}: {', '.join(names)}" for role, names in refused.items()]
    if lost:
        yield Finding(
            Severity.WARNS,
            "Memberships and settings of roles are left out that only the platform may give",
            "; ".join(lost),
        )


@dataclass(slots=True)
class _Lending:
    """What owners need while they are given their objects, and no longer.

    PostgreSQL lets a role give an object only to whom it may act for, and who might create it himself
    (https://www.postgresql.org/docs/current/sql-altertable.html).
    """

    entries: tuple[Entry, ...]
    graph: EntryGraph
    target: TargetFacts
    made: set[str]
    memberships: list[Membership]
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    on_creation: dict[int, str] = field(default_factory=dict)
    given_to: set[str] = field(default_factory=set)
    creators: set[tuple[str, str]] = field(default_factory=set)

    def plan(self) -> None:
        """Find what each owner lacks."""
        owned = [
            entry
            for entry in self.entries
            if entry.owner and not is_reserved_role(entry.owner) and has_an_owner(entry)
        ]
        for role in sorted({entry.owner for entry in owned}):
            if not self._may_act_for(role):
                continue
            for schema in sorted({entry.schema for entry in owned if entry.owner == role} - {""}):
                self._lend_schema(role, schema)

    def target_with(self, made: set[str]) -> TargetFacts:
        """The target as it is with these roles, and with what is lent."""
        target = self.target

        def as_mine(one: TargetObject) -> TargetObject:
            return replace(one, is_mine=True) if one.owner in self.given_to else one

        schemas = {one.name: one.owner for one in target.objects if one.kind == "SCHEMA"}
        own = {(owner, name) for name, owner in schemas.items() if owner in self.given_to}
        return replace(
            target,
            roles=target.roles | made,
            given_to=target.given_to | self.given_to,
            creators=target.creators | self.creators | own,
            creatable=target.creatable | {name for _, name in own},
            objects=tuple(map(as_mine, target.objects)),
            dependents=tuple((as_mine(needed), as_mine(one)) for needed, one in target.dependents),
        )

    def _may_act_for(self, role: str) -> bool:
        target = self.target
        if role in target.given_to:
            return True
        if role not in self.made and role not in target.admin_of:
            return False
        stays = any(one.role == role and one.member == target.role for one in self.memberships)
        if not stays:
            names = quote_identifier(role), quote_identifier(target.role)
            self.before.append(f"GRANT {names[0]} TO {names[1]};")
            self.after.append(f"REVOKE {names[0]} FROM {names[1]};")
        self.given_to.add(role)
        return True

    def _lend_schema(self, role: str, schema: str) -> None:
        if (role, schema) in self.target.creators or self._owns(role, schema):
            return
        own = next((e for e in self.entries if e.kind == "SCHEMA" and e.tag == schema), None)
        here = next((o for o in self.target.objects if (o.kind, o.name) == ("SCHEMA", schema)), None)
        if here is not None and not here.is_mine:
            return
        if here is None and (own is None or own.owner not in ("", self.target.role)):
            return
        on = f"CREATE ON SCHEMA {quote_identifier(schema)}"
        name = quote_identifier(role)
        if here is not None:
            self.before.append(f"GRANT {on} TO {name};")
        elif own is not None:
            lent = self.on_creation.get(own.dump_id, "").removesuffix(";")
            self.on_creation[own.dump_id] = f"{lent}, {name};" if lent else f"GRANT {on} TO {name};"
        if not self._keeps(role, schema):
            self.after.append(f"REVOKE {on} FROM {name};")
        self.creators.add((role, schema))

    def _owns(self, role: str, schema: str) -> bool:
        found = [one.owner for one in self.target.objects if (one.kind, one.name) == ("SCHEMA", schema)]
        return found == [role]

    def _keeps(self, role: str, schema: str) -> bool:
        """Whether the source or the target lets the role create in the schema anyway."""
        acls = [e for e in self.entries if e.kind == "ACL" and e.tag == f"SCHEMA {schema}"]
        here = [
            part
            for part in self.target.parts
            if part.of == ("SCHEMA", "", schema) and part.kind == "ACL" and part.name == role
        ]
        rights = granted(acls).get(role, frozenset())
        return bool({"CREATE", ALL} & rights) or any("CREATE" in part.rights for part in here)
