-- Records that owners were decided in this comparison.
-- grain: one owner; keys: owner
insert into done (owner)
select unnest(cast(:owners as text[]))
on conflict do nothing
