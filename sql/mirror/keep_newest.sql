-- Removes all but the newest of several staged rows of one object.
-- keys: kind, id
delete from "{schema}".staged
using (
    select ctid as at, row_number() over (partition by kind, id order by place desc) as n
    from "{schema}".staged
) as numbered
where staged.ctid = numbered.at and numbered.n > 1
