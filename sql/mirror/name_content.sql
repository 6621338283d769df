-- a snapshot that changed nothing has the content of the one before it
update snapshot
set content_id = (
    select coalesce(max(greatest(valid_from, valid_to)), 0)
    from mirror
    where environment = :environment and side = :side
)
where id = :snapshot
