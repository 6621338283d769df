-- question: the movements of usage between states
-- grain: one movement of one window; from_state is empty for a quantity that comes from Stigg
-- keys: movement_id; amounts are minor units, exact
select
    e.id as movement_id,
    e.window_id,
    w.environment,
    o.measured ->> 'subscription' as subscription,
    o.measured ->> 'feature' as feature,
    e.from_state,
    e.to_state,
    e.quantity,
    o.terms -> 'content' ->> 'currency' as currency,
    e.amount,
    e.invoice,
    e.reason,
    e.recorded_at
from stripe_sync.usage_movement as e
inner join stripe_sync.usage_window as w on w.id = e.window_id
inner join stripe_sync.usage_terms as o on o.id = w.terms_id
