"""What the Management API has of a project, without the web between: that has tests of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.domain.errors import AppError, ErrorCode

REF = "abcdefghijklmnopqrst"


@dataclass(frozen=True)
class Function:
    slug: str
    verify_jwt: bool = True


@dataclass(frozen=True)
class Named:
    name: str
    value: str = "digest"


@dataclass
class Project:
    """A project; `failures` are raised for a slug or a kind of settings."""

    bodies: dict[str, bytes] = field(default_factory=dict)
    configs: dict[str, dict[str, Any]] = field(default_factory=dict)
    failures: dict[str, ErrorCode] = field(default_factory=dict)
    deployed: dict[str, tuple[Mapping[str, Any], bytes]] = field(default_factory=dict)

    def _check(self, what: str) -> None:
        if what in self.failures:
            raise AppError(self.failures[what], "It does not work", detail=what)

    def project(self, ref: str) -> Any:
        raise AppError(ErrorCode.API_ERROR, "It does not work")

    def api_keys(self, ref: str) -> Sequence[Any]:
        return []

    def functions(self, ref: str) -> Sequence[Function]:
        self._check("functions")
        return [Function(slug) for slug in self.bodies]

    def function_body(self, ref: str, slug: str) -> bytes:
        self._check(slug)
        return self.bodies[slug]

    def config(self, ref: str, kind: str) -> Mapping[str, Any]:
        self._check(kind)
        return self.configs.get(kind, {"kind": kind})

    def secrets(self, ref: str) -> Sequence[Named]:
        self._check("secrets")
        return [Named("STRIPE_KEY")]

    def deploy_function(self, ref: str, metadata: Mapping[str, Any], body: bytes) -> None:
        self._check(str(metadata["slug"]))
        self.deployed[str(metadata["slug"])] = (metadata, body)
