-- question: which invoices of ended subscriptions need a person: renewals after the end, and invoices that are not collected?
-- grain: one invoice of one cancellation; amounts are minor units, of a renewal the amount sold after the end
select
    entity_id as subscription,
    invoice,
    currency,
    amount as minor,
    since,
    case
        when kind = 'sold_after' then 'It sold time after the end: void it, or credit it by a credit note.'
        else 'It is owed, and nothing collects it: collect it by hand, or void it where the final usage invoice bills the same use.'
    end as proposal
from stripe_sync.owed
where environment = :environment and kind in ('sold_after', 'uncollected') and closed_at is null and not waits
order by since, entity_id, part
