-- question: which amounts were charged for time after an end and are not credited? None if stripe.end_proration is none.
-- grain: one subscription that ended inside a paid period, or pending charges that its ending billed; amounts are minor units, without tax
select
    entity_id as subscription,
    invoice,
    currency,
    amount as minor,
    since,
    'Credit it by a credit note, or leave it.' as proposal
from stripe_sync.owed
where environment = :environment and kind = 'unused' and closed_at is null and not waits
order by since, entity_id, part
