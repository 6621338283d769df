"""The state of one world, loaded from and printed as a world file.

A world file is one JSON document ``{"clock": ..., "stigg": {...}, "stripe": {...}}`` in the APIs' own shapes.
The clock stands still until it is moved, so a world is deterministic: ids are counted, never drawn.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from sandbox.world import history, ids

Obj = dict[str, Any]
DAY = 86_400  # seconds

STRIPE_COLLECTIONS = (
    "products", "prices", "coupons", "customers", "payment_methods", "discounts",
    "subscriptions", "subscription_schedules", "invoices", "invoiceitems", "credit_notes", "tax_registrations",
    "checkout_sessions", "portal_configurations", "meters", "meter_events", "test_clocks", "balance_transactions",
    "payment_intents", "refunds", "tax_rates", "promotion_codes", "events",
)  # fmt: skip
STIGG_COLLECTIONS = (
    "products", "plans", "addons", "features", "customers", "subscriptions", "coupons", "integrations", "usage",
    "eventLogs",
)  # fmt: skip
# What is not known for certain of the real APIs (docs/unknowns.md), and which answer this world gives.
UNKNOWNS = {
    "coupon_id_reuse": True,  # the id of a deleted coupon may be used again
    "zero_renewal_waits": True,  # a renewal of nothing waits as a draft like any other
    "integrations_readable": True,  # a server key may read Stigg's integrations
    "large_pages": True,  # Stigg gives pages of 50, and not of 25 alone
    "stigg_pages_clamp": True,  # a page that is too large is cut to Stigg's largest without a word, and not refused
    "plan_change_keeps_id": False,  # a change from a paid plan to a paid plan is made in place, and not by a new subscription
    "replaced_is_upgrade": False,  # one that a new subscription replaced ended by UpgradeOrDowngrade, and not by Immediate
    "event_logs_readable": False,  # a server key may read Stigg's event logs
    "reset_point_is_after": True,  # the value at a reset point is the one after it, and not the last one before
    "items_inherit_tax_rates": False,  # a one-off item on a subscription's invoice has the subscription's default tax rates
    "missing_location_finalizes": True,  # a renewal without a tax location is finalized untaxed, and tax switched off (C5)
    "one_off_without_location": False,  # a one-off invoice without a location is refused at creation, not at finalization
    "pending_negative_with_tax": True,  # a pending negative item keeps a renewal with automatic tax a draft
    "draft_meter_lines_follow": False,  # a draft shows what a meter counted before it is finalized
    "item_ties_up": False,  # ties of invoice items and metered lines are rounded up, and not to the even number
    "proration_floors": True,  # a proration is rounded down, and not to the nearest minor unit with ties down
    "removed_meter_bills": False,  # usage of a removed metered item is billed, and not dropped
    "clear_usage_refused": True,  # clear_usage is refused in flexible mode, and not without effect
    "end_removal_resets_anchor": True,  # taking cancel_at away moves the anchor to the running period's start
    "item_moves_finalization": False,  # an item that is put on a draft moves its finalization to an hour from then
    "isk_rounds": False,  # an invoice in ISK is rounded to whole kronur like one in UGX, and not kept a draft
    "short_leads_refused": True,  # automatically_finalizes_at has to be an hour ahead, and not just in the future
    "finalization_moves": True,  # automatically_finalizes_at can be moved on a subscription's draft
    "cancel_removes_prorations": True,  # C1: a cancel with both flags false removes pending prorations
    "negative_last_to_balance": False,  # C2: a negative last invoice credits the balance; no: uncollectible, and lost
    "cancel_stops_drafts": True,  # C3: a cancel stops the drafts of its subscription, and not finalized invoices alone
    "cancel_stops_customer": True,  # C3: a cancel stops the open invoices of the whole customer as well
    "canceled_draft_advances": False,  # auto_advance can be switched on again for a canceled subscription's draft
    "unpaid_renewals_stay_drafts": True,  # renewals of an unpaid subscription stay drafts, and are not finalized and left open
    "time_needs_auto_advance": False,  # a finalization time without auto_advance is refused, and not taken and never kept to
    "in_flight_is_idempotency_error": False,  # the type of the 409 of a key that is in use (C4)
    "idempotency_keys_forgotten": True,  # a key is removed after 24 hours, and not kept for ever
    "account_right_grantable": False,  # a restricted key can be given the right for GET /v1/account (C11)
    "thin_events_by_event_read": False,  # /v2/core/events is read by the right event_read, and not by one of its own
    "debit_refused_at_once": True,  # error_if_incomplete refuses a bank debit, which is never paid within the call (SB 21.11)
    "debit_leaves_incomplete": False,  # a subscription whose first debit is under way is incomplete, and not active
    "failed_debit_expires": True,  # a first debit that fails days later ends the subscription, and does not leave it past due
    "refusals_replay": True,  # a 400 that is met while a request is carried out is kept for its key
}
# What the account's owner has set in the Dashboard, under ``stripe.billing`` of a world file.
BILLING: Obj = {
    "retry_days": [1, 2, 4, 6, 8, 10, 12, 14],  # when a failed payment is tried again, in days after the first failure
    "after_retries": "canceled",  # what becomes of the subscription: canceled, unpaid or past_due
    "invoice_after_retries": "open",  # and of the invoice: open or uncollectible
    "debit_days": 4,  # how long a bank takes to answer a debit
    "grace_hours": 1,  # how long the draft of a renewal waits, up to 72
    "grace_rules": [],  # {"when": "cycle" or "metered", "hours": 72}: the first that fits goes before grace_hours
    "automatic_tax": False,  # whether a request that does not send automatic_tax is taxed
    "webhook_failing": False,  # an endpoint answers invoice.created with an error: drafts wait up to 72 hours
    "finalization_fails": {},  # customers whose invoices cannot be finalized, with the error's code
}
BUNDLED = Path(__file__).parent.parent / "worlds"


class EventSink(Protocol):
    """A recorder of events: it receives an event's type, its object and, for a change, the object before it."""

    def __call__(self, type: str, obj: Obj, previous: Obj | None = None, /) -> None: ...


