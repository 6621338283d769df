-- what the report of a run asks of the statuses: what is not in order, what changed, and how many there are
create index status_not_in_order on status (environment, status) where status in ('ERROR', 'PENDING');
create index status_changed on status (environment, changed_at);
create index status_counted on status (environment, kind, status, reason);
