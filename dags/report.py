"""The DAG `report__<environment>` of every environment."""

from stripe_sync.interfaces.airflow.dags.report import report_dags

report_dags()
