-- who has to be decided again though nothing changed: a moment has come
-- grain: one owner; may repeat
select owner from wake where environment = :environment and at <= :now
