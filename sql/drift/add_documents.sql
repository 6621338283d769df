-- Adds a version of each document that is new or changed; an open version is the current one.
-- keys: environment, side, kind, key
insert into stripe_sync.document (
    environment, side, kind, key, valid_from, owner, document, entity_kind, entity_id, stripe_id, facts
)
select :environment, side, kind, key, :comparison_id, owner, document, entity_kind, entity_id, stripe_id, facts
from decided
on conflict (environment, side, kind, key) where valid_to is null do nothing
