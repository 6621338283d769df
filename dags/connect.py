"""The DAG `connect__<environment>` of every environment."""

from stripe_sync.interfaces.airflow.dags.connect import connect_dags

connect_dags()
