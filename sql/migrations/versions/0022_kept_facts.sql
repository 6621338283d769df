-- renewals that sold a period after the end and invoices that are collected no more are rows as well; ``waits`` says that
-- nobody has to do anything about a row yet
alter table owed drop constraint owed_kind_check;
alter table owed add constraint owed_kind_check
    check (kind in ('charge', 'credit', 'foreign', 'unused', 'sold_after', 'uncollected'));
alter table owed add column waits boolean not null default false;
create index owed_of_invoice on owed (environment, invoice) where kind = 'sold_after';
