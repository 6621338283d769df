-- Finds, stores and returns the differences between both sides of the decided owners.
-- grain: one link key of one kind; keys: kind, key
-- Documents are compared whole and by value (10 and 10.0 are equal in jsonb); fields are compared only where documents differ.
insert into stripe_sync.difference (
    environment, valid_from, kind, key, owner, target, actual, entity_kind, entity_id, stripe_id, target_facts, actual_facts, fields
)
with target as (
    select kind, key, owner, document, entity_kind, entity_id, facts
    from decided
    where side = 'target'
),

actual as (
    select kind, key, owner, document, stripe_id, facts
    from decided
    where side = 'actual'
),

differing as (
    select
        coalesce(target.kind, actual.kind) as kind,
        coalesce(target.key, actual.key) as key,
        coalesce(target.owner, actual.owner) as owner,
        target.document as target,
        actual.document as actual,
        target.entity_kind,
        target.entity_id,
        actual.stripe_id,
        target.facts as target_facts,
        actual.facts as actual_facts
    from target
    full outer join actual on actual.kind = target.kind and actual.key = target.key
    where target.document is distinct from actual.document
)

select
    :environment,
    :comparison_id,
    differing.*,
    array(
        select coalesce(w.key, f.key)
        from jsonb_each(coalesce(target, '{}')) as w
        full outer join jsonb_each(coalesce(actual, '{}')) as f on f.key = w.key
        where w.value is distinct from f.value
    ) as fields
from differing
returning kind, key, target, actual, entity_kind, entity_id, stripe_id, target_facts, actual_facts, fields
