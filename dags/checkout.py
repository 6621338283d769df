"""The DAG `checkout__<environment>` of every environment."""

from stripe_sync.interfaces.airflow.dags.checkout import checkout_dags

checkout_dags()
