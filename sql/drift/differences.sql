-- finds what the two sides of what was decided do not agree on, keeps it and gives it
-- grain: one link key of one kind; keys: kind, key
-- Documents are compared whole, by value (10 and 10.0 are equal in jsonb), and fields only where documents differ.
insert into difference (
    environment, valid_from, kind, key, owner, wanted, found, entity_kind, entity_id, stripe_id, wanted_facts, found_facts, fields
)
with wanted as (
    select kind, key, owner, document, entity_kind, entity_id, facts
    from decided
    where side = 'wanted'
),

found as (
    select kind, key, owner, document, stripe_id, facts
    from decided
    where side = 'found'
),

differing as (
    select
        coalesce(wanted.kind, found.kind) as kind,
        coalesce(wanted.key, found.key) as key,
        coalesce(wanted.owner, found.owner) as owner,
        wanted.document as wanted,
        found.document as found,
        wanted.entity_kind,
        wanted.entity_id,
        found.stripe_id,
        wanted.facts as wanted_facts,
        found.facts as found_facts
    from wanted
    full outer join found on found.kind = wanted.kind and found.key = wanted.key
    where wanted.document is distinct from found.document
)

select
    :environment,
    :comparison_id,
    differing.*,
    array(
        select coalesce(w.key, f.key)
        from jsonb_each(coalesce(wanted, '{}')) as w
        full outer join jsonb_each(coalesce(found, '{}')) as f on f.key = w.key
        where w.value is distinct from f.value
    ) as fields
from differing
returning kind, key, wanted, found, entity_kind, entity_id, stripe_id, wanted_facts, found_facts, fields
