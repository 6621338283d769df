-- question: the drafts that bill usage, in the order in which they are finalized
-- grain: one draft
select
    i.invoice,
    i.subscription,
    i.finalizes_at,
    (
        select count(*) from stripe_sync.usage_window as w
        where w.environment = i.environment and w.subscription = i.subscription and w.end_at <= i.bound and not w.settled
    ) as open_windows,
    coalesce(h.held, false) as held,
    h.reason as held_because
from stripe_sync.usage_invoice as i
left join stripe_sync.draft_holds as h on h.environment = i.environment and h.invoice = i.invoice
where i.environment = :environment and i.status = 'draft'
order by i.finalizes_at nulls last
limit 50
