-- A link may come from adoption, and says who ended it.
alter table link drop constraint link_source_check;
alter table link add constraint link_source_check check (source in ('created', 'marker', 'person', 'adopted', 'moved'));
alter table link add column ended_by text not null default '';

-- Where people look at both sides of a difference, whether they accepted it, and since when it is there.
alter table drift add column stripe_url text not null default '';
alter table drift add column stigg_url text not null default '';
alter table drift add column accepted boolean not null default false;
alter table drift add column since timestamptz;
create index drift_by_key on drift (key, state, field, comparison_id);

-- grain: one Stigg entity and Stripe object that one side alone puts together, as of the last run; for a person
create table candidate (
    environment text not null collate "C",
    key text not null collate "C",
    stripe_id text not null collate "C",
    why text not null,
    run_id text not null,
    primary key (environment, key, stripe_id)
);

-- grain: one exempted object; its drift is shown as accepted and never planned
create table ignored (
    environment text not null collate "C",
    key text not null collate "C",
    reason text not null,
    ignored_by text not null,
    ignored_at timestamptz not null default now(),
    primary key (environment, key)
);

-- grain: one thing that a person did by a command; append-only
create table hand (
    id bigint generated always as identity primary key,
    environment text not null collate "C",
    command text not null,
    subject text not null collate "C",
    reason text not null,
    person text not null,
    detail jsonb not null default '{}',
    done_at timestamptz not null default now()
);
create trigger hand_append_only before update or delete or truncate on hand
    for each statement execute function refuse_change();

-- grain: one answer of probe to one question that the design rests on; the newest counts
create table answer (
    id bigint generated always as identity primary key,
    environment text not null collate "C",
    question text not null,
    answer text not null,
    detail text not null default '',
    request_ids text[] not null default '{}',
    answered_at timestamptz not null default now()
);
