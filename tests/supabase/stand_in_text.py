"""Writes down all that a stand-in of a project holds, so that two can be compared."""

from __future__ import annotations

import re

from app.system.process import child_environment, run
from tests.supabase.stand_in import StandIn

_SAID_ANEW = re.compile(r"^\\(?:un)?restrict .*$", re.MULTILINE)
_ENTRY = re.compile(r"\n--\n-- (?=Name: |Data for Name: )")
_SECRETS = "Data for Name: secrets; Type: TABLE DATA; Schema: vault;"
_CONTENTS = """
SELECT format('%I.%I', schemaname, matviewname),
       query_to_xml(format('TABLE %I.%I', schemaname, matviewname), true, false, '')::text
FROM pg_matviews WHERE ispopulated ORDER BY 1
"""


def described(project: StandIn) -> list[str]:
    """Each object, row and right of a project in SQL, its roles, and what its materialized views hold.

    Secrets of the Vault are left out; rights come in a fixed order, which a server does not give them.
    """
    found = _ENTRY.split(_written(project, "pg_dump", "--dbname"))
    entries = [_in_order(entry) for entry in found if not entry.startswith(_SECRETS)]
    roles = _written(project, "pg_dumpall", "--dbname", "--roles-only", "--no-role-passwords")
    return [*entries, *roles.splitlines(), *(str(row) for row in project.as_admin(_CONTENTS))]


def differences(one: StandIn, other: StandIn) -> list[str]:
    """What is only in one of two projects; `-` before what is in the first, `+` in the second."""
    here, there = described(one), described(other)
    return [f"-{entry}" for entry in here if entry not in there] + [
        f"+{entry}" for entry in there if entry not in here
    ]


def _written(project: StandIn, program: str, word: str, *options: str) -> str:
    done = run(
        [project.installation.program(program), f"{word}={project.admin_conninfo}", *options],
        env=child_environment({"PGPASSWORD": project.admin_password}),
        timeout=60,
    )
    assert done.status == 0, done.errors
    return _SAID_ANEW.sub("", done.output)


def _in_order(entry: str) -> str:
    if "ACL;" not in entry.partition("\n")[0]:
        return entry
    return "\n".join(sorted(filter(None, entry.splitlines())))
