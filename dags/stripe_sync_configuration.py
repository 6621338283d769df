"""Whether environments.toml can be read: this DAG fails with the very sentence that says what is wrong with it.

It exists even when the file is broken and the other DAGs are not there.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import dag, task


@dag(
    dag_id="stripe_sync_configuration",
    schedule="@daily",
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    default_args={"owner": "billing", "retries": 0},
    doc_md=__doc__,
    tags={"stripe_sync"},
)
def stripe_sync_configuration() -> None:
    @task
    def read_environments() -> list[str]:
        from airflow.sdk.exceptions import AirflowFailException

        from stripe_sync.core import settings
        from stripe_sync.core.errors import ConfigurationError

        try:
            return sorted(settings.load())
        except ConfigurationError as error:
            raise AirflowFailException(str(error)) from None

    read_environments()


stripe_sync_configuration()
