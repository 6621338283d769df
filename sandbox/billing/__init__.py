"""What things cost and when: Stripe's arithmetic, periods and invoices, written from its documentation."""
