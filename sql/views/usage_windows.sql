-- question: in which state is each usage window, and how much lies in each state?
-- grain: one window [start_at, end_at) of a charge, with its newest reading and its newest movement that is not to rounded
-- keys: id; balances is {state: [quantity, amount in minor units]}, of every state that the window ever had
select
    w.id,
    w.environment,
    w.subscription,
    w.charge,
    w.start_at,
    w.end_at,
    w.settled,
    o.terms,
    o.measured,
    o.why,
    r.quantity,
    r.read_at,
    e.to_state as state,
    e.invoice,
    e.reason,
    coalesce(b.balances, '{}') as balances
from stripe_sync.usage_window as w
inner join stripe_sync.usage_terms as o on o.id = w.terms_id
left join lateral (
    select quantity, read_at from stripe_sync.usage_reading where window_id = w.id order by id desc limit 1
) as r on true
left join lateral (
    select to_state, invoice, reason
    from stripe_sync.usage_movement
    where window_id = w.id and to_state <> 'rounded'
    order by id desc limit 1
) as e on true
left join lateral (
    select jsonb_object_agg(summed.state, jsonb_build_array(summed.quantity, summed.amount)) as balances
    from (
        select moved.state, sum(moved.quantity) as quantity, sum(moved.amount) as amount
        from (
            select to_state as state, quantity, amount from stripe_sync.usage_movement where window_id = w.id
            union all
            select from_state, -quantity, -amount from stripe_sync.usage_movement where window_id = w.id and from_state <> ''
        ) as moved
        group by moved.state
    ) as summed
) as b on true