class BadWorld(Exception):
    """The world file cannot be used; the message says which part, and what is expected."""


@dataclass
class Request:
    """One request as a server saw it (for tests and the demo); of its headers only the idempotency key."""

    side: str
    method: str
    path: str
    params: Obj
    status: int
    request_id: str
    rights: list[str] = field(default_factory=list)  # what a restricted key needs for it
    idempotency_key: str = ""


@dataclass
class Fault:
    """An answer that goes wrong on purpose: the nth matching request from now (1: the next), before or after its effect.

    For Stigg the method is ``STIGG`` and the path the name of the operation. ``kind``: ``status`` answers with ``status``; ``reset`` breaks the connection off without an answer; ``truncate`` sends
    half of the answer; ``delay`` waits ``seconds`` first; ``stale`` answers a list as it was when the fault was made;
    ``shift`` leaves the last row of a list's page out, as if pages had moved; ``account`` answers as another account;
    ``clock`` lets ``seconds`` pass first; ``lock`` answers 429 ``lock_timeout``; ``html`` answers 200 with a page that is
    no JSON; ``half`` answers with half of the JSON, ``strange`` with an object of no Stripe type; ``trickle`` sends the answer byte by byte, one in ``seconds``. ``times`` is for how many matching requests it
    holds from the nth on. ``stored``: whether a ``status`` is kept for the idempotency key, as Stripe keeps what it answered
    once execution began; by default a 402 and every 5xx is. ``reason``: which limit a 429 names.
    """

    method: str
    path: str
    nth: int = 1
    status: int = 500
    when: str = "before"
    kind: str = "status"
    seconds: float = 0
    times: int = 1
    kept: Any = None
    stored: bool | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        kinds = (
            "status",
            "reset",
            "truncate",
            "delay",
            "stale",
            "shift",
            "account",
            "clock",
            "lock",
            "html",
            "half",
            "strange",
            "trickle",
        )
        if self.kind not in kinds or self.when not in ("before", "after"):
            raise TypeError(f"a fault is one of {', '.join(kinds)}, before or after its effect")


@dataclass(frozen=True)
class KeptAnswer:
    """The answer that is kept for an idempotency key: what it was to, and ``at`` which time of the world's clock."""

    digest: str
    status: int
    body: Obj
    at: int
    path: str


