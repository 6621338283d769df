"""The sandbox's Stigg beside a Stripe account, started by one command; a second sandbox is in the account's place."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.builder import WorldBuilder
from sandbox.server.run import running
from sandbox.world.state import World, from_document
from tests.support import refusals

KEY = "rk_test_ofThePair"
RIGHTS = ("product_write", "plan_write", "coupon_write", "customer_write", "subscription_write", "invoice_write",
          "payment_method_write", "billing_clock_write", "credit_note_read", "tax_settings_read", "event_read",
          "accounts_kyc_basic_read", "checkout_session_read", "customer_portal_read")  # fmt: skip


@pytest.fixture
def account() -> Iterator[tuple[World, str]]:
    """An account with a restricted key, Stripe's limits on requests apart, since its clock does not stand in real time."""
    document = WorldBuilder(now=int(time.time())).document()
    document["stripe"]["keys"] = [{"key": KEY, "rights": list(RIGHTS), "wording": "new"}]
    document["stripe"]["limits"] = {"account": 0, "endpoint": 0, "clock_polls": 2}
    world = from_document(document)
    with refusals.watched(world), running(world) as (url, _):
        yield world, url


def command(folder: Path, key: str, *more: str) -> subprocess.CompletedProcess[str]:
    (folder / "key").write_text(key)
    given = ["--key-file", str(folder / "key"), "--state", str(folder / "state"), *more]
    return subprocess.run(
        [sys.executable, "-m", "demo.pair", *given], capture_output=True, text=True, timeout=300, check=False
    )


def test_month_ends_are_played_on_another_account_and_taken_away(tmp_path: Path, account: tuple[World, str]) -> None:
    """Two months of 20.00 and 1234 calls at 0.0027 (3.33): 23.33, half of it with the coupon (11.665)."""
    world, url = account
    done = command(tmp_path, KEY, "--base", url, "--months", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "a second run has nothing to do" in done.stdout
    assert "6 of 6 usage windows are billed" in done.stdout
    message = [line.strip() for line in done.stdout.splitlines() if line.startswith("  Pair")]
    assert sorted(message[:3]) == sorted(message[3:])
    assert [line for line in message if "Pair 2" in line or "Pair 3" in line] == 2 * [
        *[line for line in message[:3] if "Pair 1" not in line]
    ]
    assert all("paid, 2333 usd" in line for line in message if "Pair 1" not in line)
    assert all("open, 1166 usd" in line or "open, 1167 usd" in line for line in message if "Pair 1" in line)
    assert (world.stripe["test_clocks"], world.stripe["coupons"]) == ({}, {})
    assert all(c.get("deleted") for c in world.stripe["customers"].values())
    assert not [p for name in ("products", "prices") for p in world.stripe[name].values() if p["active"]]
    assert done.stderr == ""


def test_a_live_key_is_refused_in_one_sentence(tmp_path: Path) -> None:
    done = command(tmp_path, "sk_live_1Abc")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "The key is not a test key (sk_test_ or rk_test_), and a pair writes: give a test key.\n"


def test_a_key_without_a_right_is_one_sentence(tmp_path: Path, account: tuple[World, str]) -> None:
    world, url = account
    world.stripe_keys[:] = [{"key": KEY, "rights": ["product_write"], "wording": "old"}]
    done = command(tmp_path, KEY, "--base", url)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "403" in done.stderr
