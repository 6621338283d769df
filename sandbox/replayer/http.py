"""Requests in Stripe's form encoding, with nothing but the standard library."""

from __future__ import annotations

import http.client
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TRIES = 6


class LiveKey(Exception):
    """The key is not a test key: nothing is sent."""


class Unusable(Exception):
    """The server does not answer, or does not let the key do what a replay needs; or the key cannot be read."""


def key_in(file: Path) -> str:
    """Return the key that a file holds. Raises Unusable."""
    if not file.name:
        raise Unusable(
            "No key file is given: write KEY_FILE=FILE (or --key-file FILE), a file with a test key of the account."
        )
    try:
        key = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise Unusable(
            f"The key file {file} cannot be read ({error.strerror}): name a file that holds a test key of the account."
        ) from None
    except UnicodeDecodeError:
        key = ""
    if not re.fullmatch(r"[!-~]+", key):
        raise Unusable(
            f"The key file {file} has to hold one key and nothing else: write a test key of the account into it."
        )
    return key


@dataclass(frozen=True)
class Server:
    """A Stripe-like server: where it is, the key, the API version. Raises LiveKey for a key that is no test key."""

    base: str
    key: str
    version: str | None = None

    def __post_init__(self) -> None:
        if not re.match(r"https?://[^/]", self.base):
            raise Unusable(f"{self.base!r} is no address of a server: give --base http://HOST:PORT or https://HOST.")
        if not self.key.startswith(("sk_test_", "rk_test_")):
            raise LiveKey("The key is not a test key (sk_test_ or rk_test_); a replay writes, so give a test key.")

    def send(
        self, method: str, path: str, params: dict[str, Any], headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """Return (status, body). A rate limit or a lock is waited for, some times."""
        for attempt in range(TRIES):
            status, body = self.once(method, path, params, headers or {})
            code = body.get("error", {}).get("code") if isinstance(body, dict) else None
            if status != 429 or code not in ("rate_limit", "lock_timeout") or attempt == TRIES - 1:
                break
            time.sleep(0.2 * 2**attempt)
        return status, body

    def once(self, method: str, path: str, params: dict[str, Any], headers: dict[str, str]) -> tuple[int, Any]:
        encoded = urllib.parse.urlencode(flat(params))
        url, data = self.base + path, None
        if method == "POST":
            data = encoded.encode()
        elif encoded:
            url += "?" + encoded
        request = urllib.request.Request(url, data=data, method=method)
        version = {"Stripe-Version": self.version} if self.version else {}
        for name, value in ({"Authorization": f"Bearer {self.key}"} | version | headers).items():
            request.add_header(name, value)
        return answered(request)

    def control(self, method: str, path: str, body: dict[str, Any]) -> Any:
        """Return the answer of a sandbox's own control. Raises Unusable where it is refused."""
        request = urllib.request.Request(self.base + path, data=json.dumps(body).encode(), method=method)
        request.add_header("Content-Type", "application/json")
        status, answer = answered(request)
        if status != 200:
            raise Unusable(
                f"{self.base} answers {method} {path} with {status}, so it is no sandbox or refuses it ({answer}): "
                "time passes on a sandbox, or with make conformance on an account."
            )
        return answer


def answered(request: urllib.request.Request) -> tuple[int, Any]:
    """Return (status, body); a body that is no JSON is ``{"unreadable": its beginning}``. Raises Unusable."""
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        status, text = refused.code, refused.read()
    except (OSError, http.client.HTTPException) as error:
        raise Unusable(f"{request.host} does not answer ({error}): check --base and the network.") from None
    try:
        return status, json.loads(text or b"{}")
    except ValueError:
        return status, {"unreadable": text[:200].decode(errors="replace")}


def require_right(status: int, body: Any) -> None:
    """Raise Unusable for an answer that refuses the key (401), or a right of it (403)."""
    if status in (401, 403):
        error = body.get("error") if isinstance(body, dict) else None
        reason = str(error.get("message") or "") if isinstance(error, dict) else ""
        way_out = "give a test key of this account" if status == 401 else "add this right to the key and start again"
        raise Unusable(
            f"The account refuses the key ({status}): {reason or 'it gives no reason.'} The way out: {way_out}."
        )


def flat(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Return a value as form-encoded pairs as Stripe reads them, such as ``("items[0][price]", "price_1")``."""
    if isinstance(value, dict):
        return [p for k, v in value.items() for p in flat(v, f"{prefix}[{k}]" if prefix else str(k))]
    if isinstance(value, list):
        return [p for i, v in enumerate(value) for p in flat(v, f"{prefix}[{i}]")]
    return [(prefix, str(value).lower() if isinstance(value, bool) else str(value))]
