-- who has to be decided again though nothing changed: a moment has come, or how a missing one begins moves with the time
-- grain: one owner; may repeat
select owner from wake where environment = :environment and at <= :now
union all
select owner from difference where comparison_id = :comparison and kind = 'subscription' and found is null
