-- question: the writes about some entities, and the manual actions on them
-- grain: one write or one manual action
select w.finished_at as at, w.kind || ' ' || w.target as what, w.result, w.request_id, w.reason || ' ' || w.detail as why
from stripe_sync.writes as w
where
    w.environment = :environment
    and w.result is not null
    and (
        w.target = any(cast(:keys as text[]))
        or w.entity_id = any(cast(:ids as text[]))
        or w.action ->> 'serial' = any(cast(:keys as text[]))
    )
union all
select done_at, command || ' ' || subject, 'by hand', '', person || ': ' || reason
from stripe_sync.manual_action
where
    environment = :environment
    and (subject = any(cast(:keys as text[])) or split_part(subject, ':', 2) = any(cast(:ids as text[])))
order by at
