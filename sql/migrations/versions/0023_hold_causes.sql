-- a hold says what its draft waits for, and whether the draft was stopped (auto_advance off) or its time was moved
alter table usage_hold
    add column causes text[] not null default '{}' check (causes <@ array['usage', 'short', 'tax', 'unowed']),
    add column is_stop boolean not null default false;
update usage_hold set
    is_stop = until is null,
    causes = case
        when reason = 'Stripe cannot compute its tax.' then array['tax']
        when reason = 'Stripe would finalize it earlier than an hour after it was made.' then array['short']
        else array['usage']
    end
where held and person = '';
