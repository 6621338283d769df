-- grain: one environment with the Stripe account that everything stored of it is of, as a key proved it; none before the first
-- proof. key_digest is a SHA-256 of the key that proved it, so that another key is asked about before it is used.
create table account (
    environment text primary key collate "C",
    account text not null,
    key_digest text not null,
    proven_at timestamptz not null
);

-- an environment with links: the account of its newest run, else the one of its events feed
insert into account (environment, account, key_digest, proven_at)
select found.environment, found.account, '', now()
from (
    select distinct on (known.environment) known.environment, known.account
    from (
        select s.environment, s.result ->> 'account' as account, 0 as rank, s.finished_at as known_at
        from station s
        where s.station = 'preflight'
        union all
        select f.environment, split_part(f.of_what, ',', 1), 1, f.checked_at from feed f
    ) known
    where known.account is not null
        and exists (select from link l where l.environment = known.environment and l.ended_at is null)
    order by known.environment, known.rank, known.known_at desc
) found;
