-- question: which pending charges of ended subscriptions need a person, until they are billed or deleted in Stripe?
-- grain: one product and tax treatment of one cancellation, or one foreign item; amounts are minor units
select
    entity_id as subscription,
    currency,
    amount as minor,
    product,
    part as items,
    invoice,
    since,
    case
        when kind = 'foreign' then 'It is somebody else''s: bill it or delete it.'
        when invoice is not null then 'Our invoice bills them, and nothing moves it on: switch auto_advance on, or void it.'
        when removed then 'Stripe removed them with the cancellation: bill them with stiggPending in the line''s metadata.'
        else 'Bill or delete them.'
    end as proposal
from stripe_sync.owed
where environment = :environment and kind in ('charge', 'foreign') and closed_at is null and not waits
order by since, entity_id, part
