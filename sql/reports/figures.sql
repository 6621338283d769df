-- question: the figures of an environment: numbers alone
-- grain: one figure; key: name
select 'drift_age' as name, coalesce(extract(epoch from cast(:now as timestamptz) - min(d.since)), 0)::float as value
from stripe_sync.open_drift as d
where d.environment = :environment and not d.accepted
union all
select 'drift.' || k.kind, count(d.drift_id)::float
from unnest(array['product', 'price', 'coupon', 'customer', 'subscription', 'stigg_subscription']) as k(kind)
left join stripe_sync.open_drift as d on d.environment = :environment and not d.accepted and d.kind = k.kind
group by k.kind
union all
select 'usage_open', count(*)::float from stripe_sync.usage_window where environment = :environment and not settled
union all
select 'next_finalization', extract(epoch from min(i.finalizes_at) - cast(:now as timestamptz))::float
from stripe_sync.usage_invoice as i
where
    i.environment = :environment and i.status = 'draft'
    and exists (
        select 1 from stripe_sync.usage_window as w
        where w.environment = i.environment and w.subscription = i.subscription and w.end_at <= i.bound and not w.settled
    )
having min(i.finalizes_at) is not null
union all
select 'reads', coalesce(max(reads), 0)::float
from stripe_sync.read_count
where account = :account and month = date_trunc('month', now())::date
