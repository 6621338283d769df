"""Access to an environment's pages: read access to the runs of its DAG ``reconcile``, by Airflow's auth manager."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.models import DagModel
from fastapi import HTTPException, Request

from stripe_sync.core.config import settings


def permitted(user: GetUserDep) -> list[str]:
    """Return the environments that the user may see, by name."""
    return [name for name in sorted(settings.load()) if may_see(user, name)]


def allowed(request: Request, user: GetUserDep) -> None:
    """Raise HTTPException 403 where the user may not see the environment of the path, or it does not exist."""
    name = request.path_params["environment"]
    if name not in settings.load() or not may_see(user, name):
        raise HTTPException(
            403, "Access denied, or unknown environment. Ask for read access to the runs of its DAG reconcile__ENV."
        )


def may_see(user: Any, environment: str) -> bool:
    """Return whether the user has read access to the runs of ``reconcile__ENV``."""
    dag = f"reconcile__{environment}"
    details = DagDetails(id=dag, team_name=DagModel.get_team_name(dag))
    return bool(
        get_auth_manager().is_authorized_dag(
            method="GET", access_entity=DagAccessEntity.RUN, details=details, user=user
        )
    )
