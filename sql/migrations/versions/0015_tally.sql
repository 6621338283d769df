-- how many entities have which status is kept and not counted: the sum of what each statement added and took away. Rows are
-- only added, so that no writer waits for another; a comparison of everything counts anew (drift/tally.sql).
-- grain: what one statement did to the number of entities of one kind, status and reason; their sum is the number
create table status_tally (
    environment text not null collate "C",
    kind text not null,
    status text not null,
    reason text not null,
    entities bigint not null
);
create index status_tally_of on status_tally (environment);
insert into status_tally (environment, kind, status, reason, entities)
select environment, kind, status, reason, count(*)
from status
group by environment, kind, status, reason;
drop index status_counted;

create function tally_statuses() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        insert into status_tally (environment, kind, status, reason, entities)
        select environment, kind, status, reason, count(*)
        from came
        group by environment, kind, status, reason;
    elsif tg_op = 'DELETE' then
        insert into status_tally (environment, kind, status, reason, entities)
        select environment, kind, status, reason, -count(*)
        from went
        group by environment, kind, status, reason;
    else
        insert into status_tally (environment, kind, status, reason, entities)
        select environment, kind, status, reason, sum(n)
        from (
            select environment, kind, status, reason, 1 as n from came
            union all
            select environment, kind, status, reason, -1 from went
        ) as both_sides
        group by environment, kind, status, reason
        having sum(n) <> 0;
    end if;
    return null;
end
$$;
create trigger status_came after insert on status
    referencing new table as came for each statement execute function tally_statuses();
create trigger status_went after delete on status
    referencing old table as went for each statement execute function tally_statuses();
create trigger status_became after update on status
    referencing new table as came old table as went for each statement execute function tally_statuses();

-- changed_at moves only where something changed, whoever sets a status
create function stamp_status() returns trigger language plpgsql as $$
begin
    new.changed_at := now();
    return new;
end
$$;
create trigger status_changes before update on status for each row
    when (
        (old.status, old.reason, old.detail, old.stripe_id) is distinct from (new.status, new.reason, new.detail, new.stripe_id)
    )
    execute function stamp_status();
