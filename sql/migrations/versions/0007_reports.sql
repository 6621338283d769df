-- grain: one row of the newest audit of one month of one environment: an invoice, or a window of usage that is on none
create table audit (
    environment text not null collate "C",
    month date not null,
    line int not null,
    invoice text,
    subscription text not null,
    status text not null,
    currency text not null,
    expected bigint not null, -- minor units, as are the next two
    invoiced bigint not null,
    difference bigint not null,
    missing int not null,
    primary key (environment, month, line)
);

-- grain: one month that was audited; audited_at is by the pipeline's clock
create table audit_of_month (
    environment text not null collate "C",
    month date not null,
    audited_at timestamptz not null,
    primary key (environment, month)
);

-- what the pages look up
create index status_by_state on status (environment, kind, status, id);
create index status_by_stripe_id on status (environment, stripe_id);
create index run_newest on run (environment, created_at desc);
create index plan_newest on plan (environment, planned_at desc);
create index journal_intent_of_target on journal_intent (environment, target);
create index journal_intent_of_entity on journal_intent (environment, (action #>> '{entity,1}'));
create index journal_intent_of_serial on journal_intent (environment, (action ->> 'serial'));
create index comparison_newest on comparison (environment, id desc);
create index journal_intent_of_run on journal_intent (environment, run_id);

-- grain: one difference of an environment's newest comparison that no write of that run has repaired since
create view drift_now as
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
    join journal_outcome as o on o.intent_id = i.id and o.result = 'done'
    where i.environment = c.environment and i.run_id = c.run_id and i.action -> 'drift' ? d.id
);
