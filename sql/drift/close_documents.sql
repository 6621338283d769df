-- Ends the documents of some owners that have changed since their decision.
-- keys: environment, side, kind, key
update stripe_sync.document
set valid_to = :comparison_id
where
    document.environment = :environment
    and document.owner = any(cast(:owners as text[]))
    and document.valid_to is null
    and not exists (
        select 1
        from decided
        where
            decided.side = document.side
            and decided.kind = document.kind
            and decided.key = document.key
            and decided.document = document.document
            and decided.facts = document.facts
            and (decided.entity_kind, decided.entity_id, decided.stripe_id)
            is not distinct from (document.entity_kind, document.entity_id, document.stripe_id)
    )
