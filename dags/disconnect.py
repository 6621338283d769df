"""The DAG `disconnect__<environment>` of every environment."""

from stripe_sync.interfaces.airflow.dags.disconnect import disconnect_dags

disconnect_dags()
