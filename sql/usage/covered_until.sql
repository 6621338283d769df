-- question: where do the stored windows of each charge end?
-- grain: one charge of a subscription; key: subscription, charge
select subscription, charge, max(end_at) as until
from stripe_sync.usage_window
where environment = :environment
group by subscription, charge
