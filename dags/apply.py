"""The DAG `apply__<environment>` of every environment."""

from stripe_sync.interfaces.airflow.dags.apply import apply_dags

apply_dags()
