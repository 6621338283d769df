-- adds a version of each document that is new or other
-- keys: environment, side, kind, key
insert into document (
    environment, side, kind, key, valid_from, owner, document, entity_kind, entity_id, stripe_id, facts
)
select :environment, side, kind, key, :comparison_id, owner, document, entity_kind, entity_id, stripe_id, facts
from decided
where not exists (
    select 1
    from document
    where
        document.environment = :environment
        and document.side = decided.side
        and document.kind = decided.kind
        and document.key = decided.key
        and document.valid_to is null
)
