"""The reconcile job, from top to bottom: the picture of the way of the data in code.

     Stigg                                                              Stripe
       │ extract                                                          │ extract
       ▼                                                                  ▼
   snapshot ─► check ─► desired ─► compare (SQL) ◄─ check ◄─ snapshot
                                      │
                                    drift ─► plan ─► guards ─► check ─► ask ─► apply ─► verify ─► report

Each line below is a station. In Airflow each is a task of ``dags/reconcile.py``; here they are calls. A station that
finished gives its kept result when it is asked again, so a run may be picked up where it stopped.
"""

from __future__ import annotations

from stripe_sync.jobs.reconcile.steps.apply import apply
from stripe_sync.jobs.reconcile.steps.check import check_mirrors, check_plan
from stripe_sync.jobs.reconcile.steps.compare import compare
from stripe_sync.jobs.reconcile.steps.extract import extract_stigg, extract_stripe
from stripe_sync.jobs.reconcile.steps.outcome import verdict
from stripe_sync.jobs.reconcile.steps.plan import plan
from stripe_sync.jobs.reconcile.steps.report import report
from stripe_sync.jobs.reconcile.steps.verify import verify
from stripe_sync.jobs.runtime.approvals import ask
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.preflight import preflight
from stripe_sync.jobs.runtime.step import Result


def reconcile(session: Session, run: Run) -> Result:
    """The whole job. Raises what stops it; what fails one row is in the report."""
    make_plan(session, run)
    check_plan(session, run)
    ask(session, run)
    apply(session, run)
    verify(session, run)
    report(session, run)
    return verdict(session, run)


def make_plan(session: Session, run: Run) -> Result:
    """The first half: everything that only reads."""
    place = preflight(session, run)
    stigg = extract_stigg(session, run)
    stripe = extract_stripe(session, run)
    check_mirrors(session, run, stigg=stigg["snapshot"], stripe=stripe["snapshot"])
    compared = compare(session, run, stigg=stigg["snapshot"], stripe=stripe["snapshot"])
    return plan(session, run, comparison=compared["comparison"], held_at_observe=place["held_at_observe"])
