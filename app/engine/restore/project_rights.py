"""Plans what a restore into a Supabase project does about rights beside those that the dump gives itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from app.domain.restore import Action, Finding, PlannedObject, Severity
from app.engine.restore.rights import ALL, granted
from app.engine.restore.role_edits import STATEMENT
from app.engine.restore.wording import listed, some
from app.engine.restore_list import qualified_name
from app.postgres.archive_entry import Entry
from app.postgres.quoting import quote_identifier
from app.postgres.target_facts import TargetFacts
from app.postgres.target_parts import PUBLIC, DefaultRights
from app.supabase.platform import API_ROLES, OWNER, is_platform_owner, is_reserved_role

_DEFAULTS = {"r": "TABLES", "S": "SEQUENCES", "f": "ROUTINES", "T": "TYPES", "n": "SCHEMAS"}
_REVOKED = "revoked first, so that each object gets the rights that it has in the source"


@dataclass(frozen=True, slots=True)
class SetAside:
    """The default privileges of a project that are revoked before a restore, which sets the source's.

    Attributes:
        rights: what is revoked.
        of_role: whose objects get them: the restoring role's own when empty.
    """

    rights: tuple[DefaultRights, ...] = ()
    of_role: str = ""

    @property
    def statements(self) -> Iterator[str]:
        """What revokes them."""
        whose = f" FOR ROLE {quote_identifier(self.of_role)}" if self.of_role else ""
        for one in self.rights:
            if one.kind in _DEFAULTS:
                where = f" IN SCHEMA {quote_identifier(one.schema)}" if one.schema else ""
                role = PUBLIC if one.role == PUBLIC else quote_identifier(one.role)
                what = f"REVOKE ALL ON {_DEFAULTS[one.kind]} FROM {role}"
                yield f"ALTER DEFAULT PRIVILEGES{whose}{where} {what};"

    @property
    def planned(self) -> Iterator[PlannedObject]:
        """How a plan shows them."""
        roles: dict[tuple[str, str], set[str]] = defaultdict(set)
        for one in self.rights:
            roles[one.kind, one.schema].add(one.role)
        for (kind, schema), names in roles.items():
            name = f"{_DEFAULTS.get(kind, kind)}{f' in {schema}' if schema else ''}"
            yield PlannedObject("DEFAULT ACL", name, Action.CHANGE, f"{listed('role', names)}: {_REVOKED}")

    @property
    def findings(self) -> Iterator[Finding]:
        """What the user should know of it."""
        if self.rights:
            roles = listed("role", {one.role for one in self.rights})
            yield Finding(
                Severity.INFORMS,
                f"The default privileges of {roles} are {_REVOKED}",
                "Those of the source take their place at the end.",
            )


def set_aside(target: TargetFacts) -> SetAside:
    """The default privileges that stand in the way of a source's own: those of `postgres`.

    A dump says which rights were given, but not that others were not: what a new object gets by default
    would stay.
    """
    if not is_platform_owner(target.role):
        return SetAside(target.default_rights)
    if not target.is_superuser:
        return SetAside()
    kinds = ("r", "S", "f")  # what every project opens to its web interface
    roles = sorted(API_ROLES & target.roles)
    return SetAside(
        tuple(DefaultRights(kind, "public", role, (ALL,)) for kind in kinds for role in roles), OWNER
    )


def pass_on(
    acls: Iterable[tuple[Entry, Entry]], target: TargetFacts
) -> tuple[tuple[str, ...], tuple[Finding, ...]]:
    """What gives the user's own roles the rights that they have on objects of the platform.

    Args:
        acls: the rights on such objects, and these.
    """
    given: list[str] = []
    refused: list[str] = []
    for entry, whole in acls:
        grantable = {
            right for schema, name, right in target.grantable if (schema, name) == (whole.schema, whole.tag)
        }
        for statement in STATEMENT.findall(entry.definition):
            rights = granted([replace(entry, definition=statement)])
            if not rights or any(is_reserved_role(role) or role == PUBLIC for role in rights):
                continue
            wanted = {right.partition("(")[0] for names in rights.values() for right in names}
            may_give = target.is_superuser or wanted <= grantable or (wanted == {ALL} and bool(grantable))
            if may_give and rights.keys() <= target.roles:
                given.append(statement.strip())
            else:
                refused.append(f"{', '.join(sorted(rights))} on {qualified_name(entry)}")
    if not refused:
        return tuple(given), ()
    finding = Finding(
        Severity.WARNS,
        "Rights on objects of the platform are left out",
        some(refused),
        "Make the roles first where they are missing; other rights only the platform may give.",
    )
    return tuple(given), (finding,)
