-- Reserves the next slot of an endpoint and of its account, and records that the lane sends requests; returns the seconds
-- until both slots.
-- grain: one row
-- Each transaction locks the account's row first, which excludes deadlocks. The commit does not wait for the disk: a crash of
-- the database loses at most the newest slots.
with paced as (
    select
        limited.endpoint,
        limited.place,
        limited.gap / case
            when exists (
                select 1
                from stripe_sync.rate_budget
                where
                    account = :account and endpoint = any(cast(:urgent as text[]))
                    and arrival > clock_timestamp() - make_interval(secs => :yield_seconds)
            ) then :yielded
            else 1.0
        end as gap
    from unnest(cast(:endpoints as text[]), cast(:gaps as double precision[])) with ordinality as limited (endpoint, gap, place)
),

slots as (
    insert into stripe_sync.rate_budget (account, endpoint, arrival)
    select :account, paced.endpoint, clock_timestamp() + make_interval(secs => paced.gap)
    from paced
    order by paced.place
    on conflict (account, endpoint) do update
    set arrival = greatest(rate_budget.arrival, clock_timestamp()) + make_interval(
        secs => (select paced.gap from paced where paced.endpoint = rate_budget.endpoint)
        / case when rate_budget.slowed_until > clock_timestamp() then rate_budget.factor else 1 end
    )
    returning
        extract(epoch from rate_budget.arrival - clock_timestamp())
        - (select paced.gap from paced where paced.endpoint = rate_budget.endpoint) as seconds
),

counted as (
    insert into stripe_sync.read_count (account, month, reads)
    select :account, date_trunc('month', now())::date, 1
    where :counts
    on conflict (account, month) do update set reads = read_count.reads + 1
)

select
    cast(greatest(0, max(seconds)) as double precision) as seconds,
    set_config('synchronous_commit', 'off', true) as unsynced
from slots
