"""Error answers of both servers."""

from __future__ import annotations

from typing import Any

DOCUMENTATION = "https://stripe.com/docs/error-codes/"
# Codes without a page of their own (FACTS_A 53, 57; the second is reported).
UNDOCUMENTED = ("subscription_payment_intent_requires_action", "property_expansion_max_depth")
# The parameter that a 404 of a path names: the placeholder of its route (FACTS_A 61, FACTS_B 85); "id" elsewhere.
PLACEHOLDERS = {"price": "price", "coupon": "coupon", "promotion code": "promotion_code", "tax rate": "tax_rate"}


class StripeRefusal(Exception):
    """An error answer in Stripe's form: status, type, code, message, and the parameter that is at fault.

    A code brings the address of its documentation (FACTS_A 57). An error that is not ``logged`` has no request_log_url.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        headers: dict[str, str] | None = None,
        logged: bool = True,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        self.logged = logged
        page = DOCUMENTATION + code.replace("_", "-") if code and code not in UNDOCUMENTED else None
        fields = {"type": type, "code": code, "doc_url": page, "message": message, "param": param, **more}
        self.body = {"error": {name: value for name, value in fields.items() if value is not None}}

    @property
    def param(self) -> str:
        """The parameter at fault, empty where none is named."""
        return str(self.body["error"].get("param", ""))

    def about(self, param: str) -> StripeRefusal:
        """Return this refusal with the name that the parameter has in another request."""
        if self.param:
            self.body["error"]["param"] = param
        return self


class NotModelled(Exception):
    """Something that the real API does and this sandbox does not: answered with 501 and its name, never with 200."""


class StiggRefusal(Exception):
    """An error in Stigg's form: a machine code under ``extensions``, usually with HTTP status 200."""

    def __init__(self, message: str, *, code: str, status: int = 200) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def missing(kind: str, id: str, *, param: str | None = None, status: int = 404) -> StripeRefusal:
    """Return Stripe's answer for an id that does not exist; without ``param``, it names the placeholder of the path."""
    mode = "(livemode=false)" if kind == "Invoice Item" else ""  # FACTS_B 53
    name = PLACEHOLDERS.get(kind, "id") if param is None else param
    return StripeRefusal(f"No such {kind}: '{id}'{mode}", status=status, code="resource_missing", param=name)


def invalid(message: str, *, param: str | None = None, code: str | None = None) -> StripeRefusal:
    """Return Stripe's plain 400."""
    return StripeRefusal(message, param=param, code=code)


def absent(param: str) -> StripeRefusal:
    """Return the refusal of a request without a parameter that it needs (FACTS_A 63)."""
    return invalid(f"Missing required param: {param}.", param=param, code="parameter_missing")


def not_in_future(name: str, moment: int) -> StripeRefusal:
    """Return the refusal of a time that is not in the future (FACTS_A 68)."""
    return invalid(
        f"The parameter `{name}` expects a unix timestamp representing a date and time in the future. "
        f"You specified the value `{moment}` which is in the past.",
        param=name,
    )


def only_one(first: str, second: str) -> StripeRefusal:
    """Return the refusal of two parameters that exclude each other (FACTS_A 89, 92)."""
    return invalid(f"You may only specify one of these parameters: {first}, {second}.", param=first)


def blank(param: str) -> StripeRefusal:
    """Return the refusal of an empty text where a value is needed, as many have reported it."""
    return invalid(
        f"You passed an empty string for '{param}'. We assume empty values are an attempt to unset a parameter; however "
        f"'{param}' cannot be unset. You should remove '{param}' from your request or supply a non-empty value.",
        param=param,
        code="parameter_invalid_empty",
    )
