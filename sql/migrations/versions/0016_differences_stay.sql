-- Differences, their rows and what was judged of them were written again by each comparison, whether anything had changed or
-- not: an account of which much differs (one that only looks, or a first import) filled the disk and took as long each time.
-- They are now versions, as documents are: valid in comparisons valid_from <= c < valid_to (null: still).
drop view drift_now;

create temp table spans on commit drop as
select id, environment, lead(id) over (partition by environment order by id) as upto from comparison;
alter table spans add primary key (id);

-- grain: one version of one key on which the two sides do not agree, with both documents as they were compared
alter table difference drop constraint difference_comparison_id_fkey, drop constraint difference_pkey;
alter table difference rename column comparison_id to valid_from;
alter table difference add column environment text collate "C", add column valid_to bigint;
update difference set environment = s.environment, valid_to = s.upto from spans as s where s.id = difference.valid_from;
alter table difference alter column environment set not null, alter column owner drop default;
create unique index difference_now on difference (environment, kind, key) where valid_to is null;
create index difference_of_owner on difference (environment, owner) where valid_to is null;
create index difference_upto on difference (environment, valid_to);

-- grain: one version of one difference, in words and money (minor units by currency)
alter table drift drop constraint drift_comparison_id_fkey, drop constraint drift_pkey;
drop index drift_by_key;
alter table drift rename column comparison_id to valid_from;
alter table drift
    add column environment text collate "C",
    add column valid_to bigint,
    add column owner text not null collate "C" default ''; -- with whom it is decided, '' with the catalog
update drift set environment = s.environment, valid_to = s.upto from spans as s where s.id = drift.valid_from;
update drift set owner = d.owner
from difference as d where d.valid_from = drift.valid_from and d.kind = drift.kind and d.key = drift.key;
alter table drift alter column environment set not null, alter column owner drop default;
create unique index drift_now on drift (environment, id) where valid_to is null;
create index drift_of_owner on drift (environment, owner) where valid_to is null;
create index drift_upto on drift (environment, valid_to);
create index drift_of_key on drift (environment, key, state, field);
create index drift_of_entity on drift (environment, entity_kind, entity_id);

-- grain: one version of the status of one entity that differs, as it was judged, whatever became of a write since
alter table judged drop constraint judged_comparison_id_fkey, drop constraint judged_pkey;
alter table judged rename column comparison_id to valid_from;
alter table judged add column environment text collate "C", add column valid_to bigint;
update judged set environment = s.environment, valid_to = s.upto from spans as s where s.id = judged.valid_from;
alter table judged alter column environment set not null;
create unique index judged_now on judged (environment, kind, id) where valid_to is null;
create index judged_of_owner on judged (environment, owner) where valid_to is null;
create index judged_upto on judged (environment, valid_to);

-- Functions and not views: a number that is given is one of which PostgreSQL knows how many rows it has. It reads these as
-- part of the question that names them.

-- grain: one key of one kind on which the two sides of a comparison do not agree
create function differences_at(comparison bigint) returns setof difference language sql stable as $$
    select d.*
    from comparison as c
    join difference as d on d.environment = c.environment
    where c.id = $1 and d.valid_from <= $1 and (d.valid_to is null or d.valid_to > $1)
$$;

-- grain: one difference of a comparison, in words and money
create function drift_at(comparison bigint) returns setof drift language sql stable as $$
    select d.*
    from comparison as c
    join drift as d on d.environment = c.environment
    where c.id = $1 and d.valid_from <= $1 and (d.valid_to is null or d.valid_to > $1)
$$;

-- grain: one difference of a comparison that no write of its run has repaired since
create function unrepaired(comparison bigint) returns table (
    environment text, id text, kind text, key text, entity_kind text, entity_id text, stripe_id text, state text, field text,
    before jsonb, after jsonb, severity text, sentence text, per_month jsonb, stripe_url text, stigg_url text,
    accepted boolean, since timestamptz, reason text, plan text
) language sql stable as $$
    select
        d.environment, d.id, d.kind, d.key, d.entity_kind, d.entity_id, d.stripe_id, d.state, d.field,
        d.before, d.after, d.severity, d.sentence, d.per_month, d.stripe_url, d.stigg_url,
        d.accepted, d.since,
        coalesce(p.unplanned ->> d.key, s.reason, ''),
        coalesce(m.body -> 'plan' ->> 'refId', case when d.entity_kind = 'plan' then d.entity_id end, '')
    from drift_at($1) as d
    join comparison as c on c.id = $1
    left join plan as p on p.comparison_id = c.id
    left join status as s on s.environment = d.environment and s.kind = d.entity_kind and s.id = d.entity_id
    left join mirror as m
        on m.environment = d.environment and m.side = 'stigg' and m.kind = 'subscription' and m.valid_to is null
        and d.entity_kind = 'subscription' and m.id = d.entity_id
    where not exists (
        select 1
        from journal_intent as i
        where
            i.environment = c.environment and i.run_id = c.run_id and i.action -> 'drift' ? d.id
            and (select o.result from journal_outcome as o where o.intent_id = i.id) = 'done'
    )
$$;
