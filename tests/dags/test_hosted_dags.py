"""The DAGs of checkout, connecting and disconnecting, through ``dag.test()``."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.support.harness import Harness

pytestmark = [pytest.mark.xdist_group("airflow"), pytest.mark.filterwarnings("default")]
CHECKOUT = {"customer": "new", "plan": "pro", "success_url": "https://example.test/paid", "cancel_url": "",
            "period": "MONTHLY", "quantities": {"seats": 2}, "addons": {}, "coupon": "", "country": "", "resource": "",
            "trial_days": None, "subscription": "s-new"}  # fmt: skip


def test_a_checkout_by_dag_gives_its_url_and_is_completed_by_dag(bag: Any, harness: Harness) -> None:
    harness.reconcile()
    harness.world.stigg["customers"].append(
        dict(harness.world.stigg["customers"][0]) | {"customerId": "new", "id": "00000000-0000-4000-8000-0000000000ff"}
    )
    run = bag.dags["checkout__test"].test(run_conf=CHECKOUT)
    assert str(run.state) == "success"
    (page,) = harness.objects("checkout_sessions")
    (task,) = run.get_task_instances()
    assert task.xcom_pull(task_ids="checkout") == page["url"]
    httpx.post(f"{harness.stripe_url}/_world/checkout/{page['id']}", verify=False).raise_for_status()
    assert str(bag.dags["complete_checkout__test"].test(run_conf={"session": page["id"]}).state) == "success"
    assert harness.stigg("subscriptions", subscriptionId="s-new")["status"] == "ACTIVE"


@pytest.mark.parametrize(
    "wrong", [{"customer": ""}, {"success_url": "ftp://x"}, {"period": "WEEKLY"}, {"quantities": {"a": -1}}]
)
def test_bad_parameters_of_a_checkout_are_refused_by_the_form(bag: Any, wrong: dict[str, Any]) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError):
        for name, value in wrong.items():
            bag.dags["checkout__test"].params.get_param(name).resolve(value)


def test_connect_and_disconnect_by_dag(bag: Any, harness: Harness) -> None:
    assert str(bag.dags["connect__test"].test().state) == "failed", "the schedule of these tests reads too often"
    shown = {"confirm": "", "reason": "", "strip": False}
    assert str(bag.dags["disconnect__test"].test(run_conf=shown).state) == "success"
    wrong = {"confirm": "prod", "reason": "x", "strip": False}
    assert str(bag.dags["disconnect__test"].test(run_conf=wrong).state) == "failed"
    right = {"confirm": "test", "reason": "the end", "strip": False}
    assert str(bag.dags["disconnect__test"].test(run_conf=right).state) == "success"
