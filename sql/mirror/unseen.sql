-- question: which linked Stripe objects do the lists of an extract not contain?
-- grain: one object; keys: kind, id
select split_part(l.key, ':', 1) as kind, l.stripe_id as id
from stripe_sync.link as l
where
    l.environment = :environment
    and l.ended_at is null
    and split_part(l.key, ':', 1) = any(cast(:kinds as text[]))
    and not exists (select 1 from "{schema}".staged where staged.id = l.stripe_id)
order by kind, id
