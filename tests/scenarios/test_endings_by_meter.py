"""Ends of a subscription whose renewal has usage charges and nothing in advance (BILLING 7). A call is 1.00.

Of 100 calls before the renewal the native integration sent 40 to the meter: 40.00 are on the renewal's invoice.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.builder import WorldBuilder, usage
from tests.scenarios.test_adopted_meters import native_with_use
from tests.scenarios.test_month_end_endings import end_in_stigg, finals
from tests.scenarios.test_owed import detail, rows
from tests.support.harness import Harness
from tests.support.metering import (
    HOUR,
    LEAD,
    MINUTE,
    cycle,
    ledger,
    lines,
    metered_lines,
    period_end,
    subscription,
    until,
    use,
)

Build = Callable[[WorldBuilder], Harness]
ENDED = ("NO_SYNC_REQUIRED", "ENDED")
PERSON = ("PENDING", "NEEDS_A_PERSON")


def use_alone() -> WorldBuilder:
    """A plan of 1.00 a call and nothing else, with one customer."""
    world = WorldBuilder()
    world.product("acme", "Acme")
    world.feature("calls", "API calls", meterType="Incremental")
    world.plan("pro", "Pro", [usage("calls", 1)])
    world.customer("c-1", "Customer 1", "c1@example.test")
    world.subscription("s-1", "c-1", "pro")
    return world


def counted(harness_of: Build) -> tuple[Harness, int]:
    """Return a harness whose meter has counted 40 of 100 calls, two minutes before the renewal, and the renewal's moment."""
    env = harness_of(use_alone())
    native_with_use(env)
    return used(env, 60)


def used(env: Harness, calls: int) -> tuple[Harness, int]:
    """Use some calls two hours before the renewal; move to two minutes before it."""
    env.reconcile()
    env.usage()
    end = period_end(env)
    use(env, calls, end - 2 * HOUR)
    until(env, end - 2 * MINUTE)
    env.reconcile()
    return env, end


@pytest.mark.parametrize("way", ["void", "collect"])
def test_meter_lines_of_a_renewal_after_the_end_are_a_row_until_a_person_billed_them_once(
    harness_of: Build, way: str
) -> None:
    """The invoice sells no period, so there is nothing to credit: its 40.00 are owed, and no advice gives them away."""
    env, end = counted(harness_of)
    end_in_stigg(env, end - MINUTE)
    until(env, end + 10 * MINUTE)
    env.reconcile()
    draft = cycle(env)
    assert (subscription(env)["status"], metered_lines(draft)) == ("canceled", [("40", 4000)])
    assert (draft["status"], draft["auto_advance"]) == ("draft", False), "never given back (BILLING 7)"
    found = env.usage()
    (final,) = finals(env)
    assert (lines(final), final["auto_advance"]) == ([("100", 10000)], False)
    (why,) = found["refused"]
    assert why.startswith(final["id"]) and "has also counted 40 of it" in why
    for _ in range(2):
        env.reconcile()
        assert (env.status("s-1"), rows(env, "after_end")) == (PERSON, [("s-1", "40.00 USD")])
        assert f"40.00 USD on {draft['id']} are owed" in detail(env)
        assert "void it where the final usage invoice bills the same use" in detail(env)
    api = env.stripe().v1.invoices
    api.finalize_invoice(draft["id"], {"auto_advance": False})
    env.reconcile()
    assert rows(env, "after_end") == [("s-1", "40.00 USD")], "final, and not collected"
    if way == "void":
        api.void_invoice(draft["id"])
    else:
        api.pay(draft["id"], {"paid_out_of_band": True})
    env.reconcile()
    assert rows(env, "after_end") == []


