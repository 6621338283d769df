-- question: what is the newest result of a suite that passed on one side of an environment, on a content up to a number?
-- grain: one result, or none; keys: suite_hash, side, content
with results as (
    select r.detail, cast(substring(r.content from '[0-9]+$') as bigint) as content
    from stripe_sync.check_result as r
    where r.suite_hash = :suite_hash and starts_with(r.content, :side) and r.passed
)

select results.content, results.detail
from results
where results.content <= :content
order by results.content desc
limit 1
