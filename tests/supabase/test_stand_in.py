from __future__ import annotations

from tests.supabase.stand_in import NewStandIn


def test_a_project_is_reached_over_tls_by_a_role_that_is_no_superuser(new_stand_in: NewStandIn) -> None:
    project = new_stand_in(with_user_objects=True)

    (row,) = project.sql(
        "SELECT rolsuper, ssl, rolbypassrls, (SELECT count(*) FROM auth.users) FROM pg_roles,"
        " pg_stat_ssl WHERE rolname = current_user AND pid = pg_backend_pid()"
    )

    assert row == (False, True, True, 30)
