"""The web app: routes and response headers. The application that mounts it decides which environments a user may see.

Every route of an environment depends on ``allowed``. The app has no documentation route and no script, and writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jinja2
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import Engine

from stripe_sync.core.settings import Environment
from stripe_sync.interfaces.web import pages
from stripe_sync.interfaces.web.sections import Cell, Page, Section, Viewer

LINKS = (("", "Overview"), ("entities", "Entities"), ("plans", "Plans"), ("usage", "Usage"), ("reports", "Reports"))
REPORTS = ("index.html", "drift.xlsx", "drift.csv", "report.json", "summary.json")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'self'; "
    "base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
templates = jinja2.Environment(
    loader=jinja2.PackageLoader("stripe_sync.interfaces.web"), autoescape=True, undefined=jinja2.StrictUndefined
)
Show = Callable[..., Page | None]


@dataclass(frozen=True)
class AppDependencies:
    """Ports of the app, supplied by the application that mounts it.

    ``permitted`` (FastAPI dependency) returns the environments that the user may see, by name; ``allowed`` (FastAPI
    dependency) raises HTTPException 403 for any other. ``folder`` returns the path object of an environment's reports.
    ``airflow`` is the path of Airflow's pages, ``prefix`` the path of the app below it.
    """

    permitted: Callable[..., Any]
    allowed: Callable[..., Any]
    environments: Callable[[], dict[str, Environment]]
    engine: Callable[[], Engine]
    now: Callable[[Environment], datetime]
    folder: Callable[[str], Any]
    airflow: str = ""
    prefix: str = "/stripe-sync"

    @property
    def base(self) -> str:
        """Return the path that the app is served under."""
        return f"{self.airflow}{self.prefix}"


def create_app(dependencies: AppDependencies) -> FastAPI:
    """Create the app; every route is guarded."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.middleware("http")
    async def add_headers(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    @app.get("/", response_class=HTMLResponse)
    def index(names: list[str] = Depends(dependencies.permitted)) -> str:  # noqa: B008
        rows = tuple((Cell(name, f"{dependencies.base}/{name}/"),) for name in names)
        note = "" if rows else "You have no access to any environment. Ask for read access to a DAG reconcile__ENV."
        page = Page("Billing sync", (Section("Environments", ("environment",), rows, note),))
        return rendered(dependencies, page, environment="", here="-")

    app.include_router(routes(dependencies))
    return app


def routes(dependencies: AppDependencies) -> APIRouter:
    """Return the routes of one environment."""
    router = APIRouter(prefix="/{environment}", dependencies=[Depends(dependencies.allowed)])

    def shown(environment: str, here: str, make: Show, **given: Any) -> HTMLResponse:
        settings = dependencies.environments()[environment]
        viewer = Viewer(
            settings, dependencies.engine(), dependencies.now(settings), dependencies.base, dependencies.airflow
        )
        page = make(viewer, **given)
        if page is None:
            raise HTTPException(404, "Page not found. Check the id, or search the entities.")
        return HTMLResponse(rendered(dependencies, page, environment=environment, here=here))

    @router.get("/")
    def overview(environment: str) -> HTMLResponse:
        return shown(environment, "", pages.overview)

    @router.get("/entities")
    def entities(environment: str, kind: str = "", status: str = "", q: str = "", after: str = "") -> HTMLResponse:
        return shown(
            environment, "entities", pages.entities, kind=kind, status=status, q=q.strip()[:200], after=after[:200]
        )

    @router.get("/entities/{kind}/{id:path}")
    def entity(environment: str, kind: str, id: str) -> HTMLResponse:
        return shown(environment, "entities", pages.entity, kind=kind, id=id)

    @router.get("/customers/{id:path}")
    def customer(environment: str, id: str) -> HTMLResponse:
        return shown(environment, "entities", pages.customer, id=id)

    @router.get("/plans")
    def plans(environment: str) -> HTMLResponse:
        return shown(environment, "plans", pages.plans)

    @router.get("/plans/{run_id:path}")
    def plan(environment: str, run_id: str) -> HTMLResponse:
        return shown(environment, "plans", pages.plan, run_id=run_id)

    @router.get("/usage")
    def usage(environment: str) -> HTMLResponse:
        return shown(environment, "usage", pages.usage)

    @router.get("/reports")
    def reports(environment: str) -> HTMLResponse:
        folder = dependencies.folder(environment)
        existing = [name for name in REPORTS if (folder / name).exists()]
        rows = tuple((Cell(name, f"{dependencies.base}/{environment}/reports/{name}"),) for name in existing)
        note = "" if rows else f"No report yet. The DAG report__{environment} writes it."
        return shown(
            environment, "reports", lambda v: Page("Reports", (Section("Newest report", ("file",), rows, note),))
        )

    @router.get("/reports/{name}")
    def report(environment: str, name: str) -> Response:
        path = dependencies.folder(environment) / name if name in REPORTS else None
        if path is None or not path.exists():
            raise HTTPException(404, "Report not found. Open the page Reports for the files.")
        attachment = {"Content-Disposition": f'attachment; filename="{environment}-{name}"'}
        return Response(path.read_bytes(), media_type="application/octet-stream", headers=attachment)

    return router


def rendered(dependencies: AppDependencies, page: Page, *, environment: str, here: str) -> str:
    """Return a page as HTML; ``here`` is the path of its entry in the navigation."""
    return templates.get_template("page.html").render(
        page=page,
        environment=environment or "environments",
        base=dependencies.base,
        root=f"{dependencies.base}/{environment}",
        links=LINKS if environment else (),
        here=here,
    )
