"""The DAG `backfill__<environment>` of every environment."""

from stripe_sync.interfaces.airflow.dags.backfill import backfill_dags

backfill_dags()
