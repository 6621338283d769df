"""Who may see an environment's pages: whoever may see the runs of its DAG ``reconcile``. The one module on Airflow's guards."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.models import DagModel
from fastapi import HTTPException, Request

from stripe_sync.core.config import settings


def permitted(user: GetUserDep) -> list[str]:
    """The environments that the user may see, by name."""
    return [name for name in sorted(settings.load()) if may_see(user, name)]


def allowed(request: Request, user: GetUserDep) -> None:
    """Refuses with 403 whoever may not see the environment of the path; one that is not there is refused as well."""
    name = request.path_params["environment"]
    if name not in settings.load() or not may_see(user, name):
        raise HTTPException(403, "You may not see this environment, or there is none of this name.")


def may_see(user: Any, environment: str) -> bool:
    dag = f"reconcile__{environment}"
    details = DagDetails(id=dag, team_name=DagModel.get_team_name(dag))
    return bool(
        get_auth_manager().is_authorized_dag(
            method="GET", access_entity=DagAccessEntity.RUN, details=details, user=user
        )
    )
