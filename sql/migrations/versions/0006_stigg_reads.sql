-- grain: how far one environment's Stigg was read; times are by the pipeline's clock
create table stigg_read (
    environment text primary key collate "C",
    cursor timestamptz not null, -- customers that changed before this are in the mirror
    scanned_at timestamptz not null, -- when the subscriptions were read
    audited_at timestamptz not null -- when everything was
);
