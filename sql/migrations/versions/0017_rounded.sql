-- what Stripe rounds otherwise than the ledger is a state of its own: amounts without quantity
alter table usage_entry drop constraint usage_entry_to_state_check;
alter table usage_entry add constraint usage_entry_to_state_check check (to_state in
    ('pending', 'pushed', 'proven', 'billed', 'reversed', 'waived', 'unbillable', 'billed_before_us', 'rounded'));
create index usage_entry_rounded on usage_entry (window_id) where from_state = 'rounded';
-- seconds between a renewal's draft and its finalization, as it was first seen; null where it was moved, or is no such draft
alter table usage_invoice add column grace integer;
-- minor units that lines differ by because Stripe rounds otherwise; ``difference`` is without them
alter table audit add column rounding bigint not null default 0;
-- the changes that left a credit to be given by a person
create index journal_intent_credit on journal_intent (environment) where action #> '{after,credit}' is not null;
