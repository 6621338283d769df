-- usage that is on no finalized invoice: what holds it, and until when
-- grain: one window; amounts are minor units of its currency
select
    u.id as "row",
    u.measured ->> 'subscription' as subscription,
    u.measured ->> 'feature' as feature,
    u.start_at,
    u.end_at,
    coalesce(u.state, 'due') as state,
    u.quantity,
    u.terms -> 'content' ->> 'currency' as currency,
    (u.balances -> u.state ->> 1)::numeric as minor,
    u.reason,
    u.invoice,
    i.finalizes_at,
    coalesce(h.held, false) as held,
    h.reason as held_because
from usage_now as u
left join usage_invoice as i on i.environment = u.environment and i.invoice = u.invoice
left join lateral (
    select held, reason from usage_hold
    where environment = u.environment and invoice = u.invoice
    order by id desc
    limit 1
) as h on true
where u.environment = :environment and (not u.settled or u.state in ('waived', 'unbillable', 'reversed'))
order by u.end_at, u.id
