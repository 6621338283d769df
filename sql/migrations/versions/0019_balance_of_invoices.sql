-- how an invoice's total becomes what was asked for: by what it took from the customer's balance (minor units)
alter table audit add column total bigint not null default 0;
alter table audit add column balance bigint not null default 0;
alter table audit add column due bigint not null default 0;