@pytest.mark.parametrize("way", ["void", "collect"])
def test_following_the_page_bills_the_use_once(harness_of: Build, way: str) -> None:
    """The final usage invoice of 100.00 and the renewal's 40.00 are the same use: one is collected, and 60.00 by hand."""
    env, end = counted(harness_of)
    end_in_stigg(env, end - MINUTE)
    until(env, end + 10 * MINUTE)
    env.reconcile()
    draft = cycle(env)
    env.usage()
    (final,) = finals(env)
    until(env, end + 2 * HOUR)
    assert both(env, final["id"]) == (
        f"do not switch it on while {draft['id']} (draft) bills 40.00 USD of the same use by a meter. Either finalize "
        f"{draft['id']} with auto_advance off and void it, then switch auto_advance of {final['id']} on; or collect "
        f"{draft['id']}, then delete {final['id']}, and bill the other 60.00 USD by hand, before discounts and tax."
    )
    api = env.stripe().v1.invoices
    api.finalize_invoice(draft["id"], {"auto_advance": False})
    if way == "void":
        api.void_invoice(draft["id"])
        env.later(MINUTE)
        assert both(env, final["id"]) == "switch auto_advance on, or finalize and void it."
        api.update(final["id"], {"auto_advance": True})
        env.later(HOUR)
        assert (final["status"], final["total"]) == ("open", 10_000), "40 and 60 calls, once"
    else:
        api.pay(draft["id"], {"paid_out_of_band": True})
        env.later(MINUTE)
        assert both(env, final["id"]) == (
            f"never switch it on, since {draft['id']} (paid) has billed 40.00 USD of the same use by a meter: delete "
            f"{final['id']}, and bill the other 60.00 USD by hand, before discounts and tax."
        )
        api.delete(final["id"])
        env.later(HOUR)
        env.usage(alerts=True)
        assert finals(env) == [], "it is not made again"
    collected = [i["total"] for i in env.objects("invoices") if i["status"] in ("open", "paid")]
    assert sum(collected) == (10_000 if way == "void" else 4000)


def both(env: Harness, final: str) -> str:
    """Return the way out that the page has of the final usage invoice, and of nothing else."""
    (page,) = env.usage(alerts=True)["pages"]
    assert page.startswith(f"{final} of {subscription(env)['id']} is a draft of 100.00 USD that nothing finalizes, ")
    return str(page).split("its auto_advance is off: ")[1]


def test_meter_lines_of_a_renewal_before_the_end_are_collected(harness_of: Build) -> None:
    """It ends two minutes after the renewal: the cancellation waits until the invoice of 40.00 and 60.00 is out."""
    env, end = counted(harness_of)
    until(env, end + 2 * MINUTE)
    end_in_stigg(env, end + 2 * MINUTE)
    until(env, end + 3 * MINUTE)
    env.usage()
    until(env, end + 14 * MINUTE)
    env.usage()
    env.reconcile()
    assert subscription(env)["status"] == "active"
    until(env, end + 14 * MINUTE + LEAD + 5 * MINUTE)
    env.usage()
    env.reconcile()
    bill = cycle(env)
    assert (subscription(env)["status"], bill["status"], bill["total"]) == ("canceled", "open", 10_000)
    assert bill["auto_advance"], "given back"
    assert ledger(env) == {"billed": ("60", 6000), "billed_before_us": ("40", 4000)}
    assert rows(env, "after_end") == []


def test_use_on_a_final_renewal_after_the_end_is_a_row_until_it_is_collected(harness_of: Build) -> None:
    """Seen two hours late: 5 calls are on the renewal's open invoice by our lines, and stay there; it sold nothing."""
    env, end = used(harness_of(use_alone()), 5)
    until(env, end + 2 * MINUTE)
    env.usage()
    until(env, end + 2 * HOUR)
    env.usage()
    end_in_stigg(env, end - MINUTE)
    env.reconcile()
    bill = cycle(env)
    assert (subscription(env)["status"], bill["status"], bill["auto_advance"]) == ("canceled", "open", False)
    assert (lines(bill), bill["total"], finals(env)) == ([("5", 500)], 500, [])
    for _ in range(2):
        assert (env.status("s-1"), rows(env, "after_end")) == (PERSON, [("s-1", "5.00 USD")])
        env.reconcile()
    env.stripe().v1.invoices.pay(bill["id"], {"paid_out_of_band": True})
    env.reconcile()
    assert (env.status("s-1"), rows(env, "after_end")) == (ENDED, [])
