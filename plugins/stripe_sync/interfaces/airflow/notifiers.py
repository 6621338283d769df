"""Who is told when a run fails: a chat by its webhook, people by e-mail. Only counts, ids and amounts are sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx
from airflow.sdk import BaseNotifier

TIMEOUT = 10


class WebhookNotifier(BaseNotifier):
    """Posts ``{"text": ...}`` to the URL that is a connection's password (it is a secret), or its host: what chats take."""

    template_fields: Sequence[str] = ("text",)

    def __init__(self, connection_id: str, text: str) -> None:
        super().__init__()
        self.connection_id = connection_id
        self.text = text

    def notify(self, context: Any) -> None:
        """Raises httpx.HTTPStatusError where the chat does not take it; the task has failed already."""
        from stripe_sync.interfaces.airflow.hooks import connection_of

        connection = connection_of(self.connection_id)
        url = connection.password or connection.base_url("")
        body = {"text": f"{self.text} {context.get('exception') or ''}".strip()}
        httpx.post(url, json=body, timeout=TIMEOUT).raise_for_status()


def on_failure(environment: str, heading: Mapping[str, Any]) -> list[BaseNotifier]:
    """The notifiers of an environment's settings ``alert_webhook`` and ``alert_emails``."""
    title = f"stripe_sync {environment}: {{{{ dag.dag_id }}}}, run {{{{ run_id }}}}."
    found: list[BaseNotifier] = []
    if heading["alert_webhook"]:
        found.append(WebhookNotifier(heading["alert_webhook"], title))
    if heading["alert_emails"]:
        from airflow.providers.smtp.notifications.smtp import SmtpNotifier

        found.append(
            SmtpNotifier(to=heading["alert_emails"], subject=title, html_content=f"{title} {{{{ exception }}}}")
        )
    return found
