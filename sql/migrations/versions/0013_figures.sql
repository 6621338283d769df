-- Who names whom is asked of indexes on parts of some rows, whose figures PostgreSQL does not use: it took each name for one of
-- 200, and read a big mirror from end to end instead. These figures are of all rows; analyze gathers them.
create statistics mirror_customer on (body -> 'customer' ->> 'customerId') from mirror;
create statistics mirror_payer on (body -> 'payingCustomer' ->> 'customerId') from mirror;
create statistics mirror_billing_id on (body ->> 'billingId') from mirror;
create statistics mirror_old_billing_id on (body ->> 'oldBillingId') from mirror;
create statistics mirror_stripe_customer on (body ->> 'customer') from mirror;
create statistics mirror_stripe_subscription on (
    coalesce(body #>> '{parent,subscription_details,subscription,id}', body #>> '{parent,subscription_details,subscription}')
) from mirror;
analyze mirror;
