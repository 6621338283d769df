-- Slows an endpoint, or the account as '', down for a time; each refusal during it extends the delay.
-- grain: one row; keys: account, endpoint
insert into stripe_sync.rate_budget (account, endpoint, arrival, factor, slowed_until)
values (:account, :endpoint, clock_timestamp(), :factor, clock_timestamp() + make_interval(secs => :seconds))
on conflict (account, endpoint) do update
set
    factor = greatest(
        :least, :factor * case when rate_budget.slowed_until > clock_timestamp() then rate_budget.factor else 1 end
    ),
    slowed_until = clock_timestamp() + make_interval(secs => :seconds)
