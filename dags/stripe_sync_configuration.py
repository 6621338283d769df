"""The DAG `stripe_sync_configuration`, which exists even where environments.toml cannot be read."""

from stripe_sync.interfaces.airflow.dags.configuration import configuration_dags

configuration_dags()
