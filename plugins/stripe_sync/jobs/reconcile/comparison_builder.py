"""A comparison while it is made: part by part, so that what is held in memory is a part however big the account is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from stripe_sync.core import keys
from stripe_sync.domain.actual import successors
from stripe_sync.domain.actual.actual_state import linked_documents as found_in
from stripe_sync.domain.adoption import link_discovery
from stripe_sync.domain.drift.amounts import PriceBook
from stripe_sync.domain.drift.dashboards import DashboardLinks
from stripe_sync.domain.drift.rows import rows
from stripe_sync.domain.model.documents import CUSTOMER, SUBSCRIPTION
from stripe_sync.domain.model.inputs import Inputs, TargetState
from stripe_sync.domain.model.status import EntityStatus
from stripe_sync.domain.target.catalog.catalog_versions import need, superseded
from stripe_sync.domain.target.target_state import CatalogState, catalog_state, of_catalog, of_families
from stripe_sync.domain.usage.charges import charges
from stripe_sync.jobs.inputs.partitions import ComparisonContext, catalog_inputs, copied_of, family_inputs, with_links
from stripe_sync.jobs.reconcile import conflicts
from stripe_sync.jobs.reconcile.entity_status import entity_statuses, uncounted
from stripe_sync.warehouse.comparisons import (
    catalog_references,
    comparisons,
    drift_rows,
    link_suggestions,
    links,
    statuses,
)
from stripe_sync.warehouse.copy import analyze_compared
from stripe_sync.warehouse.snapshots import families
from stripe_sync.warehouse.snapshots.families import Members

PARTS = 8  # from which on it matters that PostgreSQL knows how much there is


class Comparing:
    """One comparison while it is made, a part at a time: however big the account, a part is held in memory."""

    def __init__(self, context: ComparisonContext, comparison: int) -> None:
        self.context = context
        self.connection, self.name = context.connection, context.place.environment
        self.comparison = comparison
        self.dashboards = DashboardLinks(
            context.session.environment.dashboard(), context.session.environment.stigg.entity_url, self.name
        )
        self.decided = 0  # customers and subscriptions
        self.compared_ids = False  # whether the billing ids of all that was adopted were looked at

    def everything(self) -> None:
        """Compare everything."""
        self.context.session.progress("  everything is compared")
        link_suggestions.clear(self.connection, self.name)
        conflicts.refuse(self.context, after=0)
        conflicts.refuse_vanished(self.context)
        self.compared_ids = True
        comparisons.close(self.connection, self.comparison, self.name)
        catalog = self.catalog()
        for number, members in enumerate(families.iter_partitions(self.connection, self.context.place), start=1):
            self.family(catalog, members)
            if number >= PARTS and number.bit_count() == 1:  # 8, 16, 32, ...
                analyze_compared(self.connection)
        self.conclude_catalog(catalog)
        comparisons.close_absent(self.connection, self.comparison, self.name)
        catalog_references.forget_absent(self.connection, self.name)
        statuses.forget_others(self.connection, self.name, self.context.run.id)
        statuses.recount(self.connection, self.name)

    def affected(self, changed: Members, *, since: int) -> None:
        """Compare the partitions of changed members, and the catalog where their references to old versions changed."""
        if not changed:
            self.context.session.progress("  no relevant changes since the last comparison")
            return
        conflicts.refuse(self.context, after=comparisons.snapshot_of(self.connection, since))
        link_suggestions.clear(self.connection, self.name, {""})
        catalog = self.catalog()
        needed = catalog_references.needed(self.connection, self.name)
        for members in families.affected(self.connection, self.context.place, changed):
            owners = members.owners(self.context.place)
            link_suggestions.clear(self.connection, self.name, set(owners))
            comparisons.close(self.connection, self.comparison, self.name, owners=owners)
            self.family(catalog, members)
            statuses.forget(self.connection, self.name, self.context.run.id, map(keys.entity_of, owners))
        if catalog_references.needed(self.connection, self.name) != needed:
            comparisons.close(self.connection, self.comparison, self.name, owners=[""])
            self.conclude_catalog(catalog)

    def catalog(self) -> CatalogContext:
        """The catalog as families know it, after what both sides prove of it was linked."""
        context, inputs = self.context, catalog_inputs(self.context)
        found = link_discovery.products(inputs)
        inputs = self.linked(inputs, found.links)
        inputs = self.linked(inputs, link_discovery.prices(inputs))
        inputs = self.linked(inputs, link_discovery.coupons(inputs))
        inputs = self.with_suggestions(inputs, found, copied_of(context, None))
        state = catalog_state(inputs)
        there = [
            *state.catalog.targets,
            *superseded(inputs, state.catalog, every_version(state)),
            *found_in(inputs, inputs.stripe),
        ]
        return CatalogContext(inputs, state, PriceBook.of(there))

    def conclude_catalog(self, ground: CatalogContext) -> None:
        """Compares the catalog, once it is known who needs what of its past."""
        made = of_catalog(ground.inputs, ground.state, catalog_references.needed(self.connection, self.name))
        self.settle(made, ground.book, owners=[""])

    def family(self, ground: CatalogContext, members: Members) -> None:
        """Decides and compares some whole families."""
        context, owners = self.context, members.owners(self.context.place)
        inputs, own = family_inputs(context, ground.inputs, members)
        conflicts.refuse_detached(context, inputs)
        if not self.compared_ids and links.adopted_among(self.connection, self.name, conflicts.unnamed(inputs)):
            conflicts.refuse_vanished(context)
            self.compared_ids = True
        found = link_discovery.families(inputs)
        inputs = self.linked(inputs, found.links)
        inputs = self.with_suggestions(inputs, found, copied_of(context, owners))
        inputs = self.relink(inputs)
        made = of_families(inputs, ground.state, own)
        book = ground.book.also(
            [c for c in [*made.target_state.targets, *made.target_state.found] if "content" in c.facts]
        )
        counted, problems = charges(inputs, made.catalog)
        self.settle(made.target_state, book, owners=owners, problems=map(uncounted, problems))
        use = {charge.measured.subscription for charge in counted} | {problem.subscription for problem in problems}
        catalog_references.remember(
            self.connection,
            self.name,
            owners,
            references=[(context.place.owner("subscription", id), what) for id, what in made.catalog_references],
            rechecks=[(context.place.owner("subscription", id), at) for id, at in made.target_state.timers.items()],
            bill_use={context.place.owner("subscription", id) for id in use},
        )
        self.decided += len(owners)

    def settle(
        self, made: TargetState, book: PriceBook, *, owners: Sequence[str], problems: Iterable[EntityStatus] = ()
    ) -> None:
        """Compares what was decided of some owners; keeps documents, differences in words and money, and statuses."""
        found = comparisons.compared(
            self.connection, self.comparison, self.name, owners=owners, targets=made.targets, found=made.found
        )
        drift = rows(found, book, self.dashboards, ignored=self.context.exempt)
        drift_rows.store_drift(self.connection, self.comparison, self.name, drift, now=self.context.run.now)
        final = {(s.kind, s.id): s for s in [*entity_statuses(made, found), *problems]}
        statuses.store(self.connection, self.name, self.context.run.id, final.values())
        families.done(self.connection, owners)
        differing = sorted({d.entity for d in found if d.entity in final})
        of = [(self.owner(*e), final[e]) for e in differing]
        comparisons.store_statuses(self.connection, self.comparison, self.name, of)

    def linked(self, inputs: Inputs, found: Mapping[str, str]) -> Inputs:
        """The inputs with the links that both sides prove, recorded."""
        for key, id in found.items():
            links.add(self.connection, self.name, key, id, source="adopted")
        return with_links(inputs, found)

    def with_suggestions(
        self, inputs: Inputs, found: link_discovery.Adoption, copied: Sequence[tuple[str, str, str]]
    ) -> Inputs:
        """Store the link suggestions, and return the inputs with them."""
        waiting = [*((c.key, c.stripe_id, c.why) for c in found.suggestions), *copied]
        link_suggestions.add(self.connection, self.name, self.context.run.id, waiting)
        why = {
            key: f"Possible link: {id} in Stripe ({why}). Confirm it with stripe-sync link, or remove the reference."
            for key, id, why in waiting
        }
        return replace(inputs, suggestions={**inputs.suggestions, **why})

    def relink(self, inputs: Inputs) -> Inputs:
        """The inputs with the links moved of subscriptions that go on under another id (BILLING 7)."""
        relinked = successors.relinked(inputs, successors.resolutions(inputs))
        for old, new in relinked.items():
            links.move(self.connection, self.name, old, new)
        ids = {relinked.get(key, key): id for key, id in inputs.links.ids.items()}
        return replace(inputs, links=replace(inputs.links, ids=ids)) if relinked else inputs

    def owner(self, kind: str, id: str) -> str:
        """The owner (``keys.owner``) of an entity."""
        return self.context.place.owner(kind, id) if kind in (CUSTOMER, SUBSCRIPTION) else ""


@dataclass(frozen=True)
class CatalogContext:
    """The catalog's part of a comparison: its inputs, what it offers, and the money of every price version."""

    inputs: Inputs
    state: CatalogState
    book: PriceBook


def every_version(state: CatalogState) -> set[str]:
    """Return all versions of all packages, as if each were referenced."""
    return {need(o.kind, o.package.ref_id, o.package.version_number) for o in state.catalog.offers}
