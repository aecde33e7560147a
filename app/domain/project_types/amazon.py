"""Amazon RDS and Aurora.

Source: Amazon's user guides: rds_superuser stands in for a superuser; servers from version 15 on insist on
TLS; one bundle has the certificates of all regions. *Not verified against the hosted service.*
"""

from __future__ import annotations

from app.domain.project_types.project_type import ProjectType, all_hosts_end_with

AMAZON = ProjectType(
    name="amazon",
    title="Amazon RDS or Aurora",
    recognises=all_hosts_end_with(".rds.amazonaws.com", ".rds.amazonaws.com.cn"),
    sslmode="require",
    direct="Use the endpoint of the instance or the cluster, not that of an RDS Proxy.",
    administrator="rds_superuser",
    to_read_all='As a member of rds_superuser, run: GRANT pg_read_all_data TO "{user}"; or use '
    "--exclude-table.",
    to_see_all_rows="Back up as the owner of these tables, or as a role with BYPASSRLS. The master user is "
    "only a member of rds_superuser, which is no superuser.",
    authority="Download global-bundle.pem from https://truststore.pki.rds.amazonaws.com/global/, and give "
    "it with sslrootcert=FILE.",
    unreachable="An instance that is not publicly accessible can be reached from its own network alone, and "
    "its security group must let this computer in.",
)
