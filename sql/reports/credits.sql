-- credits that are owed and that no negative line gives: a credit note each, for a person
-- grain: one change that was made after its renewal had billed the state before; amounts are minor units
select
    i.action #>> '{entity,1}' as subscription,
    i.action #>> '{after,credit,invoice}' as invoice,
    i.action #>> '{after,credit,currency}' as currency,
    (i.action #>> '{after,credit,amount}')::numeric as minor,
    o.finished_at as since,
    'Credit it by a credit note once the invoice is finalized.' as proposal
from journal_intent as i
inner join journal_outcome as o on o.intent_id = i.id and o.result = 'done'
where i.environment = :environment and i.action #> '{after,credit}' is not null
order by o.finished_at, i.id
