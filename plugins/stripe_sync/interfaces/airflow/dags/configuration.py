"""**Check that environments.toml can be read.** The task fails with the error and its fix.

This DAG exists even if the file is invalid and the other DAGs are missing.
"""

from __future__ import annotations

from airflow.sdk import DAG, task

from stripe_sync.interfaces.airflow.dag_arguments import START


def configuration_dags() -> list[DAG]:
    """Create the DAG `stripe_sync_configuration`, one for all environments."""
    with DAG(
        dag_id="stripe_sync_configuration",
        schedule="@daily",
        start_date=START,
        catchup=False,
        default_args={"owner": "billing", "retries": 0},
        doc_md=__doc__,
        tags={"stripe_sync"},
    ) as made:

        @task
        def read_environments() -> list[str]:
            from airflow.sdk.exceptions import AirflowFailException

            from stripe_sync.core.config import settings
            from stripe_sync.core.errors import ConfigurationError

            try:
                return sorted(settings.load())
            except ConfigurationError as error:
                raise AirflowFailException(str(error)) from None

        read_environments()
    return [made]
