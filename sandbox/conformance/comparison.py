"""Comparison of two answers to one request, without values that differ between accounts: ids, times, page URLs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

ID = re.compile(r"\b[a-z]{2,12}(?:_[a-z]+)*_[A-Za-z0-9]{8,}\b")
# What a replay puts for {unique}, and the keys that a server makes.
UNIQUE = re.compile(r"\b(?:[0-9a-f]{10}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b")
# Fields that an account or a moment decides.
IGNORED = frozenset({
    "request_log_url", "hosted_invoice_url", "invoice_pdf", "invoice_prefix", "number", "receipt_number", "receipt_url",
    "url", "account_name", "account_country", "fingerprint", "confirmation_secret", "doc_url", "networks", "checks",
    "issuer_country", "available_payout_methods", "payment_method_types", "payment_method_configuration_details",
})  # fmt: skip
EARLIEST, LATEST = 1_000_000_000, 4_000_000_000  # numbers between these are moments


def since(body: Any, start: int) -> Any:
    """Return an answer with times as seconds after its object's ``created``, so that two accounts are comparable.

    ``created`` itself is seconds after ``start`` (Unix seconds) on a test clock, and any moment in an account's own time.
    """
    if isinstance(body, dict):
        created = body.get("created")
        base = int(created or 0) if is_moment(created) else start
        result = {key: since(value, base) for key, value in body.items() if key != "created"}
        if is_moment(created):
            result["created"] = f"start {base - start:+d} s" if body.get("test_clock") else "a moment"
        return result
    if isinstance(body, list):
        return [since(value, start) for value in body]
    return f"created {body - start:+d} s" if is_moment(body) else body


def masked(body: Any, names: dict[str, str]) -> Any:
    """Return an answer with its account's own ids and codes as the steps that made them (``names``), and no unique texts."""
    if isinstance(body, dict):
        return {key: masked(value, names) for key, value in body.items()}
    if isinstance(body, list):
        return [masked(value, names) for value in body]
    if not isinstance(body, str):
        return body
    for own, name in names.items():
        body = body.replace(own, name)
    return ID.sub(lambda found: f"{found[0].rpartition('_')[0]}_...", UNIQUE.sub("(unique)", body))


def is_moment(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and EARLIEST < value < LATEST


def differences(ours: Any, theirs: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield (path, ours, theirs) where two answers differ. A field that one does not have is ``(absent)``, as null is."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in sorted((set(ours) | set(theirs)) - IGNORED):
            yield from differences(ours.get(name), theirs.get(name), f"{path}.{name}" if path else name)
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(one, other, f"{path}.{index}")
    elif plain(ours) != plain(theirs):
        yield path, plain(ours), plain(theirs)


def plain(value: Any) -> Any:
    """Return a value as it is compared and shown."""
    if value is None or value in ([], {}):
        return "(absent)"
    if isinstance(value, list):
        return f"{len(value)} entries"
    return "an object" if isinstance(value, dict) else value
