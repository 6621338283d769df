-- The warehouse of stripe_sync. Times are timestamptz in UTC; json documents keep decimals exactly.
-- Names are qualified: nothing depends on a search path. Another schema is put in the place of stripe_sync where one is set.
-- Versions: valid_from <= n < valid_to (null: still), where n is the number of a snapshot or of a comparison.

-- grain: one row: the identity of this warehouse (part of idempotency keys)
create table stripe_sync.warehouse (
    only_row boolean primary key default true check (only_row),
    id uuid not null default gen_random_uuid(),
    created_at timestamptz not null default now()
);
insert into stripe_sync.warehouse default values;

-- grain: one run of one environment; started_at is the run's one reading of the clock
create table stripe_sync.run (
    environment text not null collate "C",
    run_id text not null collate "C",
    started_at timestamptz not null,
    params jsonb not null default '{}',
    created_at timestamptz not null default now(),
    primary key (environment, run_id)
);
create index run_newest on stripe_sync.run (environment, created_at desc);

-- grain: one finished step of a run; a step that is here is not done again
create table stripe_sync.step (
    environment text not null collate "C",
    run_id text not null collate "C",
    step text not null collate "C",
    result jsonb not null,
    finished_at timestamptz not null default now(),
    primary key (environment, run_id, step)
);
create index step_newest on stripe_sync.step (environment, step, finished_at desc);

-- grain: one environment with the Stripe account to which all of its rows belong, as a key proved it; none before the first
-- proof. key_digest is a SHA-256 of the key that proved it, so that another key is confirmed before it is used.
create table stripe_sync.account (
    environment text primary key collate "C",
    account text not null,
    key_digest text not null,
    proven_at timestamptz not null
);

