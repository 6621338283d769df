-- Which comparison is the newest was asked by drift_now itself, so that PostgreSQL expected as many differences as comparisons
-- have on average, and after a first import of a big account read the differences of all that are kept. A question now gives
-- the comparison's number, and PostgreSQL knows how many it has.
drop view drift_now;

-- grain: one difference of a comparison that no write of its run has repaired since; ask for one comparison_id
create view unrepaired as
select
    c.environment, d.*,
    coalesce(p.unplanned ->> d.key, s.reason, '') as reason,
    coalesce(m.body -> 'plan' ->> 'refId', case when d.entity_kind = 'plan' then d.entity_id end, '') as plan
from comparison as c
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

-- an entity's page asks for its differences
create index drift_of_entity on drift (comparison_id, entity_kind, entity_id);
