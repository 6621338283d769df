"""A comparison while it is made: part by part, so that what is held in memory is a part however big the account is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from stripe_sync.core import keys
from stripe_sync.domain.actual import successors
from stripe_sync.domain.actual.stripe_objects import found as found_in
from stripe_sync.domain.adoption import link_discovery
from stripe_sync.domain.drift.amounts import PriceBook
from stripe_sync.domain.drift.rows import Places, rows
from stripe_sync.domain.model.documents import CUSTOMER, SUBSCRIPTION
from stripe_sync.domain.model.inputs import Desired, Inputs
from stripe_sync.domain.model.status import EntityStatus
from stripe_sync.domain.target.catalog import need, past
from stripe_sync.domain.target.target_state import Offered, of_catalog, of_families, offered
from stripe_sync.domain.usage.charges import charges
from stripe_sync.jobs.inputs.partitions import Around, catalog_inputs, copied_of, family_inputs, with_links
from stripe_sync.jobs.reconcile import conflicts
from stripe_sync.jobs.reconcile.entity_status import judged, uncounted
from stripe_sync.warehouse.comparisons import catalog_references, comparisons, link_suggestions, links, statuses
from stripe_sync.warehouse.copy import analyze_compared
from stripe_sync.warehouse.snapshots import families
from stripe_sync.warehouse.snapshots.families import Members

PARTS = 8  # from which on it matters that PostgreSQL knows how much there is


class Comparing:
    """One comparison while it is made, a part at a time: however big the account, a part is held in memory."""

    def __init__(self, around: Around, comparison: int) -> None:
        self.around = around
        self.connection, self.name = around.connection, around.place.environment
        self.comparison = comparison
        self.places = Places(
            around.session.environment.dashboard(), around.session.environment.stigg.entity_url, self.name
        )
        self.decided = 0  # customers and subscriptions
        self.compared_ids = False  # whether the billing ids of all that was adopted were looked at

    def everything(self) -> None:
        """Decides everything anew."""
        self.around.session.progress("  everything is decided anew")
        link_suggestions.clear(self.connection, self.name)
        conflicts.refuse(self.around, after=0)
        conflicts.refuse_vanished(self.around)
        self.compared_ids = True
        comparisons.close(self.connection, self.comparison, self.name)
        catalog = self.catalog()
        for number, members in enumerate(families.everybody(self.connection, self.around.place), start=1):
            self.family(catalog, members)
            if number >= PARTS and number.bit_count() == 1:  # 8, 16, 32, ...
                analyze_compared(self.connection)
        self.conclude_catalog(catalog)
        comparisons.close_absent(self.connection, self.comparison, self.name)
        catalog_references.forget_absent(self.connection, self.name)
        statuses.forget_others(self.connection, self.name, self.around.run.id)
        statuses.count_anew(self.connection, self.name)

    def some(self, anew: Members, *, since: int) -> None:
        """Decides the families of some anew, and the catalog where they need something else of its past than before."""
        if not anew:
            self.around.session.progress("  nothing that decides has changed")
            return
        conflicts.refuse(self.around, after=comparisons.snapshot_of(self.connection, since))
        link_suggestions.clear(self.connection, self.name, {""})
        catalog = self.catalog()
        needed = catalog_references.needed(self.connection, self.name)
        for members in families.some(self.connection, self.around.place, anew):
            owners = members.owners(self.around.place)
            link_suggestions.clear(self.connection, self.name, set(owners))
            comparisons.close(self.connection, self.comparison, self.name, owners=owners)
            self.family(catalog, members)
            statuses.forget(self.connection, self.name, self.around.run.id, map(keys.entity_of, owners))
        if catalog_references.needed(self.connection, self.name) != needed:
            comparisons.close(self.connection, self.comparison, self.name, owners=[""])
            self.conclude_catalog(catalog)

    def catalog(self) -> Ground:
        """The catalog as families know it, after what both sides prove of it was linked."""
        around, inputs = self.around, catalog_inputs(self.around)
        found = link_discovery.products(inputs)
        inputs = self.linked(inputs, found.links)
        inputs = self.linked(inputs, link_discovery.prices(inputs))
        inputs = self.linked(inputs, link_discovery.coupons(inputs))
        inputs = self.with_candidates(inputs, found, copied_of(around, None))
        offer = offered(inputs)
        there = [
            *offer.catalog.claims,
            *past(inputs, offer.catalog, every_version(offer)),
            *found_in(inputs, inputs.stripe),
        ]
        return Ground(inputs, offer, PriceBook.of(there))

    def conclude_catalog(self, ground: Ground) -> None:
        """Compares the catalog, once it is known who needs what of its past."""
        made = of_catalog(ground.inputs, ground.offer, catalog_references.needed(self.connection, self.name))
        self.settle(made, ground.book, owners=[""])

    def family(self, ground: Ground, members: Members) -> None:
        """Decides and compares some whole families."""
        around, owners = self.around, members.owners(self.around.place)
        inputs, own = family_inputs(around, ground.inputs, members)
        conflicts.refuse_detached(around, inputs)
        if not self.compared_ids and links.adopted_among(self.connection, self.name, conflicts.unnamed(inputs)):
            conflicts.refuse_vanished(around)
            self.compared_ids = True
        found = link_discovery.families(inputs)
        inputs = self.linked(inputs, found.links)
        inputs = self.with_candidates(inputs, found, copied_of(around, owners))
        inputs = self.moved(inputs)
        made = of_families(inputs, ground.offer, own)
        book = ground.book.also([c for c in [*made.desired.wanted, *made.desired.found] if "content" in c.facts])
        counted, problems = charges(inputs, made.catalog)
        self.settle(made.desired, book, owners=owners, problems=map(uncounted, problems))
        use = {charge.measured.subscription for charge in counted} | {problem.subscription for problem in problems}
        catalog_references.remember(
            self.connection,
            self.name,
            owners,
            needs=[(around.place.owner("subscription", id), what) for id, what in made.needs],
            wakes=[(around.place.owner("subscription", id), at) for id, at in made.desired.timers.items()],
            bill_use={around.place.owner("subscription", id) for id in use},
        )
        self.decided += len(owners)

    def settle(
        self, made: Desired, book: PriceBook, *, owners: Sequence[str], problems: Iterable[EntityStatus] = ()
    ) -> None:
        """Compares what was decided of some owners; keeps documents, differences in words and money, and statuses."""
        found = comparisons.compared(
            self.connection, self.comparison, self.name, owners=owners, wanted=made.wanted, found=made.found
        )
        drift = rows(found, book, self.places, ignored=self.around.exempt)
        comparisons.store_drift(self.connection, self.comparison, self.name, drift, now=self.around.run.now)
        final = {(s.kind, s.id): s for s in [*judged(made, found), *problems]}
        statuses.store(self.connection, self.name, self.around.run.id, final.values())
        families.done(self.connection, owners)
        differing = sorted({d.entity for d in found if d.entity in final})
        of = [(self.owner(*e), final[e]) for e in differing]
        comparisons.keep_judged(self.connection, self.comparison, self.name, of)

    def linked(self, inputs: Inputs, found: Mapping[str, str]) -> Inputs:
        """The inputs with the links that both sides prove, recorded."""
        for key, id in found.items():
            links.add(self.connection, self.name, key, id, source="adopted")
        return with_links(inputs, found)

    def with_candidates(
        self, inputs: Inputs, found: link_discovery.Adoption, copied: Sequence[tuple[str, str, str]]
    ) -> Inputs:
        """The inputs with what waits for a person, kept."""
        waiting = [*((c.key, c.stripe_id, c.why) for c in found.candidates), *copied]
        link_suggestions.add(self.connection, self.name, self.around.run.id, waiting)
        why = {key: f"{id} in Stripe may be it: {why}; link it, or take the trace away." for key, id, why in waiting}
        return replace(inputs, candidates={**inputs.candidates, **why})

    def moved(self, inputs: Inputs) -> Inputs:
        """The inputs with the links moved of subscriptions that go on under another id (BILLING 7)."""
        moves = successors.moved(inputs, successors.fates(inputs))
        for old, new in moves.items():
            links.move(self.connection, self.name, old, new)
        ids = {moves.get(key, key): id for key, id in inputs.links.ids.items()}
        return replace(inputs, links=replace(inputs.links, ids=ids)) if moves else inputs

    def owner(self, kind: str, id: str) -> str:
        """The owner (``keys.owner``) of an entity."""
        return self.around.place.owner(kind, id) if kind in (CUSTOMER, SUBSCRIPTION) else ""


@dataclass(frozen=True)
class Ground:
    """The catalog's part of a comparison: its inputs, what it offers, and the money of every price version."""

    inputs: Inputs
    offer: Offered
    book: PriceBook


def every_version(offer: Offered) -> set[str]:
    """All versions of all packages, as if somebody needed each."""
    return {need(o.kind, o.package.ref_id, o.package.version_number) for o in offer.catalog.offers}
