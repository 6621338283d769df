-- the transitions that a quantity may make between states: those of domain/usage/ledger.py, which a test compares
alter table usage_entry add constraint usage_entry_transition check ((from_state, to_state) in (
    ('', 'pending'),
    ('pending', 'pushed'), ('pending', 'proven'), ('pending', 'billed'), ('pending', 'billed_before_us'), ('pending', 'reversed'), ('pending', 'waived'), ('pending', 'unbillable'),
    ('pushed', 'pending'), ('pushed', 'proven'), ('pushed', 'billed'), ('pushed', 'reversed'), ('pushed', 'waived'), ('pushed', 'unbillable'),
    ('proven', 'pending'), ('proven', 'billed'), ('proven', 'reversed'), ('proven', 'waived'), ('proven', 'unbillable'),
    ('billed', 'reversed'),
    ('reversed', 'waived'),
    ('unbillable', 'waived'),
    ('rounded', 'billed')
));
