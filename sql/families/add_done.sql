-- Notes that owners were decided in this comparison.
-- Grain: one owner. Keys: owner.
insert into done (owner)
select unnest(cast(:owners as text[]))
on conflict do nothing
