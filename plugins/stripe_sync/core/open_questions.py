"""Open questions about the two APIs (BILLING 12): the question, the lanes that wait for its answer, and answers that keep
lanes from enforcing.

docs/unknowns.md has the same list with the safe default of each question; tests compare the two and the questions of probe.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from stripe_sync.core.lanes import Lane
from stripe_sync.core.settings import Environment


def always(settings: Environment) -> bool:
    """Concern every environment."""
    return True


def never_forbids(answer: str, settings: Environment) -> str:
    """Forbid nothing: every answer is supported."""
    return ""


def forbids_moving(answer: str, settings: Environment) -> str:
    """Forbid usage where Stripe does not move the finalization time, unless drafts are held by auto_advance."""
    if answer != "no" or settings.usage.hold_by_auto_advance:
        return ""
    return (
        "Stripe does not move the finalization time of a renewal's draft (finalization_moves), so drafts cannot be held. "
        "Set usage.hold_by_auto_advance = true."
    )


def forbids_a_long_lead(answer: str, settings: Environment) -> str:
    """Forbid usage where Stripe requires a finalization time further ahead than the pipeline sets."""
    if not answer.startswith("more"):
        return ""
    return (
        f"Stripe accepts a finalization time only {answer} ahead (smallest_lead), so a held draft cannot be released "
        "in time. Usage stays at propose."
    )


def forbids_other_reset_semantics(answer: str, settings: Environment) -> str:
    """Forbid usage where Stigg's value at a reset differs from the setting."""
    if answer not in {"after", "before"} - {settings.usage.reset_semantics}:
        return ""
    return (
        f"Stigg's value at a reset point is the one {answer} the reset (reset_point_value), and usage.reset_semantics is "
        f'"{settings.usage.reset_semantics}", so usage would be wrong. Set usage.reset_semantics = "{answer}".'
    )


@dataclass(frozen=True)
class Unknown:
    """One question. ``lanes`` may not enforce before it is answered or accepted by name.

    ``concerns`` returns whether an environment depends on it. ``forbids`` returns the message of an answer that keeps the
    lanes from enforcing, or an empty text. ``cause`` is the cause of actions that wait for a person until the answer is "yes".
    """

    name: str
    question: str
    lanes: tuple[Lane, ...] = ()
    concerns: Callable[[Environment], bool] = always
    forbids: Callable[[str, Environment], str] = never_forbids
    cause: str = ""


