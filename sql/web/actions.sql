-- the actions of one plan, in its order, and what became of each
-- grain: one action
select
    a.ordinality as number,
    a.value ->> 'sentence' as sentence,
    a.value ->> 'kind' as kind,
    a.value -> 'due_now' as due_now,
    a.value -> 'per_month' as per_month,
    o.result,
    o.request_id
from plan as p
cross join lateral jsonb_array_elements(p.body -> 'actions') with ordinality as a
left join journal_intent as i on i.environment = p.environment and i.run_id = p.run_id and i.target = a.value ->> 'target'
    and i.kind = a.value ->> 'kind'
left join journal_outcome as o on o.intent_id = i.id
where p.environment = :environment and p.run_id = :run_id
order by a.ordinality
limit 500
