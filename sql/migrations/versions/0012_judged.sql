-- grain: one entity that differs in a comparison, as it was judged there, whatever became of a write since
create table judged (
    comparison_id bigint not null references comparison on delete cascade,
    kind text not null,
    id text not null collate "C",
    owner text not null collate "C", -- with whom it is decided, '' with the catalog
    status text not null,
    reason text not null,
    detail text not null,
    stripe_id text,
    primary key (comparison_id, kind, id)
);
insert into judged (comparison_id, kind, id, owner, status, reason, detail, stripe_id)
select
    c.id, s.kind, s.id,
    case when s.kind in ('customer', 'subscription') then s.kind || ':' || key_part(c.environment) || ':' || key_part(s.id) else '' end,
    s.status, s.reason, s.detail, s.stripe_id
from comparison as c
cross join lateral jsonb_to_recordset(c.statuses) as s (
    kind text, id text, status text, reason text, detail text, stripe_id text
)
on conflict do nothing;
alter table comparison drop column statuses;
