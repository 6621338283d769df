"""Compares two snapshots: documents of both sides, what differs, in sentences and money, and everybody's status."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection

from stripe_sync.desired import adoption, successors
from stripe_sync.desired.catalog import catalog
from stripe_sync.desired.inputs import Desired, Inputs, Links
from stripe_sync.desired.state import desired
from stripe_sync.drift.amounts import PriceBook
from stripe_sync.drift.rows import Places, by_object, rows
from stripe_sync.errors import Incomplete, RunStopped
from stripe_sync.model.documents import COUPON, CUSTOMER, PRODUCT, SUBSCRIPTION, Claim, Difference
from stripe_sync.model.status import EntityStatus, Reason, Status
from stripe_sync.pipeline import unchanged
from stripe_sync.pipeline.session import Run, Session
from stripe_sync.pipeline.station import Result, station
from stripe_sync.pipeline.views import stigg_view, stripe_view, without
from stripe_sync.usage.charges import charges
from stripe_sync.warehouse import candidates, comparisons, journal, links, runs, snapshots, statuses
from stripe_sync.warehouse.comparisons import Made
from stripe_sync.warehouse.engine import one_at_a_time
from stripe_sync.warehouse.snapshots import Snapshot

STALE = timedelta(hours=1)


@station
def compare(session: Session, run: Run, *, stigg: int, stripe: int) -> Result:
    """The comparison of two complete snapshots, in one REPEATABLE READ transaction.

    Rows that the run's ``check_mirrors`` quarantined are left out. Where nothing that decides has changed since the newest
    comparison, that one stands.
    """
    name = session.environment.name
    pair = [snapshots.get(session.engine, id) for id in (stigg, stripe)]
    for snapshot in pair:
        require_fit(snapshot, name, run)
    checked = runs.result(session.engine, name, run.id, "check_mirrors") or {}
    left_out = [(row[0], row[1], row[2]) for row in checked.get("quarantined", ())]
    repeatable = session.engine.execution_options(isolation_level="REPEATABLE READ")
    with one_at_a_time(session.engine, f"compare {name}"), repeatable.begin() as connection:
        exempt = candidates.ignored(connection, name)
        same = unchanged.inputs_of(session, run, connection, pair, left_out, exempt)
        before = comparisons.newest(connection, name)
        if before is not None and unchanged.stands(before[1], same, session.environment, run):
            return kept(session, run, connection, *before, pair)
        wanted, inputs = decide(session, run, connection, pair, left_out, exempt)
        comparison = comparisons.begin(connection, run.id, pair[0], pair[1])
        comparisons.store(connection, comparison, "wanted", wanted.wanted)
        comparisons.store(connection, comparison, "found", wanted.found)
        found = comparisons.compared(connection, comparison)
        book = PriceBook.of([*wanted.wanted, *wanted.found])
        drift = rows(found, book, places(session), ignored=exempt)
        differing = by_object(drift)
        counts = dict(sorted(Counter(fields[0].kind for fields in differing).items()))
        comparisons.store_drift(connection, comparison, drift, now=run.now)
        final = {(s.kind, s.id): s for s in [*judged(wanted, found), *uncounted(inputs)]}
        statuses.store(connection, name, run.id, final.values())
        statuses.forget_others(connection, name, run.id)
        missing = any(d.kind == SUBSCRIPTION and d.found is None for d in found)
        made = Made(
            counts,
            inputs="" if missing else same,  # how a missing one begins moves with the time
            decided_at=run.now,
            wakes_at=min(inputs.awaited, default=None),
            statuses=[final[entity] for entity in sorted({d.entity for d in found if d.entity in final})],
        )
        comparisons.conclude(connection, comparison, made)
    return {"comparison": comparison, "differences": len(differing), "drift_by_kind": counts, "decided": 1}


def kept(
    session: Session, run: Run, connection: Connection, before: int, made: Made, pair: Sequence[Snapshot]
) -> Result:
    """The comparison before this one again: what decided it is the same. Its entities wait for what they waited for."""
    session.progress(f"  nothing that decides has changed since {made.decided_at:%Y-%m-%d %H:%M} UTC")
    comparison = comparisons.keep(connection, before, run.id, pair[0], pair[1])
    statuses.store(connection, session.environment.name, run.id, made.statuses)
    counts = dict(made.counts)
    return {"comparison": comparison, "differences": sum(counts.values()), "drift_by_kind": counts, "decided": 0}


def require_fit(snapshot: Snapshot, environment: str, run: Run) -> None:
    """Raises Incomplete for a snapshot that is partial, stale, or of another environment."""
    if not snapshot.complete or snapshot.environment != environment:
        raise Incomplete(f"The snapshot {snapshot.id} is not a complete one of {environment}; extract again.")
    if run.now - snapshot.upper_bound > STALE:
        raise Incomplete(f"The snapshot {snapshot.id} is of {snapshot.upper_bound:%Y-%m-%d %H:%M} UTC; extract again.")


def places(session: Session) -> Places:
    """Where people look at both sides of a difference."""
    environment = session.environment
    return Places(environment.dashboard(), environment.stigg_entity_url, environment.name)


def decide(
    session: Session,
    run: Run,
    connection: Connection,
    pair: Sequence[Snapshot],
    left_out: Iterable[tuple[str, str, str]],
    exempt: frozenset[str],
) -> tuple[Desired, Inputs]:
    """The desired state from the two snapshots and the links, after what both sides prove was linked; and its inputs."""
    name = session.environment.name
    known = links.all_of(connection, name)
    stripe, unreadable = stripe_view(connection, pair[1], {id: key for key, id in known.items()})
    stigg = without(stigg_view(connection, pair[0], left_out), unreadable)
    held = Links(known, links.retired_coupons(connection, name), exempt)
    inputs = Inputs(session.environment, stigg, stripe, held, session.signer, run.now)
    refuse_rivals(session, connection, inputs)
    inputs = adopted(connection, run, inputs)
    inputs = moved(connection, inputs)
    return desired(inputs), inputs


def refuse_rivals(session: Session, connection: Connection, inputs: Inputs) -> None:
    """Raises RunStopped where Stigg's own integration still writes, or was taken away under us (BILLING 10)."""
    name = session.environment.name
    gone = successors.detached(inputs)
    if gone:
        raise RunStopped(
            f"{len(gone)} linked subscriptions of {name} ended by DetachBilling, such as {gone[0]}: Stigg's integration was "
            f"removed together with them. Nothing is canceled; restore them in Stigg, or end them in Stripe by hand."
        )
    vanished, adopted = adoption.vanished(inputs, links.of_source(connection, name, "adopted"))
    if vanished > adopted / 2:
        raise RunStopped(
            f"Stigg lost the billing ids of {vanished} of {adopted} adopted customers and subscriptions of {name}; look "
            f"whether its integration was removed with its data before anything is written."
        )
    since = journal.first_write(connection, name)
    found = adoption.intruders(inputs, since) if since is not None else []
    if found:
        raise RunStopped(
            f"{len(found)} objects in Stripe carry Stigg's metadata, not our mark, and are newer than our first write, such as "
            f"{found[0]}: something else syncs {name} as well. Remove Stigg's own integration, or take that metadata off."
        )


