-- question: which open Stigg subscriptions of a snapshot changed since their last evaluation?
-- grain: one subscription; key: id; id_length: the number of characters that the id takes in an ownership marker, where
-- punctuation takes three
select
    m.id,
    length(m.id) + 2 * length(regexp_replace(m.id, '[^\x01-\x7F]|[A-Za-z0-9._-]', '', 'g')) as id_length,
    m.body #>> '{customer,customerId}' as customer_id,
    m.body #>> '{plan,refId}' as plan_id,
    m.body ->> 'startDate' as start_date,
    coalesce(m.body ->> 'currentBillingPeriodEnd', '9999') as period_end,
    coalesce(m.body ->> 'currentBillingPeriodStart', '0000') as period_start
from stripe_sync.mirror as m
where
    m.environment = :environment and m.side = 'stigg' and m.kind = 'subscription'
    and m.valid_from > :judged and m.valid_from <= :stigg_snapshot and (m.valid_to is null or m.valid_to > :stigg_snapshot)
    and m.body ->> 'status' not in ('CANCELED', 'EXPIRED')
