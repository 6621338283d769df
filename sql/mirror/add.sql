-- Adds a version of each staged object that is new or changed. (Insert and comparison are separate statements: PostgreSQL
-- estimates an empty mirror in a joint one, and scans its own insertions for each row.)
-- keys: environment, side, kind, id
insert into stripe_sync.mirror (environment, side, kind, id, valid_from, body)
select :environment, :side, kind, id, :snapshot, body
from "{schema}".staged