def adopted(connection: Connection, run: Run, inputs: Inputs) -> Inputs:
    """The inputs with the links that both sides prove, recorded, and with what waits for a person."""
    found = adoption.adoption(inputs)
    inputs = with_links(connection, inputs, found.links)
    inputs = with_links(connection, inputs, adoption.prices(inputs))
    inputs = with_links(connection, inputs, adoption.coupons(inputs))
    copied = runs.result_in(connection, inputs.environment.name, run.id, "extract_stripe") or {}
    all_found = [(c.key, c.stripe_id, c.why) for c in found.candidates]
    all_found += [(key, id, "its mark is on several objects") for key, id in copied.get("candidates", ())]
    candidates.replace_all(connection, inputs.environment.name, run.id, all_found)
    why = {key: f"{id} in Stripe may be it: {why}; link it, or take the trace away." for key, id, why in all_found}
    return replace(inputs, candidates=why)


def with_links(connection: Connection, inputs: Inputs, found: Mapping[str, str]) -> Inputs:
    """The inputs with more links, which are recorded."""
    if not found:
        return inputs
    for key, id in found.items():
        links.add(connection, inputs.environment.name, key, id, source="adopted")
    return replace(inputs, links=replace(inputs.links, ids={**inputs.links.ids, **found}))


def moved(connection: Connection, inputs: Inputs) -> Inputs:
    """The inputs with the links moved of subscriptions that go on under another id (BILLING 7)."""
    moves = successors.moved(inputs, successors.fates(inputs))
    if not moves:
        return inputs
    for old, new in moves.items():
        links.move(connection, inputs.environment.name, old, new)
    ids = {moves.get(key, key): id for key, id in inputs.links.ids.items()}
    return replace(inputs, links=replace(inputs.links, ids=ids))


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


def uncounted(inputs: Inputs) -> Iterable[EntityStatus]:
    """Subscriptions whose use cannot be billed as they are (BILLING 8): in error, whatever else is right about them."""
    if not any(price.billing_model == "USAGE_BASED" for _, p in inputs.stigg.packages() for price in p.prices or ()):
        return
    for problem in charges(inputs, catalog(inputs))[1]:
        yield EntityStatus(
            "subscription", problem.subscription, Status.ERROR, Reason(problem.reason), problem.detail,
            problem.stripe_subscription,
        )  # fmt: skip


def own_ids(wanted: Desired) -> Iterable[Claim]:
    """The found claims that are an entity's own object, with the entity: what Stigg calls its billing id."""
    owners = {claim.key: claim.entity for claim in wanted.wanted}
    for claim in wanted.found:
        entity = owners.get(claim.key)
        package = claim.kind == PRODUCT and claim.key.count(":") == 3
        coupon = claim.kind == COUPON and entity is not None and entity[0] == "coupon"
        if entity and (package or coupon or claim.kind in (CUSTOMER, SUBSCRIPTION)):
            yield Claim(claim.kind, claim.key, claim.document, entity, claim.stripe_id)
