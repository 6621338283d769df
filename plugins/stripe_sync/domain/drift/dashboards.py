"""Links to the pages of objects in both dashboards."""

from __future__ import annotations

from dataclasses import dataclass

from stripe_sync.domain.model.documents import (
    COUPON,
    CUSTOMER,
    PRICE,
    PRICE_VERSION,
    PRODUCT,
    STIGG_SUBSCRIPTION,
    SUBSCRIPTION,
)

WHERE = {
    PRODUCT: "products",
    PRICE: "prices",
    PRICE_VERSION: "prices",
    COUPON: "coupons",
    CUSTOMER: "customers",
    SUBSCRIPTION: "subscriptions",
    STIGG_SUBSCRIPTION: "subscriptions",
}


@dataclass(frozen=True)
class DashboardLinks:
    """Links to both sides: the Stripe dashboard (with ``/test`` in test mode) and the Stigg app, by a template."""

    dashboard: str
    stigg: str
    environment: str

    def stripe(self, kind: str, id: str | None) -> str:
        return f"{self.dashboard}/{WHERE[kind]}/{id}" if id else ""

    def stigg_of(self, entity: tuple[str, str] | None) -> str:
        if entity is None:
            return ""
        return self.stigg.format(environment=self.environment, kind=f"{entity[0]}s", id=entity[1])
