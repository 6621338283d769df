-- what was written about some entities, and what people did
-- grain: one write or one act
select o.finished_at as at, i.kind || ' ' || i.target as what, o.result, o.request_id, o.reason || ' ' || o.detail as why
from journal_intent as i
inner join journal_outcome as o on o.intent_id = i.id
where
    i.environment = :environment
    and (
        i.target = any(cast(:keys as text[]))
        or i.action #>> '{entity,1}' = any(cast(:ids as text[]))
        or i.action ->> 'serial' = any(cast(:keys as text[]))
    )
union all
select done_at, command || ' ' || subject, 'by hand', '', person || ': ' || reason
from hand
where
    environment = :environment
    and (subject = any(cast(:keys as text[])) or split_part(subject, ':', 2) = any(cast(:ids as text[])))
order by at
