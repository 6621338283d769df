-- who has to be decided again though nothing changed: a moment has come
-- grain: one owner; key: owner
select owner from wake where environment = :environment and at <= :now
