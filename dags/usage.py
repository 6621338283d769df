"""The DAG `usage__<environment>` of every environment."""

from stripe_sync.interfaces.airflow.dags.usage import usage_dags

usage_dags()
