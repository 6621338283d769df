-- of the comparison before: the statuses of the entities that differ and were not decided anew, as they were judged; they are
-- their statuses again, whatever became of a write since
-- keys: environment, kind, id
with carried as (
    insert into judged (comparison_id, kind, id, owner, status, reason, detail, stripe_id)
    select :comparison_id, j.kind, j.id, j.owner, j.status, j.reason, j.detail, j.stripe_id
    from judged as j
    where j.comparison_id = :before and not exists (select 1 from done where done.owner = j.owner)
    returning kind, id, status, reason, detail, stripe_id
)

insert into status (environment, kind, id, status, reason, detail, stripe_id, run_id)
select :environment, kind, id, status, reason, detail, stripe_id, :run_id
from carried
on conflict (environment, kind, id) do update
set
    (status, reason, detail, stripe_id, run_id)
    = (excluded.status, excluded.reason, excluded.detail, excluded.stripe_id, excluded.run_id)
