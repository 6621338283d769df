-- The warehouse of stripe_sync. Times are timestamptz in UTC; json documents keep decimals exactly.

-- one row: what makes this warehouse different from every other (part of idempotency keys)
create table warehouse (
    only_row boolean primary key default true check (only_row),
    id uuid not null default gen_random_uuid(),
    created_at timestamptz not null default now()
);
insert into warehouse default values;

-- grain: one run of one environment; started_at is the run's one reading of the clock
create table run (
    environment text not null collate "C",
    run_id text not null collate "C",
    started_at timestamptz not null,
    params jsonb not null default '{}',
    created_at timestamptz not null default now(),
    primary key (environment, run_id)
);

-- grain: one finished station of a run; a station that is here is not done again
create table station (
    environment text not null collate "C",
    run_id text not null collate "C",
    station text not null collate "C",
    result jsonb not null,
    finished_at timestamptz not null default now(),
    primary key (environment, run_id, station)
);

-- grain: one closed extract of one side; content_id names the last snapshot that changed anything
create table snapshot (
    id bigint generated always as identity primary key,
    environment text not null collate "C",
    side text not null check (side in ('stigg', 'stripe')),
    run_id text not null collate "C",
    kinds text[] not null,
    complete boolean not null,
    upper_bound timestamptz not null,
    counts jsonb not null,
    content_id bigint not null,
    closed_at timestamptz not null default now()
);
create index snapshot_of_run on snapshot (environment, side, run_id);

-- grain: one version of one object; valid in snapshots valid_from <= s < valid_to (null: still)
create table mirror (
    environment text not null collate "C",
    side text not null,
    kind text not null,
    id text not null collate "C",
    valid_from bigint not null,
    valid_to bigint,
    body jsonb not null,
    primary key (environment, side, kind, id, valid_from)
);
create unique index mirror_now on mirror (environment, side, kind, id) where valid_to is null;

-- grain: one result of one suite on one content; a quiet run finds it here and imports no Great Expectations
create table verdict (
    suite text not null,
    suite_hash text not null,
    content text not null,
    passed boolean not null,
    detail jsonb not null,
    judged_at timestamptz not null default now(),
    primary key (suite_hash, content)
);

-- grain: one Stigg id and Stripe id that belong together; an ended link is kept
create table link (
    id bigint generated always as identity primary key,
    environment text not null collate "C",
    key text not null collate "C",
    stripe_id text not null collate "C",
    source text not null check (source in ('created', 'marker', 'person')),
    created_at timestamptz not null default now(),
    ended_at timestamptz
);
create unique index link_by_key on link (environment, key) where ended_at is null;
create unique index link_by_stripe_id on link (environment, stripe_id) where ended_at is null;

-- grain: one comparison of two complete snapshots
create table comparison (
    id bigint generated always as identity primary key,
    environment text not null collate "C",
    run_id text not null collate "C",
    stigg_snapshot bigint not null references snapshot,
    stripe_snapshot bigint not null references snapshot,
    canon_version int not null,
    counts jsonb not null default '{}',
    created_at timestamptz not null default now()
);

-- grain: one canonical document of one side of one comparison
create table document (
    comparison_id bigint not null references comparison on delete cascade,
    side text not null check (side in ('wanted', 'found')),
    kind text not null,
    key text not null collate "C",
    document jsonb not null,
    entity_kind text,
    entity_id text,
    stripe_id text,
    facts jsonb not null
);

-- grain: one difference of one comparison, in words and money (minor units by currency)
create table drift (
    comparison_id bigint not null references comparison on delete cascade,
    id text not null,
    kind text not null,
    key text not null collate "C",
    entity_kind text,
    entity_id text,
    stripe_id text,
    state text not null,
    field text not null,
    before jsonb,
    after jsonb,
    severity text not null,
    sentence text not null,
    per_month jsonb not null,
    primary key (comparison_id, id)
);

-- grain: one plan as a run made it
create table plan (
    environment text not null collate "C",
    run_id text not null collate "C",
    hash text not null,
    comparison_id bigint not null references comparison,
    planned_at timestamptz not null,
    body jsonb not null,
    verdicts jsonb not null,
    unplanned jsonb not null,
    stored_at timestamptz not null default now(),
    primary key (environment, run_id)
);

-- grain: one intended write, committed before its call; append-only
create table journal_intent (
    id bigint generated always as identity primary key,
    environment text not null collate "C",
    lane text not null,
    run_id text not null collate "C",
    plan_hash text not null,
    action_hash text not null,
    kind text not null,
    target text not null collate "C",
    action jsonb not null,
    epoch bigint not null,
    intended_at timestamptz not null default now()
);
create index journal_intent_of_plan on journal_intent (environment, run_id, action_hash);

-- grain: the one outcome of one intent; append-only
create table journal_outcome (
    intent_id bigint primary key references journal_intent,
    result text not null check (result in ('done', 'refused', 'dropped')),
    stripe_id text,
    request_id text,
    idempotency_key text,
    reason text not null default '',
    detail text not null default '',
    finished_at timestamptz not null default now()
);

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the journal is append-only: % of % is refused', tg_op, tg_table_name;
end $$;
create trigger journal_intent_append_only before update or delete or truncate on journal_intent
    for each statement execute function refuse_change();
create trigger journal_outcome_append_only before update or delete or truncate on journal_outcome
    for each statement execute function refuse_change();

-- grain: one Stigg entity as of its last run
create table status (
    environment text not null collate "C",
    kind text not null,
    id text not null collate "C",
    status text not null check (status in ('PENDING', 'SUCCESS', 'ERROR', 'NO_SYNC_REQUIRED')),
    reason text not null default '',
    detail text not null default '',
    stripe_id text,
    run_id text not null,
    changed_at timestamptz not null default now(),
    primary key (environment, kind, id)
);

-- grain: one lane; epoch rises with every new holder
create table lease (
    environment text not null collate "C",
    lane text not null,
    holder text not null,
    epoch bigint not null,
    expires_at timestamptz not null,
    primary key (environment, lane)
);

-- grain: one brake; lane '' is all lanes
create table pause (
    environment text not null collate "C",
    lane text not null default '',
    reason text not null,
    paused_by text not null,
    paused_at timestamptz not null default now(),
    primary key (environment, lane)
);

-- grain: one limited thing of one account; arrival is when its next request may start (GCRA). Worth nothing after a crash.
create unlogged table budget (
    account text not null,
    endpoint text not null,
    arrival timestamptz not null,
    primary key (account, endpoint)
);