@dataclass
class World:
    """Everything that both servers hold. ``now`` is Unix time in seconds, UTC."""

    now: int
    stripe: dict[str, dict[str, Obj]]
    account: Obj
    stripe_keys: list[Any]  # texts, or {"key": ..., "rights": [...], "wording": "new" | "old" | "app"}
    stigg: dict[str, list[Obj]]
    environment: Obj
    stigg_keys: list[str]
    limits: dict[str, float]
    stigg_limits: dict[str, float]
    unknowns: dict[str, bool] = field(default_factory=lambda: dict(UNKNOWNS))
    billing: Obj = field(default_factory=lambda: dict(BILLING))
    tax_settings: Obj = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    sequence: int = 0
    order: dict[str, int] = field(default_factory=dict)
    placed: int = 0
    replays: dict[str, KeptAnswer] = field(default_factory=dict)
    quantity_updates: dict[str, list[int]] = field(
        default_factory=dict
    )  # when quantities of a subscription were changed
    deleted_coupons: set[str] = field(default_factory=set)
    graves: dict[str, tuple[str, int]] = field(
        default_factory=dict
    )  # (collection, created) of what was deleted, by its id
    call_state: dict[str, Obj] = field(
        default_factory=dict
    )  # parameters of a checkout session, or polls of a clock, by id

    def next_id(self, prefix: str) -> str:
        """Return the next id of a kind, such as ``cus_q7Tn3kLw0XbR5e``; the same in every run of the same world."""
        self.sequence += 1
        return ids.object_id(prefix, self.sequence, self.now)

    def fault(self, method: str, path: str) -> Fault | None:
        """Return the fault that hits this request, which is then spent; every matching request counts."""
        for fault in list(self.faults):
            if fault.method == method and path.startswith(fault.path):
                fault.nth -= 1
                if fault.nth <= 0:
                    if fault.nth <= 1 - fault.times:
                        self.faults.remove(fault)
                    return fault
        return None

    def put(self, collection: str, obj: Obj) -> Obj:
        """Add or replaces an object; remembers the order of creation, which breaks ties of ``created``."""
        if "test_clock" in obj and (customer := self.stripe["customers"].get(str(obj.get("customer")))):
            obj["test_clock"] = customer.get("test_clock")
        self.stripe[collection][obj["id"]] = obj
        if self.graves.pop(obj["id"], None) is not None:  # the id of a deleted object is used again
            del self.order[obj["id"]]
        if obj["id"] not in self.order:
            self.order[obj["id"]] = self.placed = self.placed + 1
        return obj

    def bury(self, collection: str, obj: Obj) -> None:
        """Delete an object for good; its place in the list stays known, so that its id can still be a cursor."""
        self.stripe[collection].pop(obj["id"], None)
        self.graves[obj["id"]] = (collection, obj["created"])

    def newest_first(self, collection: str) -> list[Obj]:
        """Return the objects of a collection in the order in which Stripe lists them."""
        rows = self.stripe[collection].values()
        return sorted(rows, key=lambda o: (o["created"], self.order[o["id"]]), reverse=True)

    def items(self) -> Iterator[tuple[Obj, Obj]]:
        """Yield every (subscription, item) pair."""
        for subscription in self.stripe["subscriptions"].values():
            for item in subscription["items"]["data"]:
                yield subscription, item


def parse_time(value: object) -> int:
    """Unix seconds from a number of seconds or an ISO 8601 time with an offset."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        moment = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        raise BadWorld(f"clock: {value!r} is not a time; write Unix seconds or 2026-11-01T00:00:00Z") from None
    if moment.tzinfo is None:
        raise BadWorld(f"clock: {value!r} has no offset; write it with Z, such as {value}Z")
    return int(moment.timestamp())


def iso(seconds: int) -> str:
    """``2026-11-01T00:00:00.000Z``, the form that Stigg writes."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def find(name_or_file: str) -> Path:
    """Return the path of a bundled world by its name, or of a file."""
    bundled = BUNDLED / f"{name_or_file}.json"
    if bundled.is_file():
        return bundled
    path = Path(name_or_file)
    if path.is_file():
        return path
    names = ", ".join(sorted(p.stem for p in BUNDLED.glob("*.json")))
    raise BadWorld(f"no world {name_or_file!r}: neither a file nor one of the bundled worlds ({names})")


