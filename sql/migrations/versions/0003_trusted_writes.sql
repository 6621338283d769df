-- grain: one set of actions that a person is asked about; times are by the pipeline's clock
create table approval (
    environment text not null collate "C",
    hash text not null,
    lane text not null,
    "group" text not null,
    run_id text not null,
    plan_hash text not null,
    actions text[] not null,
    due_now jsonb not null,
    per_month jsonb not null,
    why text[] not null,
    state text not null default 'waiting' check (state in ('waiting', 'approved', 'rejected', 'expired', 'applied')),
    asked_at timestamptz not null,
    expires_at timestamptz not null,
    decided_at timestamptz,
    decided_by text not null default '',
    reason text not null default '',
    results jsonb not null default '{}',
    primary key (environment, hash, asked_at)
);

-- grain: one target whose write was refused, again and again; it is left alone until a moment of the pipeline's clock
create table failure (
    environment text not null collate "C",
    target text not null collate "C",
    lane text not null,
    entity_kind text not null default '',
    entity_id text not null default '',
    failures int not null,
    reason text not null,
    detail text not null,
    until timestamptz,
    last_at timestamptz not null,
    primary key (environment, target)
);

-- A limited thing may be slowed down for a while, because Stripe said 429.
alter table budget add column factor double precision not null default 1;
alter table budget add column slowed_until timestamptz;

-- grain: one account and month; reads that count against Stripe's allocation
create table read_count (
    account text not null,
    month date not null,
    reads bigint not null default 0,
    primary key (account, month)
);

-- grain: one lane that a run had to leave alone because another held it; gone when the lane was taken again
create table skipped_lane (
    environment text not null collate "C",
    lane text not null,
    times int not null,
    holder text not null,
    primary key (environment, lane)
);
