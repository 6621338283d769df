-- of the comparison before: the differences of everybody who was not decided anew, and their rows
-- grain: one difference
with carried as (
    insert into difference (
        comparison_id, kind, key, owner, wanted, found, entity_kind, entity_id, stripe_id, wanted_facts, found_facts, fields
    )
    select
        :comparison_id, d.kind, d.key, d.owner, d.wanted, d.found, d.entity_kind, d.entity_id, d.stripe_id, d.wanted_facts,
        d.found_facts, d.fields
    from difference as d
    where d.comparison_id = :before and not exists (select 1 from done where done.owner = d.owner)
    returning kind, key
)

insert into drift (
    comparison_id, id, kind, key, entity_kind, entity_id, stripe_id, state, field, before, after, severity, sentence,
    per_month, stripe_url, stigg_url, accepted, since
)
select
    :comparison_id, d.id, d.kind, d.key, d.entity_kind, d.entity_id, d.stripe_id, d.state, d.field, d.before, d.after,
    d.severity, d.sentence, d.per_month, d.stripe_url, d.stigg_url, d.accepted, d.since
from drift as d
inner join carried on carried.kind = d.kind and carried.key = d.key
where d.comparison_id = :before
