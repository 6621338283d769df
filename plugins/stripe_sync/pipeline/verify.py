"""Proves a sample of what was made: reads it back by id and compares it with what was wanted.

Every write was compared with its answer already; reading back catches an answer that was not the truth.
"""

from __future__ import annotations

from stripe_sync.apply import answers
from stripe_sync.apply.targets import current
from stripe_sync.pipeline.registry import known_to, registry_of
from stripe_sync.pipeline.session import Run, Session
from stripe_sync.pipeline.station import Result, station
from stripe_sync.warehouse import journal, plans

SAMPLE = 5


@station
def verify(session: Session, run: Run) -> Result:
    """How many of the run's writes were read back, and which are not as wanted."""
    name = session.environment.name
    stored = plans.of_run(session.engine, name, run.id)
    done = {
        hash for hash, outcome in journal.concluded(session.engine, name, run.id).items() if outcome.result == "done"
    }
    made = [a for a in stored.plan.actions if a.hash in done and a.kind != "coupon.delete"] if stored else []
    sample = sorted(made, key=lambda a: a.hash)[:SAMPLE]
    with session.engine.connect() as connection:
        registry = registry_of(session, connection, known_to(session, connection, sample) if sample else {})
        open_intents = journal.open_of_run(connection, name, run.id)
    wrong = []
    for action in sample:
        held = current(session.stripe, action, registry)
        fields = list(answers.mismatches(action.after, answers.document(action, held, registry)))
        if fields:
            wrong.append(f"{action.target}: {', '.join(fields)}")
    return {"written": len(done), "read_back": len(sample), "wrong": wrong, "open_intents": open_intents}
