-- grain: one target whose last charging write was declined; gone when such a write is made
create table decline (
    environment text not null collate "C",
    target text not null collate "C",
    entity_id text not null,
    kind text not null,
    wanted text not null,
    method text not null,
    first_at timestamptz not null,
    last_at timestamptz not null,
    refusals int not null,
    invoice text not null,
    is_freed boolean not null,
    detail text not null,
    primary key (environment, target)
);
