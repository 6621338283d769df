-- drafts that bill use, the next to be finalized first
-- grain: one draft
select
    i.invoice,
    i.subscription,
    i.finalizes_at,
    (select count(*) from usage_window as w where w.environment = i.environment and w.subscription = i.subscription
        and w.end_at <= i.bound and not w.settled) as open_windows,
    coalesce(h.held, false) as held,
    h.reason as held_because
from usage_invoice as i
left join lateral (
    select held, reason from usage_hold where environment = i.environment and invoice = i.invoice order by id desc limit 1
) as h on true
where i.environment = :environment and i.status = 'draft'
order by i.finalizes_at nulls last
limit 50
