-- every Stigg entity with its status, the reason for it, and its Stripe id
-- grain: one entity; key: kind, id
select kind, id, status, reason, detail, stripe_id, changed_at
from status
where environment = :environment
order by case status when 'ERROR' then 0 when 'PENDING' then 1 when 'SUCCESS' then 2 else 3 end, kind, id
