"""Compares two snapshots: documents of both sides, what differs, in sentences and money, and everybody's status."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from stripe_sync import keys
from stripe_sync.desired import adoption, successors
from stripe_sync.desired.catalog import need, past
from stripe_sync.desired.found import found as found_in
from stripe_sync.desired.inputs import Desired, Inputs
from stripe_sync.desired.state import Offered, of_catalog, of_families, offered
from stripe_sync.drift.amounts import PriceBook
from stripe_sync.drift.rows import Places, rows
from stripe_sync.errors import Incomplete
from stripe_sync.model.documents import COUPON, CUSTOMER, PRODUCT, SUBSCRIPTION, Claim, Difference
from stripe_sync.model.status import EntityStatus, Reason, Status
from stripe_sync.pipeline import reach, rivals
from stripe_sync.pipeline.parts import Around, around_of, catalog_inputs, copied_of, family_inputs, with_links
from stripe_sync.pipeline.session import Run, Session
from stripe_sync.pipeline.station import Result, station
from stripe_sync.usage.charges import Problem, charges
from stripe_sync.warehouse import candidates, comparisons, families, links, snapshots, statuses
from stripe_sync.warehouse.comparisons import Made
from stripe_sync.warehouse.engine import one_at_a_time
from stripe_sync.warehouse.families import Members, Place
from stripe_sync.warehouse.snapshots import Snapshot

STALE = timedelta(hours=1)


@station
def compare(session: Session, run: Run, *, stigg: int, stripe: int) -> Result:
    """The comparison of two complete snapshots, in one REPEATABLE READ transaction.

    Decided anew is what changed since the comparison before, with the families that it belongs to, or everything; all else
    is taken over. Rows that the run's ``check_mirrors`` quarantined are left out.
    """
    name = session.environment.name
    pair = [snapshots.get(session.engine, id) for id in (stigg, stripe)]
    for snapshot in pair:
        require_fit(snapshot, name, run)
    repeatable = session.engine.execution_options(isolation_level="REPEATABLE READ")
    with one_at_a_time(session.engine, f"compare {name}"), repeatable.begin() as connection:
        around = around_of(session, run, connection, Place(name, *pair), checked_by=run.id)
        inputs = reach.inputs_of(around)
        before = comparisons.newest(connection, name)
        anew = reach.of(around, before, inputs)
        comparison = comparisons.begin(connection, run.id, *pair)
        families.begin(connection)
        work = Comparing(around, comparison)
        if anew is None:
            work.everything()
        elif before is not None:
            work.some(anew, since=before[0])
            comparisons.carry(connection, comparison, before[0])
            work.restore(before[1].statuses)
        comparisons.note_since(connection, comparison, now=run.now)
        counts = comparisons.counts(connection, comparison)
        since = run.now if anew is None or before is None else before[1].decided_at
        comparisons.conclude(connection, comparison, Made(counts, inputs, since, work.differing))
    return {
        "comparison": comparison,
        "differences": sum(counts.values()),
        "drift_by_kind": counts,
        "decided": work.decided,
        "everything": anew is None,
    }


def require_fit(snapshot: Snapshot, environment: str, run: Run) -> None:
    """Raises Incomplete for a snapshot that is partial, stale, or of another environment."""
    if not snapshot.complete or snapshot.environment != environment:
        raise Incomplete(f"The snapshot {snapshot.id} is not a complete one of {environment}; extract again.")
    if run.now - snapshot.upper_bound > STALE:
        raise Incomplete(f"The snapshot {snapshot.id} is of {snapshot.upper_bound:%Y-%m-%d %H:%M} UTC; extract again.")


class Comparing:
    """One comparison while it is made, a part at a time: however big the account, a part is held in memory."""

    def __init__(self, around: Around, comparison: int) -> None:
        self.around = around
        self.connection, self.name = around.connection, around.place.environment
        self.comparison = comparison
        self.places = Places(
            around.session.environment.dashboard(), around.session.environment.stigg_entity_url, self.name
        )
        self.differing: list[EntityStatus] = []
        self.decided = 0  # customers and subscriptions
        self.compared_ids = False  # whether the billing ids of all that was adopted were looked at
        self.done: set[tuple[str, str]] = set()  # the entities that were decided, where that is not everything

    def everything(self) -> None:
        """Decides everything anew."""
        self.around.session.progress("  everything is decided anew")
        candidates.clear(self.connection, self.name)
        rivals.refuse(self.around, after=0)
        rivals.refuse_vanished(self.around)
        self.compared_ids = True
        catalog = self.catalog()
        for members in families.everybody(self.connection, self.around.place):
            self.family(catalog, members)
        self.conclude_catalog(catalog)
        comparisons.close_absent(self.connection, self.comparison, self.name)
        families.forget_absent(self.connection, self.name)
        statuses.forget_others(self.connection, self.name, self.around.run.id)

    def some(self, anew: Members, *, since: int) -> None:
        """Decides the families of some anew, and the catalog where they need something else of its past than before."""
        if not anew:
            self.around.session.progress("  nothing that decides has changed")
            return
        rivals.refuse(self.around, after=comparisons.snapshot_of(self.connection, since))
        candidates.clear(self.connection, self.name, {""})
        catalog = self.catalog()
        needed = families.needed(self.connection, self.name)
        for members in families.some(self.connection, self.around.place, anew):
            owners = members.owners(self.around.place)
            candidates.clear(self.connection, self.name, set(owners))
            self.family(catalog, members)
            entities = {keys.entity_of(owner) for owner in owners}
            statuses.forget(self.connection, self.name, self.around.run.id, entities)
            self.done |= entities
        if families.needed(self.connection, self.name) != needed:
            self.conclude_catalog(catalog)
            self.done |= catalog.offer.statuses.keys()

    def catalog(self) -> Ground:
        """The catalog as families know it, after what both sides prove of it was linked."""
        around, inputs = self.around, catalog_inputs(self.around)
        found = adoption.products(inputs)
        inputs = self.linked(inputs, found.links)
        inputs = self.linked(inputs, adoption.prices(inputs))
        inputs = self.linked(inputs, adoption.coupons(inputs))
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
        made = of_catalog(ground.inputs, ground.offer, families.needed(self.connection, self.name))
        self.settle(made, ground.book, owners=[""])

    def family(self, ground: Ground, members: Members) -> None:
        """Decides and compares some whole families."""
        around, owners = self.around, members.owners(self.around.place)
        inputs, own = family_inputs(around, ground.inputs, members)
        rivals.refuse_detached(around, inputs)
        if not self.compared_ids and links.adopted_among(self.connection, self.name, rivals.unnamed(inputs)):
            rivals.refuse_vanished(around)
            self.compared_ids = True
        found = adoption.families(inputs)
        inputs = self.linked(inputs, found.links)
        inputs = self.with_candidates(inputs, found, copied_of(around, owners))
        inputs = self.moved(inputs)
        made = of_families(inputs, ground.offer, own)
        book = ground.book.also([c for c in [*made.desired.wanted, *made.desired.found] if "content" in c.facts])
        counted, problems = charges(inputs, made.catalog)
        self.settle(made.desired, book, owners=owners, problems=map(uncounted, problems))
        use = {charge.measured.subscription for charge in counted} | {problem.subscription for problem in problems}
        families.remember(
            self.connection,
            self.name,
            owners,
            needs=[(around.place.owner("subscription", id), what) for id, what in made.needs],
            wakes=[(around.place.owner("subscription", id), at) for id, at in inputs.awaited.items()],
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
        comparisons.store_drift(self.connection, self.comparison, drift)
        final = {(s.kind, s.id): s for s in [*judged(made, found), *problems]}
        statuses.store(self.connection, self.name, self.around.run.id, final.values())
        families.done(self.connection, owners)
        self.differing += [final[entity] for entity in sorted({d.entity for d in found if d.entity in final})]

    def linked(self, inputs: Inputs, found: Mapping[str, str]) -> Inputs:
        """The inputs with the links that both sides prove, recorded."""
        for key, id in found.items():
            links.add(self.connection, self.name, key, id, source="adopted")
        return with_links(inputs, found)

    def with_candidates(
        self, inputs: Inputs, found: adoption.Adoption, copied: Sequence[tuple[str, str, str]]
    ) -> Inputs:
        """The inputs with what waits for a person, kept."""
        waiting = [*((c.key, c.stripe_id, c.why) for c in found.candidates), *copied]
        candidates.add(self.connection, self.name, self.around.run.id, waiting)
        why = {key: f"{id} in Stripe may be it: {why}; link it, or take the trace away." for key, id, why in waiting}
        return replace(inputs, candidates={**inputs.candidates, **why})

    def moved(self, inputs: Inputs) -> Inputs:
        """The inputs with the links moved of subscriptions that go on under another id (BILLING 7)."""
        moves = successors.moved(inputs, successors.fates(inputs))
        for old, new in moves.items():
            links.move(self.connection, self.name, old, new)
        ids = {moves.get(key, key): id for key, id in inputs.links.ids.items()}
        return replace(inputs, links=replace(inputs.links, ids=ids)) if moves else inputs

    def restore(self, before: Iterable[EntityStatus]) -> None:
        """The statuses of the entities that differ as before: as they were judged, whatever became of a write since."""
        kept = [status for status in before if (status.kind, status.id) not in self.done]
        statuses.store(self.connection, self.name, self.around.run.id, kept)
        self.differing += kept


@dataclass(frozen=True)
class Ground:
    """The catalog's part of a comparison: its inputs, what it offers, and the money of every price version."""

    inputs: Inputs
    offer: Offered
    book: PriceBook


