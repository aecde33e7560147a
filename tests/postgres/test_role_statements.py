from __future__ import annotations

import secrets
from pathlib import Path

from app.postgres.role_statements import RoleDefinitions
from app.postgres.sandbox import SandboxServer
from app.postgres.script_outline import outline_script
from app.system.process import run

SCRIPT = """
CREATE ROLE "Shop App";
ALTER ROLE "Shop App" WITH NOSUPERUSER NOINHERIT NOCREATEROLE CREATEDB LOGIN NOREPLICATION NOBYPASSRLS
  CONNECTION LIMIT 5 PASSWORD 'topsecret' VALID UNTIL '2030-01-01 00:00:00+00';
ALTER ROLE "Shop App" SET search_path TO 'x', 'superuser';
CREATE ROLE boss SUPERUSER LOGIN;
CREATE ROLE readers;
CREATE ROLE staff;
GRANT readers TO staff WITH INHERIT FALSE, SET TRUE GRANTED BY postgres;
GRANT staff TO "Shop App" WITH ADMIN OPTION;
GRANT pg_read_all_data, elsewhere TO boss;
"""


def definitions(script: str = SCRIPT) -> RoleDefinitions:
    return outline_script([script.encode()]).role_definitions


def test_roles_are_made_as_they_were_but_for_passwords_and_power() -> None:
    assert definitions().statements({"boss"}, {"pg_read_all_data"}, 17) == (
        'CREATE ROLE "boss" LOGIN;',
        '-- if you trust it with that: ALTER ROLE "boss" SUPERUSER;',
        '-- if you trust it with that: GRANT "pg_read_all_data" TO "boss";',
    )
    (made, *_) = definitions().statements({"Shop App"}, {"staff"}, 17)
    assert made == (
        'CREATE ROLE "Shop App" NOINHERIT CREATEDB LOGIN CONNECTION LIMIT 5 '
        "VALID UNTIL '2030-01-01 00:00:00+00';"
    )


def test_the_roles_that_a_role_is_a_member_of_come_along() -> None:
    assert definitions().statements({"Shop App"}, set(), 17)[1:] == (
        'CREATE ROLE "staff";',
        'CREATE ROLE "readers";',
        'GRANT "readers" TO "staff" WITH INHERIT FALSE, SET TRUE;',
        'GRANT "staff" TO "Shop App" WITH ADMIN OPTION;',
    )
    assert 'GRANT "readers" TO "staff";' in definitions().statements({"staff"}, {"readers"}, 15)


def test_of_unknown_roles_only_the_name_is_known() -> None:
    assert definitions("").statements({"b", 'a"'}, set(), 17) == ('CREATE ROLE "a""";', 'CREATE ROLE "b";')


def test_names_and_dates_cannot_smuggle_in_statements() -> None:
    script = """CREATE ROLE "a""; DROP ROLE x; --" VALID UNTIL '1''; DROP ROLE x; --' CONNECTION LIMIT x;"""
    (made,) = definitions(script).statements({'a"; DROP ROLE x; --'}, set(), 17)
    assert made == (
        "CREATE ROLE \"a\"\"; DROP ROLE x; --\" VALID UNTIL '1''; DROP ROLE x; --' CONNECTION LIMIT 0;"
    )


def test_what_pg_dumpall_says_of_roles_can_be_run(each_server: SandboxServer, tmp_path: Path) -> None:
    mark = secrets.token_hex(4)
    one, two = f"One {mark}", f"two_{mark}"
    with each_server.connect() as session:
        session.execute(f'CREATE ROLE "{one}" LOGIN NOINHERIT BYPASSRLS CONNECTION LIMIT 3'.encode())
        session.execute(
            f'CREATE ROLE {two} CREATEDB; GRANT {two} TO "{one}"; ALTER ROLE {two} SET work_mem = 99'.encode()
        )
    try:
        done = run(
            [each_server.installation.program("pg_dumpall"), "-d", each_server.conninfo(), "--roles-only"],
            env=each_server.environment(),
            timeout=60,
        )
        assert done.status == 0, done.errors
    finally:
        with each_server.connect() as session:
            session.execute(f'DROP ROLE "{one}", {two}'.encode())
    major = each_server.installation.version.major
    statements = definitions(done.output).statements({one}, set(), major)
    with each_server.connect() as session:
        for statement in statements:
            session.execute(statement.encode())
        try:
            found = session.execute(
                "SELECT rolname, rolcanlogin, rolinherit, rolcreatedb, rolbypassrls, rolconnlimit "
                "FROM pg_roles WHERE rolname LIKE %s ORDER BY 1",
                [f"%{mark}"],
            ).fetchall()
            members = session.execute("SELECT pg_has_role(%s, %s, 'MEMBER')", [one, two]).fetchone()
        finally:
            session.execute(f'DROP ROLE "{one}", {two}'.encode())
    assert sorted(found) == sorted([(one, True, False, False, False, 3), (two, False, True, True, False, -1)])
    assert members == (True,)
