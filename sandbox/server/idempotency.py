"""Idempotency keys: the answer that is kept for each, the replay of it, and the conflicts of requests under way.

An answer is kept once the execution of its request began, errors included (SB 7.1). What is refused before that, such as a
validation error, is not kept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sandbox.world.refusal import StripeRefusal
from sandbox.world.state import Fault, KeptAnswer, Obj, World

LONGEST = 255  # characters of a key
KEPT_FOR = 24 * 3600  # seconds of the world's clock
LOCKED = (
    "This object cannot be accessed right now because another API request or Stripe process is currently accessing it. "
    "If you see this error intermittently, retry the request. If you see this error frequently and are making multiple "
    "concurrent requests to a single object, make your requests serially or at a lower rate."
)


@dataclass
class Conflicts:
    """Requests under way: their keys, and the objects that they lock."""

    keys: set[str] = field(default_factory=set)
    objects: list[str] = field(default_factory=list)

    @contextmanager
    def entered(self, world: World, *, verb: str, key: str | None, ids: list[str]) -> Iterator[None]:
        """Hold a key and, for a write, the objects of its path. Raises StripeRefusal for what another request holds."""
        if key is not None and key in self.keys:
            raise in_use(world, key)
        if set(ids) & set(self.objects):
            raise lock_timeout()
        held = ids if verb != "get" else []
        keys = {key} if key is not None else set()
        self.keys |= keys
        self.objects.extend(held)
        try:
            yield
        finally:
            self.keys -= keys
            for id in held:
                self.objects.remove(id)


def in_use(world: World, key: str) -> StripeRefusal:
    """Return the refusal of a key whose first request is under way; its type differs between sources (C4)."""
    type = "idempotency_error" if world.unknowns["in_flight_is_idempotency_error"] else "invalid_request_error"
    return StripeRefusal(
        f"There is currently another in-progress request using this Idempotent Key: {key}. Please try again later.",
        status=409,
        type=type,
        code="idempotency_key_in_use",
    )


def lock_timeout() -> StripeRefusal:
    """Return the refusal of an object that another request holds: a 429 without the reason header (SB 7.5)."""
    return StripeRefusal(LOCKED, status=429, code="lock_timeout", headers={"Stripe-Should-Retry": "true"})


def digest_of(text: str) -> str:
    """Return a digest of a body, which must be equal for two requests under one key."""
    return hashlib.sha256(text.encode()).hexdigest()


def kept(world: World, key: str, sent: tuple[str, str]) -> KeptAnswer | None:
    """Return the answer that is kept for a key, or None; ``sent`` is (path, body).

    Raises StripeRefusal for another path (reported, stripe-ruby 598), and for other parameters (SB 7.2).
    """
    path, text = sent
    if len(key) > LONGEST:
        raise StripeRefusal(f"Idempotency keys can have at most {LONGEST} characters", type="idempotency_error")
    found = world.replays.get(key)
    if found is None or is_forgotten(world, found):
        return None
    if found.path != path:
        raise StripeRefusal(
            f"Keys for idempotent requests can only be used for the same endpoint they were first used for "
            f"('{path}' vs '{found.path}'). Try using a key other than '{key}' if you meant to execute a different "
            f"request.",
            type="idempotency_error",
        )
    if found.digest != digest_of(text):
        raise StripeRefusal(
            f"Keys for idempotent requests can only be used with the same parameters they were first used with. "
            f"Try using a key other than '{key}' if you meant to execute a different request.",
            type="idempotency_error",
        )
    return found


def is_forgotten(world: World, answer: KeptAnswer) -> bool:
    """Return whether a key is older than a day, where keys are removed then ("at least 24 hours", SB 7.1)."""
    return world.unknowns["idempotency_keys_forgotten"] and world.now - answer.at >= KEPT_FOR


def keep(world: World, key: str, sent: tuple[str, str], *, status: int, body: Obj) -> None:
    """Keep an answer as it is now: later changes of its object do not show in replays (SB 7.4)."""
    path, text = sent
    world.replays[key] = KeptAnswer(digest_of(text), status, json.loads(json.dumps(body)), world.now, path)


def is_kept(world: World, refusal: StripeRefusal) -> bool:
    """Return whether a refusal that was met while a request was carried out is kept for its key."""
    return refusal.status == 402 or refusal.status >= 500 or (
        refusal.status in (400, 404) and world.unknowns["refusals_replay"]
    )  # fmt: skip


def is_stored(fault: Fault) -> bool:
    """Return whether a fault is an answer of the request's own execution, and not of something in front of it."""
    if fault.kind != "status":
        return False
    return fault.stored if fault.stored is not None else fault.status == 402 or fault.status >= 500
