from __future__ import annotations

from app.engine.restore.role_edits import as_one_role, mapped_role, policy_for, privileges_for

ROLES = {"anon", "app user", "me"}


def test_statements_that_name_missing_roles_go_and_the_rest_stays() -> None:
    acl = (
        "REVOKE ALL ON FUNCTION f() FROM PUBLIC;\n"
        "GRANT ALL ON FUNCTION f() TO gone;\n"
        'GRANT ALL ON FUNCTION f() TO "app user" WITH GRANT OPTION;\n'
        'GRANT SELECT ON TABLE "a;b" TO anon;\n'
    )
    edited = privileges_for(acl, ROLES, {"me"})
    assert edited.missing == ("gone",)
    assert edited.definition == acl.replace("GRANT ALL ON FUNCTION f() TO gone;\n", "")


def test_what_another_role_granted_goes_with_its_settings_of_the_session() -> None:
    acl = (
        "GRANT SELECT ON TABLE t TO anon;\n"
        "SET SESSION AUTHORIZATION boss;\nGRANT SELECT ON TABLE t TO me;\nRESET SESSION AUTHORIZATION;\n"
        "GRANT UPDATE ON TABLE t TO anon;\n"
    )
    edited = privileges_for(acl, ROLES, {"me"})
    assert edited.definition == "GRANT SELECT ON TABLE t TO anon;\nGRANT UPDATE ON TABLE t TO anon;\n"
    assert edited.missing == ("boss",)
    assert privileges_for(acl, ROLES, {"me", "boss"}).definition == acl


def test_default_privileges_need_both_roles() -> None:
    acl = "ALTER DEFAULT PRIVILEGES FOR ROLE boss IN SCHEMA s GRANT SELECT ON TABLES TO anon;\n"
    assert privileges_for(acl, ROLES, {"me"}).definition == ""
    assert privileges_for(acl, {*ROLES, "boss"}, {"me"}).missing == ("boss",)
    assert privileges_for(acl, ROLES, {"me", "boss"}).definition == acl


def test_a_role_called_public_is_not_the_public() -> None:
    assert privileges_for('GRANT SELECT ON TABLE t TO "public";\n', ROLES, ()).missing == ("public",)
    assert privileges_for("GRANT SELECT ON TABLE t TO PUBLIC;\n", ROLES, ()).missing == ()


def test_a_policy_keeps_the_roles_that_are_there() -> None:
    policy = (
        'CREATE POLICY "p TO gone" ON s.t AS RESTRICTIVE FOR SELECT TO gone, "app user" USING ((a = 1));\n'
    )
    edited = policy_for(policy, ROLES)
    assert edited.definition == policy.replace('TO gone, "app', 'TO "app')
    assert policy_for(policy, {"me"}).definition == ""
    assert policy_for("CREATE POLICY p ON t USING ((a TO gone));\n", ROLES).missing == ()


def test_the_role_of_a_user_mapping_is_found() -> None:
    assert mapped_role('CREATE USER MAPPING FOR "x y" SERVER s;', ROLES) == ("x y",)
    assert mapped_role("CREATE USER MAPPING FOR public SERVER s;", ROLES) == ()


def test_rights_given_in_anothers_name_are_given_in_ones_own() -> None:
    definition = (
        "GRANT SELECT ON TABLE public.a TO b;\n"
        "SET SESSION AUTHORIZATION b;\n"
        'GRANT SELECT ON TABLE public.a TO "SET SESSION AUTHORIZATION c;";\n'
        "RESET SESSION AUTHORIZATION;\n"
        "GRANT INSERT ON TABLE public.a TO d;\n"
    )

    assert as_one_role(definition).splitlines() == definition.splitlines()[0::2]
    assert as_one_role("REVOKE ALL ON TABLE public.a FROM b;\n") == "REVOKE ALL ON TABLE public.a FROM b;\n"
