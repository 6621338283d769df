-- question: the usage that is on no finalized invoice, with the hold of its draft and the time of finalization
-- grain: one window; amounts are minor units of its currency
select
    u.window_id as "row",
    u.subscription,
    u.feature,
    u.start_at,
    u.end_at,
    u.state,
    u.reported_quantity as quantity,
    u.currency,
    u.amount as minor,
    u.reason,
    u.invoice,
    i.finalizes_at,
    coalesce(h.held, false) as held,
    h.reason as held_because
from stripe_sync.usage_ledger as u
left join stripe_sync.usage_invoice as i on i.environment = u.environment and i.invoice = u.invoice
left join stripe_sync.draft_holds as h on h.environment = u.environment and h.invoice = u.invoice
where
    u.environment = :environment and u.is_current
    and (not u.settled or u.state in ('waived', 'unbillable', 'reversed'))
order by u.end_at, u.window_id
