"""Alerts of failed runs: to a chat by webhook, to people by e-mail. They contain only counts, ids and amounts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx
from airflow.sdk import BaseNotifier

from stripe_sync.core.settings import Environment

TIMEOUT = 10


class WebhookNotifier(BaseNotifier):
    """Posts ``{"text": ...}`` to a chat's webhook. The URL is the connection's password (a secret), or its host."""

    template_fields: Sequence[str] = ("text",)

    def __init__(self, connection_id: str, text: str) -> None:
        super().__init__()
        self.connection_id = connection_id
        self.text = text

    def notify(self, context: Any) -> None:
        """Post the alert. Raises httpx.HTTPStatusError where the chat refuses it; the task has failed already."""
        from stripe_sync.interfaces.airflow.hooks import connection_of

        connection = connection_of(self.connection_id)
        url = connection.password or connection.base_url("")
        body = {"text": f"{self.text} {context.get('exception') or ''}".strip()}
        httpx.post(url, json=body, timeout=TIMEOUT).raise_for_status()


def on_failure(environment: str, settings: Environment) -> list[BaseNotifier]:
    """Return the notifiers of an environment's settings ``alerts.webhook`` and ``alerts.emails``."""
    title = f"stripe_sync {environment}: {{{{ dag.dag_id }}}}, run {{{{ run_id }}}}."
    found: list[BaseNotifier] = []
    if settings.alerts.webhook:
        found.append(WebhookNotifier(settings.alerts.webhook, title))
    if settings.alerts.emails:
        from airflow.providers.smtp.notifications.smtp import SmtpNotifier

        found.append(
            SmtpNotifier(to=settings.alerts.emails, subject=title, html_content=f"{title} {{{{ exception }}}}")
        )
    return found
