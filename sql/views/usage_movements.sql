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
    e.moved_at
from usage_entry as e
inner join usage_window as w on w.id = e.window_id
inner join usage_opening as o on o.id = w.opening_id