def load(path: Path) -> World:
    """Return the world of a file. Raises BadWorld, naming the part that is wrong."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadWorld(f"{path}: not a JSON document ({error})") from None
    return from_document(document)


def from_document(document: Any) -> World:
    """Return the world of a document. Raises BadWorld, naming the part that is wrong."""
    stigg, stripe = section(document, "stigg"), section(document, "stripe")
    if "clock" not in document:
        raise BadWorld('the world has no "clock"; give Unix seconds or an ISO time with Z')
    known = {"account", "keys", "limits", "tax_settings", "billing", "history", *STRIPE_COLLECTIONS}
    unknowns = document.get("unknowns", {})
    refuse_unknown("unknowns", unknowns, set(UNKNOWNS))
    refuse_unknown("stripe", stripe, known)
    refuse_unknown("stripe.billing", stripe.get("billing", {}), set(BILLING))
    refuse_unknown("stigg", stigg, {"environment", "keys", "limits", *STIGG_COLLECTIONS})
    world = World(
        now=parse_time(document["clock"]),
        stripe={name: {} for name in STRIPE_COLLECTIONS},
        account=section(stripe, "account"),
        stripe_keys=checked_keys(stripe.get("keys", ["sk_test_sandbox"])),
        stigg={name: list(stigg.get(name, [])) for name in STIGG_COLLECTIONS},
        environment=section(stigg, "environment"),
        stigg_keys=list(stigg.get("keys", ["server-sandbox"])),
        limits=dict(stripe.get("limits", {})),
        stigg_limits=dict(stigg.get("limits", {})),
        unknowns={**UNKNOWNS, **unknowns},
        billing={**BILLING, **stripe.get("billing", {})},
        tax_settings=dict(stripe.get("tax_settings", {})),
        sequence=int(document.get("sequence", 0)),
    )
    for event in history.events(world.now, world.account) if stripe.get("history", True) else ():
        world.put("events", event)
    for name in STRIPE_COLLECTIONS:
        for obj in stripe.get(name, []):
            if not isinstance(obj, dict) or "id" not in obj or "created" not in obj:
                raise BadWorld(f"stripe.{name}: every object needs an id and a created time")
            world.put(name, obj)
    return world


def checked_keys(keys: Any) -> list[Any]:
    """Return the keys of the Stripe section. Raises BadWorld for any other form than a string or an object with key and rights."""
    for key in keys:
        parts = set(key) if isinstance(key, dict) else set()
        if not isinstance(key, str) and not ({"key", "rights"} <= parts <= {"key", "rights", "wording", "expired"}):
            raise BadWorld(
                'stripe.keys: a key is a text, or {"key": ..., "rights": [...], "wording": "new", "old" or "app"}'
            )
    return list(keys)


def section(document: Any, name: str) -> Obj:
    """Return a part of the document that must be an object."""
    if not isinstance(document, dict) or not isinstance(document.get(name), dict):
        raise BadWorld(f'the world has no object "{name}"; see sandbox/README.md for its form')
    part: Obj = document[name]
    return part


def refuse_unknown(where: str, part: Obj, known: set[str]) -> None:
    """A misspelt collection would silently be empty: refuse it."""
    for name in part:
        if name not in known:
            raise BadWorld(f"{where}.{name}: no such part; known are {', '.join(sorted(known))}")


def to_document(world: World) -> Obj:
    """Return the world file that would load this state."""
    return {
        "clock": world.now,
        "sequence": world.sequence,
        "unknowns": world.unknowns,
        "stigg": {
            "environment": world.environment,
            "keys": world.stigg_keys,
            "limits": world.stigg_limits,
            **world.stigg,
        },
        "stripe": {
            "account": world.account,
            "keys": world.stripe_keys,
            "limits": world.limits,
            "billing": world.billing,
            "tax_settings": world.tax_settings,
            "history": False,
            **{name: list(rows.values()) for name, rows in world.stripe.items()},
        },
    }
