-- question: which consistency checks (DESIGN 5) fail? None on a good day.
-- grain: one failure
select 'nothing is finalized short' as invariant, u.invoice as subject, 'window ' || u.id || ' of '
    || (u.measured ->> 'subscription') || ' is ' || coalesce(u.state, 'due') || ' on a finalized invoice' as breach
from stripe_sync.usage_windows as u
inner join stripe_sync.usage_invoice as i on i.environment = u.environment and i.invoice = u.invoice
where
    u.environment = :environment and i.status in ('open', 'paid', 'uncollectible')
    and coalesce(u.state, 'due') in ('due', 'pending', 'pushed', 'unbillable')
union all
select 'usage is conserved', u.id::text, 'Stigg shows ' || u.quantity || ', the ledger holds ' || sum((b.value ->> 0)::numeric)
from stripe_sync.usage_windows as u
cross join lateral jsonb_each(u.balances) as b
where u.environment = :environment and u.quantity is not null and u.state is not null
group by u.id, u.quantity
having sum((b.value ->> 0)::numeric) <> u.quantity
union all
select 'windows tile the life of a charge', w.subscription, 'windows of ' || w.charge || ' overlap, or leave a gap, at ' || w.start_at
from (
    select
        subscription,
        charge,
        start_at,
        lag(end_at) over (partition by subscription, charge order by start_at) as before
    from stripe_sync.usage_window
    where environment = :environment
) as w
where w.before is not null and w.before <> w.start_at
union all
select 'every write has an outcome', w.target, 'intent ' || w.intent_id || ' of run ' || w.run_id || ' was never settled'
from stripe_sync.writes as w
where w.environment = :environment and w.result is null and w.intended_at < now() - interval '1 hour'
union all
select 'an intended change is made once', w.target, count(*) || ' creations of it are marked done'
from stripe_sync.writes as w
inner join stripe_sync.link as l on l.environment = w.environment and l.key = w.target and l.ended_at is null
where w.environment = :environment and w.result = 'done' and w.kind like '%.create'
group by w.target
having count(distinct w.stripe_id) > 1 and not exists (
    select 1 from stripe_sync.link as e where e.environment = :environment and e.key = w.target and e.ended_at is not null
)
order by 1, 2
