"""The billing portal as the page recommends it: every switch, what it should be, and what it is. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

State = Literal["ok", "differs", "optional", "unknown"]


class Feature(msgspec.Struct, frozen=True):
    """A feature that is on or off; None where Stripe does not say."""

    enabled: bool | None = None


class CustomerUpdate(msgspec.Struct, frozen=True):
    """Changes of a customer that the portal permits."""

    enabled: bool | None = None
    allowed_updates: list[str] | None = None


class SubscriptionUpdate(msgspec.Struct, frozen=True):
    """Changes of a subscription that the portal permits; an empty text permits none."""

    enabled: bool | None = None
    default_allowed_updates: list[str] | str | None = None


class Features(msgspec.Struct, frozen=True, kw_only=True):
    """Features of a configuration."""

    customer_update: CustomerUpdate | None = None
    invoice_history: Feature | None = None
    payment_method_update: Feature | None = None
    subscription_cancel: Feature | None = None
    subscription_pause: Feature | None = None
    subscription_update: SubscriptionUpdate | None = None


class PortalSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Switches of a configuration of the billing portal, as Stripe's API reads and writes them."""

    features: Features | None = None
    login_page: Feature | None = None


class Configuration(PortalSettings, frozen=True, kw_only=True):
    """A configuration of the billing portal as Stripe holds it."""

    id: str
    is_default: bool
    metadata: Mapping[str, str] | None = None


@dataclass(frozen=True)
class SwitchState:
    """A switch: its number on the page, its name, recommended and found, and whether they agree."""

    number: str
    switch: str
    recommended: str
    found: str
    state: State


@dataclass(frozen=True)
class Switch:
    """One switch of the page's list. ``recommended`` is ``on``, ``off``, or ``either`` where the page leaves it open."""

    number: str
    name: str
    recommended: str
    feature: str = ""  # a field of ``Features``, or ``login_page``
    update: str = ""


SWITCHES = (
    Switch("1", "Launch customer portal with a link", "on", "login_page"),
    Switch("2.1", "Invoice history", "on", "invoice_history"),
    Switch("3", "Customer information", "on", "customer_update"),
    Switch("3.1", "Customer information: name", "off", update="name"),
    Switch("3.2", "Customer information: e-mail address", "off", update="email"),
    Switch("3.3", "Customer information: billing address", "on", update="address"),
    Switch("3.4", "Customer information: phone number", "either", update="phone"),
    Switch("3.5", "Customer information: tax ID", "either", update="tax_id"),
    Switch("4.1", "Payment method", "on", "payment_method_update"),
    Switch("5.1", "Cancel subscriptions", "off", "subscription_cancel"),
    Switch("5.2", "Pause subscriptions", "off", "subscription_pause"),
    Switch("6.1", "Switch plans", "off", update="price"),
    Switch("6.2", "Update quantities", "off", update="quantity"),
)
# The switches of a configuration of our own, as the API sets them.
RECOMMENDED = PortalSettings(
    features=Features(
        customer_update=CustomerUpdate(enabled=True, allowed_updates=["address", "phone", "tax_id"]),
        invoice_history=Feature(enabled=True),
        payment_method_update=Feature(enabled=True),
        subscription_cancel=Feature(enabled=False),
        subscription_pause=Feature(enabled=False),
        subscription_update=SubscriptionUpdate(enabled=False, default_allowed_updates=""),
    ),
    login_page=Feature(enabled=True),
)


def compared(settings: PortalSettings) -> list[SwitchState]:
    """Return the state of each switch of the page."""
    return [state_of(switch, found(switch, settings)) for switch in SWITCHES]


def state_of(switch: Switch, value: bool | None) -> SwitchState:
    """Return the state of a switch that is on, off, or not shown (None)."""
    is_now = "unknown" if value is None else "on" if value else "off"
    state: State = "optional" if switch.recommended == "either" else "ok" if is_now == switch.recommended else "differs"
    if state == "differs" and value is None:
        state = "unknown"
    return SwitchState(switch.number, switch.name, switch.recommended, is_now, state)


def found(switch: Switch, settings: PortalSettings) -> bool | None:
    """Return whether a switch is on; None where Stripe does not say."""
    features = settings.features or Features()
    if switch.update in ("price", "quantity"):
        change = features.subscription_update or SubscriptionUpdate()
        return bool(change.enabled) and switch.update in (change.default_allowed_updates or ())
    if switch.update:
        update = features.customer_update or CustomerUpdate()
        return bool(update.enabled) and switch.update in (update.allowed_updates or ())
    feature = settings.login_page if switch.feature == "login_page" else getattr(features, switch.feature)
    return feature.enabled if feature is not None else None


def wrong(rows: Iterable[SwitchState]) -> list[str]:
    """Return the switches that are not as recommended."""
    return [f"{row.number} {row.switch}" for row in rows if row.state in ("differs", "unknown")]
