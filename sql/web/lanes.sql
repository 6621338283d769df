-- question: which run writes in each lane now, and which lanes are paused?
-- grain: one lane
select
    l.lane,
    case when e.expires_at > now() then e.holder end as written_by,
    p.reason as paused_because,
    p.paused_by,
    p.paused_at
from unnest(cast(:lanes as text[])) as l(lane)
left join stripe_sync.lease as e on e.environment = :environment and e.lane = l.lane
left join lateral (
    select reason, paused_by, paused_at from stripe_sync.lane_pause
    where environment = :environment and lane in (l.lane, '')
    order by lane desc
    limit 1
) as p on true
order by 1
