-- question: which Stigg customers of a snapshot changed since their last evaluation?
-- grain: one customer; key: id; id_length: the number of characters that the id takes in an ownership marker, where punctuation
-- takes three
select
    m.id,
    nullif(m.body ->> 'email', '') as email,
    length(m.id) + 2 * length(regexp_replace(m.id, '[^\x01-\x7F]|[A-Za-z0-9._-]', '', 'g')) as id_length
from stripe_sync.mirror as m
where
    m.environment = :environment and m.side = 'stigg' and m.kind = 'customer'
    and m.valid_from > :judged and m.valid_from <= :stigg_snapshot and (m.valid_to is null or m.valid_to > :stigg_snapshot)
