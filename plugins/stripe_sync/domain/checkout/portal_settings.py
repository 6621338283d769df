"""The billing portal as the page recommends it: every switch, what it should be, and what it is. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Row = Mapping[str, Any]
State = Literal["ok", "differs", "optional", "unknown"]


@dataclass(frozen=True)
class Switch:
    """One switch of the page's list. ``recommended`` is ``on``, ``off``, or ``either`` where the page leaves it open."""

    number: str
    name: str
    recommended: str
    path: tuple[str, ...] = ()
    update: str = ""


SWITCHES = (
    Switch("1", "Launch customer portal with a link", "on", ("login_page", "enabled")),
    Switch("2.1", "Invoice history", "on", ("features", "invoice_history", "enabled")),
    Switch("3", "Customer information", "on", ("features", "customer_update", "enabled")),
    Switch("3.1", "Customer information: name", "off", update="name"),
    Switch("3.2", "Customer information: e-mail address", "off", update="email"),
    Switch("3.3", "Customer information: billing address", "on", update="address"),
    Switch("3.4", "Customer information: phone number", "either", update="phone"),
    Switch("3.5", "Customer information: tax ID", "either", update="tax_id"),
    Switch("4.1", "Payment method", "on", ("features", "payment_method_update", "enabled")),
    Switch("5.1", "Cancel subscriptions", "off", ("features", "subscription_cancel", "enabled")),
    Switch("5.2", "Pause subscriptions", "off", ("features", "subscription_pause", "enabled")),
    Switch("6.1", "Switch plans", "off", update="price"),
    Switch("6.2", "Update quantities", "off", update="quantity"),
)
# What of a configuration of our own the API sets.
RECOMMENDED: Mapping[str, Any] = {
    "features": {
        "customer_update": {"enabled": True, "allowed_updates": ["address", "phone", "tax_id"]},
        "invoice_history": {"enabled": True},
        "payment_method_update": {"enabled": True},
        "subscription_cancel": {"enabled": False},
        "subscription_pause": {"enabled": False},
        "subscription_update": {"enabled": False, "default_allowed_updates": ""},
    },
    "login_page": {"enabled": True},
}


def compared(configuration: Row) -> list[dict[str, Any]]:
    """A row a switch: its number on the page, its name, recommended and found, and whether they agree."""
    return [row(switch, found(switch, configuration)) for switch in SWITCHES]


def row(switch: Switch, value: bool | None) -> dict[str, Any]:
    is_now = "unknown" if value is None else "on" if value else "off"
    state: State = "optional" if switch.recommended == "either" else "ok" if is_now == switch.recommended else "differs"
    return {"number": switch.number, "switch": switch.name, "recommended": switch.recommended, "found": is_now,
            "state": "unknown" if state == "differs" and value is None else state}  # fmt: skip


def found(switch: Switch, configuration: Row) -> bool | None:
    """Whether a switch is on; None where Stripe does not say."""
    features = configuration.get("features") or {}
    if switch.update in ("price", "quantity"):
        of = features.get("subscription_update") or {}
        return bool(of.get("enabled")) and switch.update in (of.get("default_allowed_updates") or ())
    if switch.update:
        of = features.get("customer_update") or {}
        return bool(of.get("enabled")) and switch.update in (of.get("allowed_updates") or ())
    value: Any = configuration
    for name in switch.path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, bool) else None


def wrong(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The switches that are not as they are recommended."""
    return [f"{r['number']} {r['switch']}" for r in rows if r["state"] in ("differs", "unknown")]
