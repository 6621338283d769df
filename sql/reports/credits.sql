-- credits that are owed and that no negative line gives: a credit note each, for a person
-- grain: one change that was made after its renewal had billed the state before, or one product whose pending items came to a
-- credit when its subscription was canceled; amounts are minor units
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
union all
select
    i.action #>> '{entity,1}' as subscription,
    null as invoice,
    p.item ->> 'currency' as currency,
    -sum((p.item ->> 'amount')::numeric) as minor,
    o.finished_at as since,
    'It was pending when the subscription was canceled; credit it on its last invoice.' as proposal
from journal_intent as i
inner join journal_outcome as o on o.intent_id = i.id and o.result = 'done'
cross join lateral jsonb_array_elements(i.action #> '{noted,pending}') as p (item)
where
    i.environment = :environment and i.action #> '{noted,pending}' is not null
    and p.item ->> 'own' = 'true' and p.item ->> 'product' is not null
group by i.id, i.action, o.finished_at, p.item ->> 'currency', p.item ->> 'product'
having sum((p.item ->> 'amount')::numeric) < 0
order by since, subscription
