-- question: which drafts and open invoices of this pipeline will not be finalized or collected, by the last usage run?
-- grain: one invoice; amounts are minor units of its currency
select
    row_of.value ->> 'invoice' as invoice,
    row_of.value ->> 'subscription' as subscription,
    row_of.value ->> 'status' as status,
    row_of.value ->> 'currency' as currency,
    (row_of.value ->> 'amount')::numeric as minor,
    row_of.value ->> 'why' as why
from (
    select result from stripe_sync.step
    where environment = :environment and step = 'usage_settle'
    order by finished_at desc
    limit 1
) as last,
    jsonb_array_elements(coalesce(last.result -> 'stuck', '[]'::jsonb)) as row_of
order by row_of.value ->> 'invoice'
