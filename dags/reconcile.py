"""The DAG `reconcile__<environment>` of every environment."""

from stripe_sync.interfaces.airflow.dags.reconcile import reconcile_dags

reconcile_dags()
