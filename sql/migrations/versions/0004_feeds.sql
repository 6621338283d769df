-- grain: one environment's feed of Stripe's events; times are by the pipeline's clock
create table feed (
    environment text primary key collate "C",
    of_what text not null, -- the account, and what is read of it; another value is another feed
    cursor timestamptz not null,
    audited_at timestamptz not null,
    checked_at timestamptz not null
);

-- grain: one event that was taken up; kept as long as the feed's windows overlap
create table seen_event (
    environment text not null collate "C",
    id text not null collate "C",
    created timestamptz not null,
    primary key (environment, id)
);

-- grain: one object as the answer of our last write showed it; until an extract has taken it up
create table own_answer (
    environment text not null collate "C",
    kind text not null,
    id text not null collate "C",
    body jsonb not null,
    primary key (environment, kind, id)
);
