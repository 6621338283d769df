-- question: which credits are owed and need a credit note, since no negative line gives them?
-- grain: one change that was made after its renewal had billed the previous state, or one product and tax treatment whose
-- pending items came to a credit when its subscription was canceled; amounts are minor units
select
    entity_id as subscription,
    invoice,
    currency,
    amount as minor,
    since,
    case
        when invoice is not null then 'Credit it by a credit note once the invoice is finalized.'
        else 'It was pending when the subscription was canceled; credit it on its last invoice.'
    end as proposal
from stripe_sync.owed
where environment = :environment and kind = 'credit' and closed_at is null
order by since, entity_id, part
