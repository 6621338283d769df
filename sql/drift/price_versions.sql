-- question: which price versions, with their content, does either side of a comparison have, of the catalog and of some owners?
-- grain: one version key; actual wins over target, since Stripe bills it
select distinct on (d.key) d.kind, d.key, d.facts
from stripe_sync.document as d
inner join stripe_sync.comparison as c on c.id = :comparison_id
where
    d.environment = c.environment and d.kind = 'price_version' and d.owner = any(cast(:owners as text[]))
    and d.valid_from <= c.id and (d.valid_to is null or d.valid_to > c.id)
order by d.key, d.side
