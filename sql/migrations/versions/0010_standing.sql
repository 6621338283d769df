-- grain: one key on which the two sides of a comparison do not agree, with both documents as they were compared
create table difference (
    comparison_id bigint not null references comparison on delete cascade,
    kind text not null,
    key text not null collate "C",
    wanted jsonb,
    found jsonb,
    entity_kind text,
    entity_id text,
    stripe_id text,
    wanted_facts jsonb,
    found_facts jsonb,
    fields text[] not null,
    primary key (comparison_id, kind, key)
);

-- a comparison of the same inputs stands: it is kept under a new number, with the documents of the one that was made
alter table comparison
    add column inputs text not null default '', -- a hash of everything that decided; empty: not to be kept
    add column decided_at timestamptz, -- when it was made, and not kept
    add column wakes_at timestamptz, -- the first moment at which time alone may decide something else
    add column statuses jsonb not null default '[]', -- as they were judged, of the entities that differ
    add column documents_of bigint references comparison on delete set null; -- null: its own
create index comparison_documents on comparison (documents_of) where documents_of is not null;
create index link_newest on link (environment, id desc);
create index link_ended on link (environment, ended_at) where ended_at is not null;
create index station_newest on station (environment, station, finished_at desc);
create index journal_outcome_newest on journal_outcome (finished_at);
