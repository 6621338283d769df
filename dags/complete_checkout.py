"""The DAG `complete_checkout__<environment>` of every environment."""

from stripe_sync.interfaces.airflow.dags.complete_checkout import complete_checkout_dags

complete_checkout_dags()
