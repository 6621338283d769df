"""Proves a sample of what was made: reads it back by id and compares it with what was wanted.

Every write was compared with its answer already; reading back catches an answer that was not the truth.
"""

from __future__ import annotations

from sqlalchemy import text

from stripe_sync.apply import answers
from stripe_sync.apply.targets import current
from stripe_sync.pipeline.registry import registry_of
from stripe_sync.pipeline.session import Run, Session
from stripe_sync.pipeline.station import Result, station
from stripe_sync.warehouse import journal, links, plans

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
        registry = registry_of(session, connection, links.all_of(connection, name) if sample else {})
        open_intents = connection.execute(
            text(
                "select count(*) from journal_intent i left join journal_outcome o on o.intent_id = i.id "
                "where i.environment = :e and i.run_id = :r and o.intent_id is null"
            ),
            {"e": name, "r": run.id},
        ).scalar_one()
    wrong = []
    for action in sample:
        held = current(session.stripe, action, registry)
        fields = list(answers.mismatches(action.after, answers.document(action, held, registry)))
        if fields:
            wrong.append(f"{action.target}: {', '.join(fields)}")
    return {"written": len(done), "read_back": len(sample), "wrong": wrong, "open_intents": open_intents}