-- grain: one closed extract of one side; content_id names the last snapshot that changed anything
create table stripe_sync.snapshot (
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
create index snapshot_of_run on stripe_sync.snapshot (environment, side, run_id);

-- the ids of Stigg entities that the metadata of a Stripe customer or subscription name; null for objects with an ownership
-- marker, which are linked by it alone (domain/adoption/link_discovery.py)
create function stripe_sync.entities_named(kind text, metadata jsonb) returns text[] immutable parallel safe language sql as $$
    select case
        when kind in ('customer', 'subscription') and not metadata ? 'stiggSyncKey'
            and metadata ?| array['stiggCustomerId', 'stiggEntityId', 'stiggEntityUrl']
        then array_remove(
            array[
                case when kind = 'customer' then metadata ->> 'stiggCustomerId' end,
                metadata ->> 'stiggEntityId',
                substring(metadata ->> 'stiggEntityUrl' from '([^/]+)/*$')
            ],
            null
        )
    end
$$;

-- grain: one version of one object; valid in snapshots
create table stripe_sync.mirror (
    environment text not null collate "C",
    side text not null,
    kind text not null,
    id text not null collate "C",
    valid_from bigint not null,
    valid_to bigint,
    body jsonb not null,
    primary key (environment, side, kind, id, valid_from)
);
create unique index mirror_now on stripe_sync.mirror (environment, side, kind, id) where valid_to is null;
-- the changes of one snapshot
create index mirror_begun on stripe_sync.mirror (environment, side, valid_from);
create index mirror_ended on stripe_sync.mirror (environment, side, valid_to) where valid_to is not null;
-- references between objects
create index mirror_of_customer on stripe_sync.mirror (environment, (body -> 'customer' ->> 'customerId'))
    where side = 'stigg' and kind = 'subscription';
create index mirror_of_payer on stripe_sync.mirror (environment, (body -> 'payingCustomer' ->> 'customerId'))
    where side = 'stigg' and kind = 'subscription' and body -> 'payingCustomer' ->> 'customerId' is not null;
create index mirror_of_billing_id on stripe_sync.mirror (environment, (body ->> 'billingId'))
    where side = 'stigg' and kind in ('customer', 'subscription') and body ->> 'billingId' is not null;
create index mirror_of_old_billing_id on stripe_sync.mirror (environment, (body ->> 'oldBillingId'))
    where side = 'stigg' and kind = 'subscription' and body ->> 'oldBillingId' is not null;
create index mirror_of_stripe_customer on stripe_sync.mirror (environment, (body ->> 'customer'))
    where side = 'stripe' and kind = 'subscription';
create index mirror_of_entities on stripe_sync.mirror using gin ((stripe_sync.entities_named(kind, body -> 'metadata')))
    where side = 'stripe' and stripe_sync.entities_named(kind, body -> 'metadata') is not null;
create index mirror_of_stripe_subscription on stripe_sync.mirror (
    environment,
    (coalesce(body #>> '{parent,subscription_details,subscription,id}', body #>> '{parent,subscription_details,subscription}'))
) where side = 'stripe' and kind = 'invoice';
-- PostgreSQL does not use the figures of indexes on parts of some rows: it estimated 200 names, and read a big mirror from
-- end to end. These figures are of all rows; analyze gathers them.
create statistics stripe_sync.mirror_customer on (body -> 'customer' ->> 'customerId') from stripe_sync.mirror;
create statistics stripe_sync.mirror_payer on (body -> 'payingCustomer' ->> 'customerId') from stripe_sync.mirror;
create statistics stripe_sync.mirror_billing_id on (body ->> 'billingId') from stripe_sync.mirror;
create statistics stripe_sync.mirror_old_billing_id on (body ->> 'oldBillingId') from stripe_sync.mirror;
create statistics stripe_sync.mirror_stripe_customer on (body ->> 'customer') from stripe_sync.mirror;
create statistics stripe_sync.mirror_entities on (stripe_sync.entities_named(kind, body -> 'metadata')) from stripe_sync.mirror;
create statistics stripe_sync.mirror_stripe_subscription on (
    coalesce(body #>> '{parent,subscription_details,subscription,id}', body #>> '{parent,subscription_details,subscription}')
) from stripe_sync.mirror;

-- grain: the position of one environment's reader of Stripe's events; times are by the pipeline's clock
create table stripe_sync.stripe_cursor (
    environment text primary key collate "C",
    of_what text not null, -- the account, and the kinds that are read of it; a different value starts a new feed
    cursor timestamptz not null,
    audited_at timestamptz not null,
    checked_at timestamptz not null
);

-- grain: one event that was applied; kept as long as the feed's windows overlap
create table stripe_sync.seen_event (
    environment text not null collate "C",
    id text not null collate "C",
    created timestamptz not null,
    primary key (environment, id)
);

-- grain: one object as the answer to our last write showed it; until an extract has read it
create table stripe_sync.write_answer (
    environment text not null collate "C",
    kind text not null,
    id text not null collate "C",
    body jsonb not null,
    primary key (environment, kind, id)
);

-- grain: the position of one environment's reader of Stigg; times are by the pipeline's clock
create table stripe_sync.stigg_cursor (
    environment text primary key collate "C",
    cursor timestamptz not null, -- customers that changed before this are in the mirror
    scanned_at timestamptz not null, -- time of the last read of the subscriptions
    audited_at timestamptz not null -- time of the last full read
);

-- grain: one result of one suite on one content; a quiet run finds it here and imports no Great Expectations
create table stripe_sync.check_result (
    suite text not null,
    suite_hash text not null,
    content text not null,
    passed boolean not null,
    detail jsonb not null,
    checked_at timestamptz not null default now(),
    primary key (suite_hash, content)
);

-- one part of a link key: every byte outside A-Z a-z 0-9 . _ - as ~XX (core/keys.py)
create function stripe_sync.key_part(id text) returns text immutable parallel safe language sql as $$
    select case
        when id ~ '^[A-Za-z0-9._-]*$' then id
        else (
            select string_agg(
                case
                    when c ~ '^[A-Za-z0-9._-]$' then c
                    else regexp_replace(upper(encode(convert_to(c, 'UTF8'), 'hex')), '(..)', '~\1', 'g')
                end,
                '' order by n
            )
            from unnest(string_to_array(id, null)) with ordinality as letters (c, n)
        )
    end
$$;

-- grain: one Stigg id and Stripe id that belong together; an ended link is kept
-- owner: the link key of the customer or subscription with which it is compared, '' for the catalog;
-- changed_in: the transaction that made or ended it, by which a comparison finds the links that it has not seen
create table stripe_sync.link (
    id bigint generated always as identity primary key,
    environment text not null collate "C",
    key text not null collate "C",
    stripe_id text not null collate "C",
    source text not null check (source in ('created', 'marker', 'person', 'adopted', 'moved')),
    created_at timestamptz not null default now(),
    ended_at timestamptz,
    ended_by text not null default '',
    owner text collate "C" generated always as (
        case
            when key like 'customer:%' or key like 'subscription:%' then key
            when key like 'oneoff:%' or key like 'renewal:%'
                then 'subscription:' || split_part(key, ':', 2) || ':' || split_part(key, ':', 3)
            when key like 'price:%' and split_part(key, ':', 8) <> ''
                then 'subscription:' || split_part(key, ':', 2) || ':' || split_part(split_part(key, ':', 8), '@', 1)
            when key like 'coupon:%' and split_part(key, ':', 3) = 'discount'
                then 'subscription:' || split_part(key, ':', 2) || ':' || split_part(key, ':', 4)
            else ''
        end
    ) stored,
    changed_in xid8 not null default pg_current_xact_id()
);
create unique index link_by_key on stripe_sync.link (environment, key) where ended_at is null;
create unique index link_by_stripe_id on stripe_sync.link (environment, stripe_id) where ended_at is null;
create index link_newest on stripe_sync.link (environment, id desc);
create index link_ended on stripe_sync.link (environment, ended_at) where ended_at is not null;
create index link_of_owner on stripe_sync.link (environment, owner) where ended_at is null;
create index link_changed on stripe_sync.link (environment, changed_in);
create index link_ended_by_stripe_id on stripe_sync.link (environment, stripe_id) where ended_at is not null;

-- grain: one Stigg entity and Stripe object that one side alone associates, as of the last run; for a person
create table stripe_sync.link_suggestion (
    environment text not null collate "C",
    key text not null collate "C",
    stripe_id text not null collate "C",
    why text not null,
    run_id text not null,
    primary key (environment, key, stripe_id)
);

-- grain: one exempted object; its drift is shown as accepted and never planned
create table stripe_sync.ignored (
    environment text not null collate "C",
    key text not null collate "C",
    reason text not null,
    ignored_by text not null,
    ignored_at timestamptz not null default now(),
    primary key (environment, key)
);

-- grain: one comparison of two complete snapshots
-- inputs: a hash of everything on which the result depends; decided_at: time of the last full comparison;
-- seen, seen_in: the transactions whose links it knows
create table stripe_sync.comparison (
    id bigint generated always as identity primary key,
    environment text not null collate "C",
    run_id text not null collate "C",
    stigg_snapshot bigint not null references stripe_sync.snapshot,
    stripe_snapshot bigint not null references stripe_sync.snapshot,
    canon_version int not null,
    counts jsonb not null default '{}',
    created_at timestamptz not null default now(),
    inputs text not null default '',
    decided_at timestamptz,
    seen pg_snapshot,
    seen_in xid8
);
create index comparison_newest on stripe_sync.comparison (environment, id desc);

-- grain: one version of one canonical document of one side; valid in comparisons
create table stripe_sync.document (
    environment text not null collate "C",
    side text not null check (side in ('target', 'actual')),
    kind text not null,
    key text not null collate "C",
    valid_from bigint not null,
    valid_to bigint,
    owner text not null collate "C", -- the link key with which it is compared, '' for the catalog
    document jsonb not null,
    entity_kind text,
    entity_id text,
    stripe_id text,
    facts jsonb not null,
    primary key (environment, side, kind, key, valid_from)
);
create unique index document_now on stripe_sync.document (environment, side, kind, key) where valid_to is null;
create index document_of_owner on stripe_sync.document (environment, owner) where valid_to is null;

-- grain: one version of one key on which target and actual disagree, with both documents; valid in comparisons
create table stripe_sync.difference (
    valid_from bigint not null,
    kind text not null,
    key text not null collate "C",
    target jsonb,
    actual jsonb,
    entity_kind text,
    entity_id text,
    stripe_id text,
    target_facts jsonb,
    actual_facts jsonb,
    fields text[] not null,
    owner text not null collate "C",
    environment text not null collate "C",
    valid_to bigint
);
create unique index difference_now on stripe_sync.difference (environment, kind, key) where valid_to is null;
create index difference_of_owner on stripe_sync.difference (environment, owner) where valid_to is null;
create index difference_upto on stripe_sync.difference (environment, valid_to);

-- grain: one version of one drift row, with a sentence and an amount (minor units by currency); valid in comparisons
create table stripe_sync.drift (
    valid_from bigint not null,
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
    stripe_url text not null default '',
    stigg_url text not null default '',
    accepted boolean not null default false,
    since timestamptz,
    environment text not null collate "C",
    valid_to bigint,
    owner text not null collate "C" -- the link key with which it is compared, '' for the catalog
);
create unique index drift_now on stripe_sync.drift (environment, id) where valid_to is null;
create index drift_of_owner on stripe_sync.drift (environment, owner) where valid_to is null;
create index drift_upto on stripe_sync.drift (environment, valid_to);
create index drift_of_key on stripe_sync.drift (environment, key, state, field);
create index drift_of_entity on stripe_sync.drift (environment, entity_kind, entity_id);

-- grain: one version of the status that a comparison gave to an entity that differs, regardless of later writes
create table stripe_sync.entity_status (
    valid_from bigint not null,
    kind text not null,
    id text not null collate "C",
    owner text not null collate "C", -- the link key with which it is compared, '' for the catalog
    status text not null,
    reason text not null,
    detail text not null,
    stripe_id text,
    environment text not null collate "C",
    valid_to bigint
);
create unique index entity_status_now on stripe_sync.entity_status (environment, kind, id) where valid_to is null;
create index entity_status_of_owner on stripe_sync.entity_status (environment, owner) where valid_to is null;
create index entity_status_upto on stripe_sync.entity_status (environment, valid_to);

-- grain: one subscription that is compared again at a time, although nothing of it changed
create table stripe_sync.recheck (
    environment text not null collate "C",
    owner text not null collate "C",
    recheck_at timestamptz not null,
    primary key (environment, owner)
);
create index recheck_at on stripe_sync.recheck (environment, recheck_at);

-- grain: one past object of the catalog that one subscription refers to
create table stripe_sync.catalog_reference (
    environment text not null collate "C",
    reference text not null collate "C",
    owner text not null collate "C",
    primary key (environment, reference, owner)
);
create index catalog_reference_of_owner on stripe_sync.catalog_reference (environment, owner);

-- grain: one customer or subscription with usage charges, or whose usage cannot be counted
create table stripe_sync.usage_owner (
    environment text not null collate "C",
    owner text not null collate "C",
    primary key (environment, owner)
);

-- grain: one Stigg entity as of its last run
create table stripe_sync.status (
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
create index status_by_state on stripe_sync.status (environment, kind, status, id);
create index status_by_stripe_id on stripe_sync.status (environment, stripe_id);
create index status_not_in_order on stripe_sync.status (environment, status) where status in ('ERROR', 'PENDING');
create index status_changed on stripe_sync.status (environment, changed_at);

-- changed_at moves only where something changed
create function stripe_sync.stamp_status() returns trigger language plpgsql as $$
begin
    new.changed_at := now();
    return new;
end
$$;
create trigger status_changes before update on stripe_sync.status for each row
    when (
        (old.status, old.reason, old.detail, old.stripe_id) is distinct from (new.status, new.reason, new.detail, new.stripe_id)
    )
    execute function stripe_sync.stamp_status();

-- grain: one change of the number of entities of one kind, status and reason by one statement; their sum is the number.
-- Rows are only added, so that no writer waits for another; a full comparison counts again (drift/count_statuses.sql).
create table stripe_sync.status_count (
    environment text not null collate "C",
    kind text not null,
    status text not null,
    reason text not null,
    entities bigint not null
);
create index status_count_of on stripe_sync.status_count (environment);

create function stripe_sync.count_statuses() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        insert into stripe_sync.status_count (environment, kind, status, reason, entities)
        select environment, kind, status, reason, count(*)
        from came
        group by environment, kind, status, reason;
    elsif tg_op = 'DELETE' then
        insert into stripe_sync.status_count (environment, kind, status, reason, entities)
        select environment, kind, status, reason, -count(*)
        from went
        group by environment, kind, status, reason;
    else
        insert into stripe_sync.status_count (environment, kind, status, reason, entities)
        select environment, kind, status, reason, sum(n)
        from (
            select environment, kind, status, reason, 1 as n from came
            union all
            select environment, kind, status, reason, -1 from went
        ) as both_sides
        group by environment, kind, status, reason
        having sum(n) <> 0;
    end if;
    return null;
end
$$;
create trigger status_came after insert on stripe_sync.status
    referencing new table as came for each statement execute function stripe_sync.count_statuses();
create trigger status_went after delete on stripe_sync.status
    referencing old table as went for each statement execute function stripe_sync.count_statuses();
create trigger status_became after update on stripe_sync.status
    referencing new table as came old table as went for each statement execute function stripe_sync.count_statuses();

-- grain: one plan as a run made it
create table stripe_sync.plan (
    environment text not null collate "C",
    run_id text not null collate "C",
    hash text not null,
    comparison_id bigint not null references stripe_sync.comparison,
    planned_at timestamptz not null,
    body jsonb not null,
    guard_results jsonb not null,
    unplanned jsonb not null,
    stored_at timestamptz not null default now(),
    primary key (environment, run_id)
);
create index plan_newest on stripe_sync.plan (environment, planned_at desc);

-- grain: one set of actions that needs approval; times are by the pipeline's clock
create table stripe_sync.approval (
    environment text not null collate "C",
    hash text not null,
    lane text not null,
    action_group text not null,
    run_id text not null,
    plan_hash text not null,
    actions text[] not null,
    due_now jsonb not null,
    per_month jsonb not null,
    why text[] not null,
    state text not null default 'waiting' check (state in ('waiting', 'approved', 'rejected', 'expired', 'applied')),
    requested_at timestamptz not null,
    expires_at timestamptz not null,
    decided_at timestamptz,
    decided_by text not null default '',
    reason text not null default '',
    results jsonb not null default '{}',
    primary key (environment, hash, requested_at)
);

-- grain: one target whose write was refused repeatedly; it is skipped until a time of the pipeline's clock
create table stripe_sync.write_failure (
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

-- grain: one target whose last charging write was declined; deleted when such a write is made
create table stripe_sync.payment_decline (
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

create function stripe_sync.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the journal is append-only: % of % is refused', tg_op, tg_table_name;
end $$;

-- grain: one action that a person took by a command; append-only
create table stripe_sync.manual_action (
    id bigint generated always as identity primary key,
    environment text not null collate "C",
    command text not null,
    subject text not null collate "C",
    reason text not null,
    person text not null,
    detail jsonb not null default '{}',
    done_at timestamptz not null default now()
);
create trigger manual_action_append_only before update or delete or truncate on stripe_sync.manual_action
    for each statement execute function stripe_sync.refuse_change();

-- grain: one answer of probe to one open question of the design; the newest counts
create table stripe_sync.probe_answer (
    id bigint generated always as identity primary key,
    environment text not null collate "C",
    question text not null,
    answer text not null,
    detail text not null default '',
    request_ids text[] not null default '{}',
    answered_at timestamptz not null default now()
);

-- grain: one intended write, committed before its call; append-only
create table stripe_sync.journal_intent (
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
create index journal_intent_of_plan on stripe_sync.journal_intent (environment, run_id, action_hash);
create index journal_intent_of_target on stripe_sync.journal_intent (environment, target);
create index journal_intent_of_entity on stripe_sync.journal_intent (environment, (action #>> '{entity,1}'));
create index journal_intent_of_serial on stripe_sync.journal_intent (environment, (action ->> 'serial'));
create index journal_intent_of_run on stripe_sync.journal_intent (environment, run_id);
create index journal_intent_of_drift on stripe_sync.journal_intent using gin ((action -> 'drift'));
-- the changes that left a credit to be given by a person
create index journal_intent_credit on stripe_sync.journal_intent (environment) where action #> '{after,credit}' is not null;

-- grain: the one outcome of one intent; append-only
create table stripe_sync.journal_outcome (
    intent_id bigint primary key references stripe_sync.journal_intent,
    result text not null check (result in ('done', 'refused', 'dropped')),
    stripe_id text,
    request_id text,
    idempotency_key text,
    reason text not null default '',
    detail text not null default '',
    finished_at timestamptz not null default now()
);
create index journal_outcome_newest on stripe_sync.journal_outcome (finished_at);
create trigger journal_intent_append_only before update or delete or truncate on stripe_sync.journal_intent
    for each statement execute function stripe_sync.refuse_change();
create trigger journal_outcome_append_only before update or delete or truncate on stripe_sync.journal_outcome
    for each statement execute function stripe_sync.refuse_change();

-- grain: one intent without an outcome; kept by the triggers of the journal, so that open intents are found in a long one
create table stripe_sync.journal_open (
    intent_id bigint primary key references stripe_sync.journal_intent,
    environment text not null collate "C",
    lane text not null,
    run_id text not null collate "C"
);
create function stripe_sync.open_intent() returns trigger language plpgsql as $$
begin
    insert into stripe_sync.journal_open (intent_id, environment, lane, run_id)
    values (new.id, new.environment, new.lane, new.run_id);
    return null;
end $$;
create trigger journal_intent_opens after insert on stripe_sync.journal_intent
    for each row execute function stripe_sync.open_intent();
create function stripe_sync.close_intent() returns trigger language plpgsql as $$
begin
    delete from stripe_sync.journal_open where intent_id = new.intent_id;
    return null;
end $$;
create trigger journal_outcome_closes after insert on stripe_sync.journal_outcome
    for each row execute function stripe_sync.close_intent();

-- grain: one lane; epoch rises with every new holder
create table stripe_sync.lease (
    environment text not null collate "C",
    lane text not null,
    holder text not null,
    epoch bigint not null,
    expires_at timestamptz not null,
    primary key (environment, lane)
);

-- grain: one paused lane; lane '' is all lanes
create table stripe_sync.lane_pause (
    environment text not null collate "C",
    lane text not null default '',
    reason text not null,
    paused_by text not null,
    paused_at timestamptz not null default now(),
    primary key (environment, lane)
);

-- grain: one lane that runs skipped because another run held it; deleted when the lane is held again
create table stripe_sync.lane_skip_count (
    environment text not null collate "C",
    lane text not null,
    times int not null,
    holder text not null,
    primary key (environment, lane)
);

-- grain: one rate limit of one account; arrival is when its next request may start (GCRA). Worthless after a crash.
-- factor holds until slowed_until, after a 429
create unlogged table stripe_sync.rate_budget (
    account text not null,
    endpoint text not null,
    arrival timestamptz not null,
    factor double precision not null default 1,
    slowed_until timestamptz,
    primary key (account, endpoint)
);

-- grain: one account and month; reads that count against Stripe's allocation
create table stripe_sync.read_count (
    account text not null,
    month date not null,
    reads bigint not null default 0,
    primary key (account, month)
);

-- grain: one amount that a write left to a person: a credit to be given, a pending charge to be billed, a renewal that sold
-- time after the end, an invoice that is not collected any more; minor units. While it waits, no action is needed
create table stripe_sync.owed (
    environment text not null collate "C",
    intent_id bigint not null references stripe_sync.journal_intent,
    part text not null,
    entity_id text not null,
    stripe_id text not null,
    customer text not null,
    kind text not null check (kind in ('charge', 'credit', 'foreign', 'unused', 'sold_after', 'uncollected')),
    currency text not null,
    amount numeric not null,
    product text,
    invoice text,
    items text[] not null,
    since timestamptz not null,
    removed boolean,
    closed_at timestamptz,
    closed_by text not null default '',
    waits boolean not null default false,
    primary key (environment, intent_id, part)
);
create index owed_open on stripe_sync.owed (environment) where closed_at is null;
create index owed_of_customer on stripe_sync.owed (environment, customer);
create index owed_of_invoice on stripe_sync.owed (environment, invoice) where kind = 'sold_after';

-- grain: the terms of a usage charge from a time on (null: it is closed); appended, never changed
create table stripe_sync.usage_terms (
    id bigint generated always as identity primary key,
    environment text not null collate "C",
    subscription text not null collate "C", -- Stripe's id
    charge text not null collate "C", -- distinguishes the charges of one subscription
    since timestamptz not null,
    terms jsonb,
    measured jsonb not null, -- Stigg's subscription, customer, feature and resource; Stripe's item
    why text not null default '',
    run_id text not null collate "C",
    unique (environment, subscription, charge, since)
);

-- grain: one window [start_at, end_at) of a charge; windows of one charge neither overlap nor leave a gap
create table stripe_sync.usage_window (
    id bigint generated always as identity primary key,
    environment text not null collate "C",
    subscription text not null collate "C",
    charge text not null collate "C",
    terms_id bigint not null references stripe_sync.usage_terms,
    start_at timestamptz not null,
    end_at timestamptz not null check (end_at > start_at),
    run_id text not null collate "C",
    settled boolean not null default false, -- whether its newest movement says billed: quick reads leave these out
    unique (environment, subscription, charge, start_at)
);
create index usage_window_open on stripe_sync.usage_window (environment) where not settled;

-- grain: one reading of a window's quantity in Stigg; read_at is by the pipeline's clock
create table stripe_sync.usage_reading (
    id bigint generated always as identity primary key,
    window_id bigint not null references stripe_sync.usage_window,
    quantity numeric not null,
    read_at timestamptz not null,
    run_id text not null collate "C"
);
create index usage_reading_of_window on stripe_sync.usage_reading (window_id, id desc);

-- grain: one movement of quantity and amount (minor units) of a window between states; from_state is '' for a reading of Stigg.
-- The transitions are those of domain/usage/ledger.py, which a test compares
create table stripe_sync.usage_movement (
    id bigint generated always as identity primary key,
    window_id bigint not null references stripe_sync.usage_window,
    from_state text not null,
    to_state text not null,
    quantity numeric not null,
    amount numeric not null,
    invoice text,
    reason text not null default '',
    person text not null default '',
    run_id text not null collate "C",
    recorded_at timestamptz not null,
    constraint usage_movement_to_state_check check (to_state in
        ('pending', 'pushed', 'proven', 'billed', 'reversed', 'waived', 'unbillable', 'billed_before_us', 'rounded')),
    constraint usage_movement_transition check ((from_state, to_state) in (
        ('', 'pending'), ('', 'rounded'),
        ('pending', 'pushed'), ('pending', 'proven'), ('pending', 'billed'), ('pending', 'billed_before_us'), ('pending', 'reversed'), ('pending', 'waived'), ('pending', 'unbillable'),
        ('pushed', 'pending'), ('pushed', 'proven'), ('pushed', 'billed'), ('pushed', 'reversed'), ('pushed', 'waived'), ('pushed', 'unbillable'),
        ('proven', 'pending'), ('proven', 'billed'), ('proven', 'reversed'), ('proven', 'waived'), ('proven', 'unbillable'),
        ('billed', 'reversed'),
        ('reversed', 'waived'),
        ('unbillable', 'waived'),
        ('rounded', 'billed')
    ))
);
create index usage_movement_of_window on stripe_sync.usage_movement (window_id, id desc);
create index usage_movement_rounded on stripe_sync.usage_movement (window_id) where from_state = 'rounded';

-- grain: one invoice of a subscription with usage, as it was last read; bound is the end of the windows that it bills;
-- grace: seconds between a renewal's draft and its finalization, as first read; null where it was moved, or for other drafts
create table stripe_sync.usage_invoice (
    environment text not null collate "C",
    invoice text not null collate "C",
    subscription text not null collate "C",
    status text not null,
    bound timestamptz not null,
    created_at timestamptz not null,
    finalizes_at timestamptz,
    is_stale boolean not null default false,
    body jsonb not null,
    grace integer,
    primary key (environment, invoice)
);
create index usage_invoice_of_subscription on stripe_sync.usage_invoice (environment, subscription, bound);

-- grain: one hold or release of a draft, by the pipeline or by a person; the newest of an invoice counts
-- causes: the conditions for its release; is_stop: auto_advance was switched off, else the time was moved
create table stripe_sync.usage_hold (
    id bigint generated always as identity primary key,
    environment text not null collate "C",
    invoice text not null collate "C",
    held boolean not null,
    original timestamptz, -- time of finalization without the hold
    until timestamptz,
    reason text not null,
    person text not null default '',
    run_id text not null default '',
    at timestamptz not null,
    causes text[] not null default '{}' check (causes <@ array['usage', 'short', 'tax', 'unowed']),
    is_stop boolean not null default false
);
create index usage_hold_of_invoice on stripe_sync.usage_hold (environment, invoice, id desc);

-- grain: one month that was audited; audited_at is by the pipeline's clock
create table stripe_sync.month_audit (
    environment text not null collate "C",
    month date not null,
    audited_at timestamptz not null,
    primary key (environment, month)
);

-- grain: one row of the newest audit of one month of one environment: an invoice, or a usage window that is on no invoice
-- Amounts are minor units. difference is without rounding, which is what Stripe rounds otherwise; total, balance and due show
-- the part that the customer's balance paid
create table stripe_sync.audit_line (
    environment text not null collate "C",
    month date not null,
    line int not null,
    invoice text,
    subscription text not null,
    status text not null,
    currency text not null,
    expected bigint not null,
    invoiced bigint not null,
    difference bigint not null,
    missing int not null,
    rounding bigint not null default 0,
    total bigint not null default 0,
    balance bigint not null default 0,
    due bigint not null default 0,
    primary key (environment, month, line)
);

-- Functions, because PostgreSQL knows the figures of a comparison that is given as a number; it plans them as part of the
-- question that calls them.

-- grain: one key of one kind on which target and actual of a comparison disagree
create function stripe_sync.differences_at(comparison bigint) returns setof stripe_sync.difference language sql stable as $$
    select d.*
    from stripe_sync.comparison as c
    join stripe_sync.difference as d on d.environment = c.environment
    where c.id = $1 and d.valid_from <= $1 and (d.valid_to is null or d.valid_to > $1)
$$;

-- grain: one drift row of a comparison
create function stripe_sync.drift_at(comparison bigint) returns setof stripe_sync.drift language sql stable as $$
    select d.*
    from stripe_sync.comparison as c
    join stripe_sync.drift as d on d.environment = c.environment
    where c.id = $1 and d.valid_from <= $1 and (d.valid_to is null or d.valid_to > $1)
$$;

-- grain: one drift row of a comparison that no write of its run has repaired since
create function stripe_sync.open_drift_at(comparison bigint) returns table (
    environment text, id text, kind text, key text, entity_kind text, entity_id text, stripe_id text, state text, field text,
    before jsonb, after jsonb, severity text, sentence text, per_month jsonb, stripe_url text, stigg_url text,
    accepted boolean, since timestamptz, reason text, plan text
) language sql stable as $$
    select
        d.environment, d.id, d.kind, d.key, d.entity_kind, d.entity_id, d.stripe_id, d.state, d.field,
        d.before, d.after, d.severity, d.sentence, d.per_month, d.stripe_url, d.stigg_url,
        d.accepted, d.since,
        coalesce(p.unplanned ->> d.key, s.reason, ''),
        coalesce(m.body -> 'plan' ->> 'refId', case when d.entity_kind = 'plan' then d.entity_id end, '')
    from stripe_sync.drift_at($1) as d
    join stripe_sync.comparison as c on c.id = $1
    left join stripe_sync.plan as p on p.comparison_id = c.id
    left join stripe_sync.status as s on s.environment = d.environment and s.kind = d.entity_kind and s.id = d.entity_id
    left join stripe_sync.mirror as m
        on m.environment = d.environment and m.side = 'stigg' and m.kind = 'subscription' and m.valid_to is null
        and d.entity_kind = 'subscription' and m.id = d.entity_id
    where not exists (
        select 1
        from stripe_sync.journal_intent as i
        where
            i.environment = c.environment and i.run_id = c.run_id and i.action -> 'drift' ? d.id
            and (select o.result from stripe_sync.journal_outcome as o where o.intent_id = i.id) = 'done'
    )
$$;
