"""Airflow: DAG factories, hooks and notifiers for DAG files of your own. It imports nothing heavy until they are used.

A DAG file of two lines makes every DAG of every environment::

    from stripe_sync.airflow import stripe_sync_dags

    stripe_sync_dags()
"""

from __future__ import annotations

from stripe_sync.interfaces.airflow.dags.all import stripe_sync_dags
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
from stripe_sync.interfaces.airflow.notifiers import WebhookNotifier

__all__ = [
    "WebhookNotifier",
    "apply_dags",
    "backfill_dags",
    "checkout_dags",
    "complete_checkout_dags",
    "configuration_dags",
    "connect_dags",
    "disconnect_dags",
    "reconcile_dags",
    "report_dags",
    "stripe_sync_dags",
    "usage_dags",
]