UNKNOWNS = (
    Unknown("coupon_id_reuse", "May the id of a deleted coupon be used again?", (Lane.CATALOG,)),
    Unknown(
        "subscription_id_on_change",
        "Does Stigg give a subscription a new id when its plan changes?",
        (Lane.SUBSCRIPTIONS,),
    ),
    Unknown("replaced_reason", "Which reason has a subscription that a new paid one ended?"),
    Unknown("inactive_usage", "Which usage does Stigg leave out without ended subscriptions?"),
    Unknown(
        "reset_point_value",
        "Is the value at a reset point the one after it, or the last before?",
        (Lane.USAGE,),
        forbids=forbids_other_reset_semantics,
    ),
    Unknown("usage_without_resource", "What does Stigg show of several resources when none is named?"),
    Unknown("stigg_limit_answer", "How does Stigg answer a request too many?"),
    Unknown("usage_fields", "Which fields does Stigg's usage history have?"),
    Unknown("product_prices_by_content", "Does an unchanged charge keep its price's id over plan versions?"),
    Unknown("plan_updated_at", "Does a plan's updatedAt change with its prices?"),
    Unknown("addon_charges", "Where do the further charges of an add-on appear?"),
    Unknown("integrations_readable", "May a server key read Stigg's integrations?"),
    Unknown("event_logs_readable", "May a server key read Stigg's event logs?"),
    Unknown("largest_page", "How many rows does Stigg give in one page?"),
    Unknown("finalization_moves", "Can the time of a renewal's draft be moved?", (Lane.USAGE,), forbids=forbids_moving),
    Unknown("zero_renewal_waits", "Does a renewal of 0 wait as a draft?", (Lane.USAGE,)),
    Unknown("item_ties_up", "How does Stripe round half a cent on an invoice item?", (Lane.USAGE,)),
    Unknown("item_moves_finalization", "Does an item that is added to a draft move its time?", (Lane.USAGE,)),
    Unknown(
        "draft_meter_lines_follow",
        "Does a draft show what a meter has counted?",
        (Lane.USAGE,),
        concerns=lambda settings: bool(settings.usage.meters),
    ),
    Unknown(
        "removed_meter_bills",
        "Is what a metered item counted billed when it is removed?",
        (Lane.USAGE,),
        concerns=lambda settings: bool(settings.usage.meters),
    ),
    Unknown("clear_usage_refused", "Is clear_usage refused in flexible mode?"),
    Unknown("proration_floors", "Is a proration rounded down, or to the nearest minor unit?"),
    Unknown("end_removal_resets_anchor", "Does the anchor move when cancel_at is taken away?", (Lane.SUBSCRIPTIONS,)),
    Unknown("cancel_removes_prorations", "Does a cancellation remove pending prorations?", (Lane.SUBSCRIPTIONS,)),
    Unknown("negative_last_to_balance", "Does a negative last invoice credit the customer's balance?"),
    Unknown("cancel_stops_drafts", "Does a cancellation stop the drafts of its subscription?", (Lane.SUBSCRIPTIONS,)),
    Unknown(
        "cancel_stops_customer", "Does a cancellation stop the open invoices of the customer?", (Lane.SUBSCRIPTIONS,)
    ),
    Unknown(
        "canceled_draft_advances",
        "Can the draft of a canceled subscription be switched on again?",
        (Lane.SUBSCRIPTIONS,),
    ),
    Unknown(
        "missing_location_finalizes",
        "Is a renewal without a tax location finalized, untaxed?",
        (Lane.SUBSCRIPTIONS,),
        concerns=lambda settings: settings.stripe.tax,
    ),
    Unknown("one_off_without_location", "Is a one-off invoice without a tax location refused when it is created?"),
    Unknown("pending_negative_with_tax", "Does a pending negative item keep a taxed renewal a draft?"),
    Unknown("time_needs_auto_advance", "Is a time of finalization without auto_advance refused?"),
    Unknown("refusals_replay", "Is a 400 that is met while a request is carried out kept for its key?"),
    Unknown("isk_rounds", "Is an invoice in ISK rounded to whole kronur?"),
    Unknown("clock_events", "Do events of objects on a test clock have the clock's time or the real one?"),
    Unknown("meter_counts_per_customer", "Do two items of a customer on one meter each bill all of it?"),
    Unknown("debit_refused_at_once", "Does error_if_incomplete refuse a bank debit?"),
    Unknown("debit_leaves_incomplete", "Is a subscription incomplete while its first bank debit is under way?"),
    Unknown("failed_debit_expires", "Does a first bank debit that fails days later end its subscription?"),
    Unknown(
        "smallest_lead", "How short ahead may a time of finalization be?", (Lane.USAGE,), forbids=forbids_a_long_lead
    ),
    Unknown("items_inherit_tax_rates", "Has an item without rates the default_tax_rates of its subscription?"),
    Unknown("percent_rounding", "How is a percentage rounded on several lines?"),
    Unknown("end_at_date_stops", "Does an end by cancel_at stop open invoices?"),
    Unknown("tiers_in_parts", "Is a part of a period of a graduated price one line, or a line a tier?"),
    Unknown("payment_timetable", "After how many days does Stripe try a payment again?"),
    Unknown("unpaid_renewals_stay_drafts", "Do renewals of an unpaid subscription stay drafts?"),
    Unknown(
        "currency_of_pending", "Whose currency has an invoice that names none: the account's, or the pending item's?"
    ),
    Unknown("default_price_archived", "Can the default price of a product be archived?"),
    Unknown("both_due_dates", "Are due_date and days_until_due together refused?"),
    Unknown("free_in_place_date", "Does Stigg date a paid plan that becomes free under its id?"),
    Unknown("refused_values", "Which addresses, percentages and tiers does Stripe refuse?"),
    Unknown("idempotency_keys_forgotten", "Are idempotency keys removed after 24 hours?"),
    Unknown("in_flight_is_idempotency_error", "Is the 409 of a key in use an idempotency_error?"),
    Unknown("thin_events_right", "Which right reads /v2/core/events?"),
    Unknown("restricted_key_rights", "Can a restricted key be given the right for GET /v1/account?"),
    Unknown("checkout_page", "Which objects does a paid Checkout page create with the subscription?"),
    Unknown("metadata_of_coupons", "Which metadata does the native integration write?"),
    Unknown(
        "interval_change", "Does one update change the interval, with the anchor at that moment?", cause="interval"
    ),
)
BY_NAME: Mapping[str, Unknown] = {unknown.name: unknown for unknown in UNKNOWNS}


def open_questions(
    answered: Collection[str], accepted: Collection[str], settings: Environment
) -> dict[str, tuple[str, ...]]:
    """Return the names of the questions that keep each lane from enforcing, by lane."""
    closed = {*answered, *accepted}
    waiting: dict[str, tuple[str, ...]] = {}
    for unknown in UNKNOWNS:
        if unknown.name not in closed and unknown.concerns(settings):
            waiting |= {lane: (*waiting.get(lane, ()), unknown.name) for lane in unknown.lanes}
    return waiting


def forbidden(answers: Mapping[str, str], settings: Environment) -> dict[str, tuple[str, ...]]:
    """Return the messages of answers that keep lanes from enforcing, by lane; accepting a question does not override them."""
    found: dict[str, tuple[str, ...]] = {}
    for unknown in UNKNOWNS:
        if unknown.name in answers and (why := unknown.forbids(answers[unknown.name], settings)):
            found |= {lane: (*found.get(lane, ()), why) for lane in unknown.lanes}
    return found


def waiting_causes(answers: Mapping[str, str]) -> dict[str, str]:
    """Return the reasons of causes whose actions wait for a person until the answer is "yes"; accepting is not enough."""
    found: dict[str, str] = {}
    for unknown in UNKNOWNS:
        if unknown.cause and answers.get(unknown.name) != "yes":
            state = f"Stripe answered {answers[unknown.name]!r}" if unknown.name in answers else "not answered yet"
            found[unknown.cause] = (
                f"{unknown.question} ({unknown.name}): {state}, so these changes wait for a person. Run stripe-sync probe."
            )
    return found
