-- question: which Stripe subscriptions of some targets did a write cancel?
-- grain: one Stripe id; keys: environment, targets, stripe_ids
select distinct o.stripe_id
from stripe_sync.journal_intent as i
inner join stripe_sync.journal_outcome as o on o.intent_id = i.id
where
    i.environment = :environment and i.target = any(:targets) and i.kind = 'subscription.cancel'
    and o.result = 'done' and o.stripe_id = any(:stripe_ids)
