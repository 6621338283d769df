-- Sets statuses from decisions and from results of writes.
-- keys: environment, kind, id
insert into stripe_sync.status (environment, kind, id, status, reason, detail, stripe_id, run_id)
select :environment, kind, id, status, reason, detail, stripe_id, :run_id
from jsonb_to_recordset(cast(:statuses as jsonb)) as s (
    kind text, id text, status text, reason text, detail text, stripe_id text
)
on conflict (environment, kind, id) do update
set
    (status, reason, detail, stripe_id, run_id)
    = (excluded.status, excluded.reason, excluded.detail, excluded.stripe_id, excluded.run_id)
