-- question: how many differences did the last comparison of each day have?
-- grain: one day and kind
with last_of_day as (
    select distinct on (r.started_at::date) r.started_at::date as day, c.id
    from stripe_sync.comparison as c
    inner join stripe_sync.run as r on r.environment = c.environment and r.run_id = c.run_id
    where c.environment = :environment and r.started_at > cast(:now as timestamptz) - interval '90 days'
    order by r.started_at::date, c.id desc
)

select l.day, coalesce(k.key, 'none') as kind, coalesce(k.value::int, 0) as differences
from last_of_day as l
inner join stripe_sync.comparison as c on c.id = l.id
left join lateral jsonb_each_text(c.counts) as k on true
order by l.day, kind
