-- what always holds, and did not (DESIGN 5): nothing stands here on a good day
-- grain: one breach
select 'nothing is finalized short' as invariant, u.invoice as subject, 'window ' || u.id || ' of '
    || (u.measured ->> 'subscription') || ' is ' || coalesce(u.state, 'due') || ' on a finalized invoice' as breach
from usage_now as u
inner join usage_invoice as i on i.environment = u.environment and i.invoice = u.invoice
where
    u.environment = :environment and i.status in ('open', 'paid', 'uncollectible')
    and coalesce(u.state, 'due') in ('due', 'pending', 'pushed', 'unbillable')
union all
select 'usage is conserved', u.id::text, 'Stigg shows ' || u.quantity || ', the ledger holds ' || sum((b.value ->> 0)::numeric)
from usage_now as u
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
    from usage_window
    where environment = :environment
) as w
where w.before is not null and w.before <> w.start_at
union all
select 'every write has an outcome', i.target, 'intent ' || i.id || ' of run ' || i.run_id || ' was never settled'
from journal_intent as i
left join journal_outcome as o on o.intent_id = i.id
where i.environment = :environment and o.intent_id is null and i.intended_at < now() - interval '1 hour'
union all
select 'an intended change is made once', i.target, count(*) || ' creations of it are marked done'
from journal_intent as i
inner join journal_outcome as o on o.intent_id = i.id and o.result = 'done'
inner join link as l on l.environment = i.environment and l.key = i.target and l.ended_at is null
where i.environment = :environment and i.kind like '%.create'
group by i.target
having count(distinct o.stripe_id) > 1 and not exists (
    select 1 from link as e where e.environment = :environment and e.key = i.target and e.ended_at is not null
)
order by 1, 2
