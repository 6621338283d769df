-- question: the differences that are open now, with their amount per month
-- grain: one difference and currency; a difference without an amount is one row without a currency
-- keys: drift_id, currency; amounts are minor units, exact
select
    d.drift_id,
    d.kind,
    d.entity_kind,
    d.entity_id,
    d.stripe_id,
    nullif(d.plan, '') as plan,
    d.state,
    d.field,
    d.severity,
    nullif(d.reason, '') as reason,
    d.sentence,
    d.accepted as is_accepted,
    d.since,
    m.key as currency,
    cast(m.value as numeric) as monthly_amount
from stripe_sync.open_drift as d
left join lateral jsonb_each_text(d.per_month) as m on m.value::numeric <> 0
where d.environment = :environment
order by d.severity, d.kind, d.key, d.field, m.key
