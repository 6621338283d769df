-- question: which subscriptions are active in Stigg and not billed in Stripe, with their amount where it is known?
-- grain: one Stigg subscription
select
    s.id as subscription,
    m.body -> 'plan' ->> 'refId' as plan,
    m.body ->> 'status' as stigg_status,
    s.status,
    s.reason,
    s.detail,
    d.per_month,
    d.since
from stripe_sync.statuses as s
inner join stripe_sync.mirror as m
    on m.environment = s.environment and m.side = 'stigg' and m.kind = 'subscription' and m.id = s.id and m.valid_to is null
left join stripe_sync.open_drift_at(:comparison) as d
    on d.entity_kind = 'subscription' and d.entity_id = s.id and d.state = 'missing'
where
    s.environment = :environment and s.kind = 'subscription' and s.status in ('ERROR', 'PENDING') and s.stripe_id is null
order by s.status, s.id
