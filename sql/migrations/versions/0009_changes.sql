-- what one snapshot changed is found without reading the whole mirror
create index mirror_begun on mirror (environment, side, valid_from);
create index mirror_ended on mirror (environment, side, valid_to) where valid_to is not null;
