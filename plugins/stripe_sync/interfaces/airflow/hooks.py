"""Airflow hooks for Stripe and Stigg, with connection tests, and the lookup of Airflow connections."""

from __future__ import annotations

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from stripe_sync.clients.stigg.client import API as STIGG_URL
from stripe_sync.clients.stigg.client import StiggApi
from stripe_sync.clients.stripe.client import API as STRIPE_URL
from stripe_sync.clients.stripe.client import StripeApi
from stripe_sync.core.config.connections import Connection
from stripe_sync.core.errors import ConfigurationError, StripeSyncError


def connection_of(id: str) -> Connection:
    """Return an Airflow connection, from any secrets backend. Raises ConfigurationError where it does not exist."""
    try:
        found = BaseHook.get_connection(id)
    except AirflowNotFoundException:
        raise ConfigurationError(
            f"Connection {id} not found in Airflow. Create it under Admin > Connections, or set AIRFLOW_CONN_{id.upper()}."
        ) from None
    return Connection(
        id=id,
        type=found.conn_type,
        host=found.host,
        schema=found.schema,
        login=found.login,
        password=found.password,
        port=found.port,
        extra=found.extra_dejson,
    )


class StripeHook(BaseHook):
    """The connection type ``stripe``: the restricted key is the password, the host overrides the API's URL."""

    conn_name_attr = "stripe_conn_id"
    default_conn_name = "stripe_default"
    conn_type = "stripe"
    hook_name = "Stripe"

    def __init__(self, stripe_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.stripe_conn_id = stripe_conn_id

    def get_conn(self) -> StripeApi:
        """Return a client of the connection's account, without a rate budget."""
        connection = connection_of(self.stripe_conn_id)
        return StripeApi(connection.key(), base_url=connection.base_url(STRIPE_URL), attempts=1)

    def test_connection(self) -> tuple[bool, str]:
        """Return (whether the key is accepted, the account or the error)."""
        try:
            with self.get_conn() as api:
                return True, f"Account {api.account()['id']}"
        except StripeSyncError as error:
            return False, str(error)


class StiggHook(BaseHook):
    """The connection type ``stigg``: the server API key is the password, the host overrides the API's URL."""

    conn_name_attr = "stigg_conn_id"
    default_conn_name = "stigg_default"
    conn_type = "stigg"
    hook_name = "Stigg"

    def __init__(self, stigg_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.stigg_conn_id = stigg_conn_id

    def get_conn(self) -> StiggApi:
        """Return a client of the connection's environment."""
        connection = connection_of(self.stigg_conn_id)
        return StiggApi(connection.key(), base_url=connection.base_url(STIGG_URL), attempts=1)

    def test_connection(self) -> tuple[bool, str]:
        """Return (whether the key is accepted, the environment or the error)."""
        try:
            with self.get_conn() as api:
                return True, f"Environment {api.environment()['slug']}"
        except StripeSyncError as error:
            return False, str(error)
