-- question: does the embedded server have the database of the warehouse?
-- grain: one row, or none
select 1
from pg_database
where datname = 'stripe_sync'
