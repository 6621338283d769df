"""All DAGs of all environments."""

from __future__ import annotations

from airflow.sdk import DAG

from stripe_sync.interfaces.airflow.dags.apply import apply_dags
from stripe_sync.interfaces.airflow.dags.backfill import backfill_dags
from stripe_sync.interfaces.airflow.dags.checkout import checkout_dags
from stripe_sync.interfaces.airflow.dags.complete_checkout import complete_checkout_dags
from stripe_sync.interfaces.airflow.dags.configuration import configuration_dags
from stripe_sync.interfaces.airflow.dags.connect import connect_dags
from stripe_sync.interfaces.airflow.dags.disconnect import disconnect_dags
from stripe_sync.interfaces.airflow.dags.reconcile import reconcile_dags
from stripe_sync.interfaces.airflow.dags.report import report_dags
from stripe_sync.interfaces.airflow.dags.usage import usage_dags

FACTORIES = (
    configuration_dags,
    reconcile_dags,
    apply_dags,
    backfill_dags,
    usage_dags,
    report_dags,
    checkout_dags,
    complete_checkout_dags,
    connect_dags,
    disconnect_dags,
)


def stripe_sync_dags() -> list[DAG]:
    """Create all DAGs. Raises ConfigurationError where environments.toml cannot be read; Airflow shows it."""
    return [dag for factory in FACTORIES for dag in factory()]
