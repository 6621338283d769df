-- question: which Stripe objects share an ownership marker with an object that has no link? The linked ones are its origin.
-- grain: one object, in order of marker; key: id
with marked as (
    select
        m.id,
        m.body -> 'metadata' ->> :field as mark,
        m.body ->> 'status' as status,
        coalesce((m.body ->> 'deleted')::boolean, false) as deleted
    from stripe_sync.mirror as m
    where
        m.environment = :environment and m.side = 'stripe' and m.valid_to is null and m.body -> 'metadata' ? :field
),

unlinked as (
    select distinct marked.mark
    from marked
    where not exists (
        select 1 from stripe_sync.link as l
        where l.environment = :environment and l.stripe_id = marked.id and l.ended_at is null
    )
)

select marked.id, marked.mark, marked.status, marked.deleted
from marked
inner join unlinked on unlinked.mark = marked.mark
order by marked.mark, marked.id
