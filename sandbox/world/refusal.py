"""How both servers say no."""

from __future__ import annotations

from typing import Any


class StripeRefusal(Exception):
    """An error answer in Stripe's form: status, type, code, message, and the parameter that is at fault."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        fields = {"type": type, "code": code, "message": message, "param": param, **more}
        self.body = {"error": {name: value for name, value in fields.items() if value is not None}}


class NotModelled(Exception):
    """Something that the real API does and this sandbox does not: answered with 501 and its name, never with 200."""


class StiggRefusal(Exception):
    """An error in Stigg's form: a machine code under ``extensions``, usually with HTTP status 200."""

    def __init__(self, message: str, *, code: str, status: int = 200) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def missing(kind: str, id: str, *, param: str = "id", status: int = 404) -> StripeRefusal:
    """Stripe's answer for an id that does not exist."""
    return StripeRefusal(f"No such {kind}: '{id}'", status=status, code="resource_missing", param=param)


def invalid(message: str, *, param: str | None = None, code: str | None = None) -> StripeRefusal:
    """Stripe's plain 400."""
    return StripeRefusal(message, param=param, code=code)
