"""Whether environments.toml can be read: the DAG fails with the sentence that says what is wrong with it.

It exists even when the file is broken and the other DAGs are not there.
"""

from __future__ import annotations

from airflow.sdk import DAG, task

from stripe_sync.interfaces.airflow.dag_arguments import START


def configuration_dags() -> list[DAG]:
    """Make the DAG `stripe_sync_configuration`, of which there is one."""
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
