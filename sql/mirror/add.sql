-- adds a version of each object that is new or changed: all that is left in landing. (A statement that added and asked the
-- mirror at once would read what it has added so far, for each row, where PostgreSQL takes the mirror to be empty.)
-- keys: environment, side, kind, id
insert into stripe_sync.mirror (environment, side, kind, id, valid_from, body)
select :environment, :side, kind, id, :snapshot, body
from "{schema}".landing
