-- of several rows of one object the one that came last stays
-- keys: kind, id
delete from "{schema}".landing
using (
    select ctid as at, row_number() over (partition by kind, id order by place desc) as n
    from "{schema}".landing
) as numbered
where landing.ctid = numbered.at and numbered.n > 1
