-- what is measured of an environment: numbers only
-- grain: one figure; key: name
select 'drift_age' as name, coalesce(extract(epoch from cast(:now as timestamptz) - min(d.since)), 0)::float as value
from unrepaired(:comparison) as d
where not d.accepted
union all
select 'drift.' || k.kind, count(d.id)::float
from unnest(array['product', 'price', 'coupon', 'customer', 'subscription', 'stigg_subscription']) as k(kind)
left join unrepaired(:comparison) as d on not d.accepted and d.kind = k.kind
group by k.kind
union all
select 'usage_open', count(*)::float from usage_window where environment = :environment and not settled
union all
select 'next_finalization', extract(epoch from min(i.finalizes_at) - cast(:now as timestamptz))::float
from usage_invoice as i
where
    i.environment = :environment and i.status = 'draft'
    and exists (
        select 1 from usage_window as w
        where w.environment = i.environment and w.subscription = i.subscription and w.end_at <= i.bound and not w.settled
    )
having min(i.finalizes_at) is not null
union all
select 'reads', coalesce(max(reads), 0)::float
from read_count
where account = :account and month = date_trunc('month', now())::date
