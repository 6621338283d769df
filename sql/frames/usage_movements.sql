-- question: the movements of usage between states
-- grain: one movement of one window; from_state is absent for a quantity that comes from Stigg
-- keys: movement_id; amounts are minor units, exact
select
    m.movement_id,
    m.window_id,
    m.subscription,
    m.feature,
    nullif(m.from_state, '') as from_state,
    m.to_state,
    m.quantity,
    m.currency,
    m.amount,
    m.invoice,
    nullif(m.reason, '') as reason,
    m.recorded_at
from stripe_sync.usage_movements as m
where m.environment = :environment
order by m.movement_id