def every_version(offer: Offered) -> set[str]:
    """All versions of all packages, as if somebody needed each."""
    return {need(o.kind, o.package.ref_id, o.package.version_number) for o in offer.catalog.offers}


def judged(wanted: Desired, differences: Iterable[Difference]) -> list[EntityStatus]:
    """Everybody's status: an entity that waits for a write and has no difference is a success."""
    differing = {d.entity for d in differences if d.entity}
    main = {claim.entity: claim.stripe_id for claim in own_ids(wanted)}
    result = []
    for status in wanted.statuses.values():
        entity = (status.kind, status.id)
        stripe_id = status.stripe_id or main.get(entity)
        settled = status.reason is Reason.WAITS_FOR_WRITE and entity not in differing
        result.append(
            EntityStatus(
                status.kind,
                status.id,
                Status.SUCCESS if settled else status.status,
                Reason.NONE if settled else status.reason,
                status.detail,
                stripe_id,
            )
        )
    return result


def uncounted(problem: Problem) -> EntityStatus:
    """A subscription whose use cannot be billed as it is (BILLING 8): in error, whatever else is right about it."""
    reason = Reason(problem.reason)
    return EntityStatus(
        SUBSCRIPTION, problem.subscription, Status.ERROR, reason, problem.detail, problem.stripe_subscription
    )


def own_ids(wanted: Desired) -> Iterable[Claim]:
    """The found claims that are an entity's own object, with the entity: what Stigg calls its billing id."""
    owners = {claim.key: claim.entity for claim in wanted.wanted}
    for claim in wanted.found:
        entity = owners.get(claim.key)
        package = claim.kind == PRODUCT and claim.key.count(":") == 3
        coupon = claim.kind == COUPON and entity is not None and entity[0] == "coupon"
        if entity and (package or coupon or claim.kind in (CUSTOMER, SUBSCRIPTION)):
            yield Claim(claim.kind, claim.key, claim.document, entity, claim.stripe_id)
