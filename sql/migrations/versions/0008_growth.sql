-- the documents of one comparison, however many are kept
create index document_of_comparison on document (comparison_id, side, kind, key);

-- grain: one difference of an environment's newest comparison that no write of that run has repaired since
create or replace view drift_now as
select
    c.environment, c.run_id, c.created_at as compared_at, d.*,
    coalesce(p.unplanned ->> d.key, s.reason, '') as reason,
    coalesce(m.body -> 'plan' ->> 'refId', case when d.entity_kind = 'plan' then d.entity_id end, '') as plan
from (select environment, max(id) as id from comparison group by environment) as newest
join comparison as c on c.id = newest.id
join drift as d on d.comparison_id = c.id
left join plan as p on p.comparison_id = c.id
left join status as s on s.environment = c.environment and s.kind = d.entity_kind and s.id = d.entity_id
left join mirror as m
    on m.environment = c.environment and m.side = 'stigg' and m.kind = 'subscription' and m.valid_to is null
    and d.entity_kind = 'subscription' and m.id = d.entity_id
where not exists (
    select 1
    from journal_intent as i
    where
        i.environment = c.environment and i.run_id = c.run_id and i.action -> 'drift' ? d.id
        and (select o.result from journal_outcome as o where o.intent_id = i.id) = 'done'
);
