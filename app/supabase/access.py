"""What a backup or restore needs to reach a Supabase project beside its database, as one value.

Light to import: what speaks to the web is imported by who uses it.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from app.domain.errors import AppError, ErrorCode
from app.domain.project import Secret


class Management(Protocol):
    """What backups and restores use of `management_api.ManagementApi`; msgspec knows what it answers."""

    def project(self, ref: str) -> Any:
        """With `name`, `status`, and `is_paused`."""

    def api_keys(self, ref: str) -> Sequence[Any]:
        """With `name`, `type` and `api_key`, a `Secret` or None."""

    def functions(self, ref: str) -> Sequence[Any]:
        """With at least `slug`."""

    def function_body(self, ref: str, slug: str) -> bytes:
        """What the function is made of."""

    def config(self, ref: str, kind: str) -> Mapping[str, Any]:
        """Settings, as the service gives them."""

    def secrets(self, ref: str) -> Sequence[Any]:
        """With `name`, and a digest as `value`."""

    def deploy_function(self, ref: str, metadata: Mapping[str, Any], body: bytes) -> None:
        """Make a function, or replace the one of its slug."""


@dataclass(frozen=True, slots=True)
class SupabaseAccess:
    """How to reach a project's web interfaces.

    Attributes:
        ref: of a hosted project; empty for a self-hosted or local one.
        storage_url: where its storage answers, without a slash at the end; empty where there is none.
        service_key: for storage; without one a hosted project's is asked for with the token.
        management: Supabase's own interface to hosted projects; None without a token.
        missing: what the user can do where key or token are missing.
    """

    ref: str = ""
    storage_url: str = ""
    service_key: Secret | None = None
    management: Management | None = None
    missing: str = ""
    _kept: list[Secret] = field(default_factory=list, repr=False, compare=False)

    def key_for_storage(self) -> Secret:
        """The key that may read all of the project's files; it is asked for once.

        Raises:
            AppError: TOKEN_MISSING with what to do about it; or why the key could not be had.
        """
        if self._kept:
            return self._kept[0]
        key = self.service_key or self._asked_key()
        if key is None:
            raise AppError(
                ErrorCode.TOKEN_MISSING,
                "There is no service key for the storage files",
                hint=self.missing or "Store the project's service_role key, or sign in with a token.",
            )
        check_key(key, self.ref)
        self._kept.append(key)
        return key

    def _asked_key(self) -> Secret | None:
        if self.management is None or not self.ref:
            return None
        keys = self.management.api_keys(self.ref)
        by_name = {key.name: key.api_key for key in keys if key.api_key is not None}
        legacy = by_name.get("service_role")
        secret = next((key.api_key for key in keys if key.type == "secret" and key.api_key), None)
        return legacy or secret


def hosted_storage_url(ref: str) -> str:
    """Where the storage of a hosted project answers."""
    return f"https://{ref}.supabase.co/storage/v1"


def check_key(key: Secret, ref: str) -> None:
    """Refuse what is no service key, or one of another project, before it is sent anywhere.

    Legacy keys are tokens that say whose they are and what they may do (JWT: three parts, the second one
    JSON in base64url). Others, `sb_secret_…`, say nothing; *not verified against the hosted service*.

    Raises:
        AppError: TOKEN_MALFORMED; the key stands in no text.
    """
    text = key.reveal()
    if text.startswith("sb_publishable_"):
        raise _wrong_key("It is a publishable key, which may not read everything")
    claims = _claims(text)
    role, owner = claims.get("role"), claims.get("ref")
    if role is not None and role != "service_role":
        raise _wrong_key(f"It is the key of the role {str(role)[:40]!a}")
    if owner is not None and ref and owner != ref:
        raise _wrong_key(f"It belongs to the project {str(owner)[:40]!a}, not to {ref}")


def _claims(token: str) -> dict[str, object]:
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _wrong_key(detail: str) -> AppError:
    return AppError(
        ErrorCode.TOKEN_MALFORMED,
        "The key is not the project's service key",
        detail=detail,
        hint="Copy the key service_role (or a secret key) from the project's API settings.",
    )
