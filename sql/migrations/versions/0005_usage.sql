-- grain: a moment from which on a charge for use has these terms (null: it is closed); appended, never changed
create table usage_opening (
    id bigint generated always as identity primary key,
    environment text not null collate "C",
    subscription text not null collate "C", -- Stripe's id
    charge text not null collate "C", -- tells the charges of one subscription apart
    since timestamptz not null,
    terms jsonb,
    measured jsonb not null, -- Stigg's subscription, customer, feature and resource; Stripe's item
    why text not null default '',
    run_id text not null collate "C",
    unique (environment, subscription, charge, since)
);

-- grain: one window [start_at, end_at) of the life of a charge; windows of one charge neither overlap nor leave a gap
create table usage_window (
    id bigint generated always as identity primary key,
    environment text not null collate "C",
    subscription text not null collate "C",
    charge text not null collate "C",
    opening_id bigint not null references usage_opening,
    start_at timestamptz not null,
    end_at timestamptz not null check (end_at > start_at),
    run_id text not null collate "C",
    settled boolean not null default false, -- whether its newest movement says billed: what quick reads leave out
    unique (environment, subscription, charge, start_at)
);
create index usage_window_open on usage_window (environment) where not settled;

-- grain: one reading of a window's quantity in Stigg; read_at is by the pipeline's clock
create table usage_reading (
    id bigint generated always as identity primary key,
    window_id bigint not null references usage_window,
    quantity numeric not null,
    read_at timestamptz not null,
    run_id text not null collate "C"
);
create index usage_reading_of_window on usage_reading (window_id, id desc);

-- grain: one movement of quantity and amount (minor units) of a window between states; '' is Stigg, where it comes from
create table usage_entry (
    id bigint generated always as identity primary key,
    window_id bigint not null references usage_window,
    from_state text not null,
    to_state text not null check (to_state in
        ('pending', 'pushed', 'proven', 'billed', 'reversed', 'waived', 'unbillable', 'billed_before_us')),
    quantity numeric not null,
    amount numeric not null,
    invoice text,
    reason text not null default '',
    person text not null default '',
    run_id text not null collate "C",
    moved_at timestamptz not null
);
create index usage_entry_of_window on usage_entry (window_id, id desc);

-- grain: one invoice of a subscription with usage, as it was last seen; bound is the end of the windows that it bills
create table usage_invoice (
    environment text not null collate "C",
    invoice text not null collate "C",
    subscription text not null collate "C",
    status text not null,
    bound timestamptz not null,
    created_at timestamptz not null,
    finalizes_at timestamptz,
    look_again boolean not null default false,
    body jsonb not null,
    primary key (environment, invoice)
);
create index usage_invoice_of_subscription on usage_invoice (environment, subscription, bound);

-- grain: one hold or release of a draft, by the pipeline or by a person; the newest of an invoice counts
create table usage_hold (
    id bigint generated always as identity primary key,
    environment text not null collate "C",
    invoice text not null collate "C",
    held boolean not null,
    original timestamptz, -- when the draft would have been finalized
    until timestamptz,
    reason text not null,
    person text not null default '',
    run_id text not null default '',
    at timestamptz not null
);
create index usage_hold_of_invoice on usage_hold (environment, invoice, id desc);

-- grain: one window with its newest reading, its state (of its newest movement) and what lies in each state
create view usage_now as
select
    w.id, w.environment, w.subscription, w.charge, w.start_at, w.end_at, w.settled, o.terms, o.measured, o.why,
    r.quantity, r.read_at, e.to_state as state, e.invoice, e.reason,
    coalesce(b.balances, '{}') as balances
from usage_window w
join usage_opening o on o.id = w.opening_id
left join lateral (select quantity, read_at from usage_reading where window_id = w.id order by id desc limit 1) r on true
left join lateral (
    select to_state, invoice, reason from usage_entry where window_id = w.id order by id desc limit 1
) e on true
left join lateral (
    select jsonb_object_agg(state, jsonb_build_array(quantity, amount)) as balances from (
        select state, sum(quantity) as quantity, sum(amount) as amount from (
            select to_state as state, quantity, amount from usage_entry where window_id = w.id
            union all
            select from_state, -quantity, -amount from usage_entry where window_id = w.id and from_state <> ''
        ) moved group by state
    ) summed
) b on true;
