-- question: which entities that differ had their last write refused, and with which reason?
-- grain: one entity, with its newest refusal; keys: environment
-- Covers only refusals of objects that still differ: a target that agrees by now has no write to repeat.
select distinct on (s.kind, s.id) s.kind, s.id, s.stripe_id, f.reason, f.detail
from stripe_sync.write_failure as f
inner join stripe_sync.status as s
    on f.environment = s.environment and f.entity_kind = s.kind and f.entity_id = s.id
where
    f.environment = :environment and s.reason = 'WAITS_FOR_WRITE'
    and exists (
        select 1 from stripe_sync.difference as d
        where d.environment = f.environment and d.key = f.target and d.valid_to is null
    )
order by s.kind, s.id, f.last_at desc, f.target
