-- grain: one amount that a write left to a person: a credit to be given, a pending charge to be billed; minor units
create table owed (
    environment text not null collate "C",
    intent_id bigint not null references journal_intent,
    part text not null,
    entity_id text not null,
    stripe_id text not null,
    customer text not null,
    kind text not null check (kind in ('charge', 'credit', 'foreign', 'unused')),
    currency text not null,
    amount numeric not null,
    product text,
    invoice text,
    items text[] not null,
    since timestamptz not null,
    removed boolean,
    closed_at timestamptz,
    closed_by text not null default '',
    primary key (environment, intent_id, part)
);
create index owed_open on owed (environment) where closed_at is null;
create index owed_of_customer on owed (environment, customer);
