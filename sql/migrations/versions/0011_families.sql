-- one part of a link key, as keys.part writes it: every byte outside A-Z a-z 0-9 . _ - as ~XX
create function key_part(id text) returns text immutable parallel safe language sql as $$
    select case
        when id ~ '^[A-Za-z0-9._-]*$' then id
        else (
            select string_agg(
                case
                    when c ~ '^[A-Za-z0-9._-]$' then c
                    else regexp_replace(upper(encode(convert_to(c, 'UTF8'), 'hex')), '(..)', '~\1', 'g')
                end,
                '' order by n
            )
            from unnest(string_to_array(id, null)) with ordinality as letters (c, n)
        )
    end
$$;

-- owner: the link key of the customer or subscription with which it is decided, '' for the catalog's (keys.owner);
-- changed_in: the transaction that made or ended it, by which a comparison tells what it has not seen
alter table link
    add column owner text collate "C" generated always as (
        case
            when key like 'customer:%' or key like 'subscription:%' then key
            when key like 'oneoff:%' or key like 'renewal:%'
                then 'subscription:' || split_part(key, ':', 2) || ':' || split_part(key, ':', 3)
            when key like 'price:%' and split_part(key, ':', 8) <> ''
                then 'subscription:' || split_part(key, ':', 2) || ':' || split_part(split_part(key, ':', 8), '@', 1)
            when key like 'coupon:%' and split_part(key, ':', 3) = 'discount'
                then 'subscription:' || split_part(key, ':', 2) || ':' || split_part(key, ':', 4)
            else ''
        end
    ) stored,
    add column changed_in xid8 not null default pg_current_xact_id();
create index link_of_owner on link (environment, owner) where ended_at is null;
create index link_changed on link (environment, changed_in);
create index link_ended_by_stripe_id on link (environment, stripe_id) where ended_at is not null;

-- who names whom
create index mirror_of_customer on mirror (environment, (body -> 'customer' ->> 'customerId'))
    where side = 'stigg' and kind = 'subscription';
create index mirror_of_payer on mirror (environment, (body -> 'payingCustomer' ->> 'customerId'))
    where side = 'stigg' and kind = 'subscription' and body -> 'payingCustomer' ->> 'customerId' is not null;
create index mirror_of_billing_id on mirror (environment, (body ->> 'billingId'))
    where side = 'stigg' and kind in ('customer', 'subscription') and body ->> 'billingId' is not null;
create index mirror_of_old_billing_id on mirror (environment, (body ->> 'oldBillingId'))
    where side = 'stigg' and kind = 'subscription' and body ->> 'oldBillingId' is not null;
create index mirror_of_stripe_customer on mirror (environment, (body ->> 'customer'))
    where side = 'stripe' and kind = 'subscription';
create index mirror_of_stripe_subscription on mirror (
    environment,
    (coalesce(body #>> '{parent,subscription_details,subscription,id}', body #>> '{parent,subscription_details,subscription}'))
) where side = 'stripe' and kind = 'invoice';

-- grain: one version of one canonical document of one side; valid in comparisons valid_from <= c < valid_to (null: still)
drop index document_of_comparison;
alter table document rename to document_before;
create table document (
    environment text not null collate "C",
    side text not null check (side in ('wanted', 'found')),
    kind text not null,
    key text not null collate "C",
    valid_from bigint not null,
    valid_to bigint,
    owner text not null collate "C", -- with whom it is decided, '' with the catalog
    document jsonb not null,
    entity_kind text,
    entity_id text,
    stripe_id text,
    facts jsonb not null,
    primary key (environment, side, kind, key, valid_from)
);
create unique index document_now on document (environment, side, kind, key) where valid_to is null;
create index document_of_owner on document (environment, owner) where valid_to is null;
insert into document (environment, side, kind, key, valid_from, valid_to, owner, document, entity_kind, entity_id, stripe_id, facts)
select
    c.environment, d.side, d.kind, d.key, c.id,
    (
        select coalesce(min(l.id) filter (where l.id > c.id and l.documents_of is null), max(l.id) + 1)
        from comparison as l
        where l.environment = c.environment
    ),
    '', d.document, d.entity_kind, d.entity_id, d.stripe_id, d.facts
from document_before as d
inner join comparison as c on c.id = d.comparison_id
on conflict do nothing;
drop table document_before;

-- inputs: a hash of what decides everything; decided_at: when everything was decided; seen, seen_in: whose links it knows
alter table comparison
    drop column documents_of,
    drop column wakes_at,
    add column seen pg_snapshot,
    add column seen_in xid8;
update comparison set inputs = '';
alter table difference add column owner text collate "C" not null default '';

-- grain: one subscription about which time alone may decide something else, from a moment on
create table wake (
    environment text not null collate "C",
    owner text not null collate "C",
    at timestamptz not null,
    primary key (environment, owner)
);
create index wake_at on wake (environment, at);

-- grain: one thing of the catalog's past that one subscription needs
create table need (
    environment text not null collate "C",
    what text not null collate "C",
    owner text not null collate "C",
    primary key (environment, what, owner)
);
create index need_of_owner on need (environment, owner);

-- grain: one customer or subscription whose use is billed, or cannot be counted
create table bills_use (
    environment text not null collate "C",
    owner text not null collate "C",
    primary key (environment, owner)
);

-- whether a write has repaired a difference is found by the difference
create index journal_intent_of_drift on journal_intent using gin ((action -> 'drift'));

-- grain: one intent without an outcome; kept by the journal itself, so that what is open is found however long it is
create table journal_open (
    intent_id bigint primary key references journal_intent,
    environment text not null collate "C",
    lane text not null,
    run_id text not null collate "C"
);
insert into journal_open (intent_id, environment, lane, run_id)
select i.id, i.environment, i.lane, i.run_id
from journal_intent as i
where not exists (select 1 from journal_outcome as o where o.intent_id = i.id);

create function open_intent() returns trigger language plpgsql as $$
begin
    insert into journal_open (intent_id, environment, lane, run_id) values (new.id, new.environment, new.lane, new.run_id);
    return null;
end $$;
create trigger journal_intent_opens after insert on journal_intent for each row execute function open_intent();

create function close_intent() returns trigger language plpgsql as $$
begin
    delete from journal_open where intent_id = new.intent_id;
    return null;
end $$;
create trigger journal_outcome_closes after insert on journal_outcome for each row execute function close_intent();
