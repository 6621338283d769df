"""GraphQL documents. Every list has a page size, because Stigg's default of 10 rows would silently truncate it."""

from __future__ import annotations

from typing import Final

PRICE_PARTS: Final = """
fragment PriceParts on Price {
  id billingModel billingPeriod billingCadence billingCountryCode billingId blockSize isOverridePrice
  price { amount currency }
  tiersMode tiers { upTo unitPrice { amount currency } flatPrice { amount currency } }
  feature { refId displayName meterType unitTransformation { divide round } }
}
"""

ENVIRONMENTS: Final = """
query Environments($paging: CursorPaging!) {
  environments(paging: $paging) {
    pageInfo { hasNextPage endCursor }
    edges { node { id slug displayName type } }
  }
}
"""

CURRENT_ENVIRONMENT: Final = "query CurrentEnvironment { currentEnvironment }"

INTEGRATIONS: Final = """
query Integrations($paging: CursorPaging!) {
  integrations(filter: {vendorType: {eq: BILLING}}, paging: $paging) {
    pageInfo { hasNextPage endCursor }
    edges { node { id vendorIdentifier vendorType isDefault } }
  }
}
"""

EVENT_LOGS: Final = """
query EventLogs($filter: EventLogFilter, $paging: CursorPaging!) {
  eventLogs(filter: $filter, paging: $paging, sorting: [{field: createdAt, direction: ASC}]) {
    pageInfo { hasNextPage endCursor }
    edges { node { id entityId createdAt } }
  }
}
"""

PRODUCTS: Final = """
query Products($paging: CursorPaging!) {
  products(paging: $paging, sorting: [{field: createdAt, direction: ASC}]) {
    totalCount pageInfo { hasNextPage endCursor }
    edges { node { id refId displayName status updatedAt } }
  }
}
"""

PACKAGES: Final = (
    """
query ROOT($paging: CursorPaging!) {
  LIST(paging: $paging, sorting: [{field: createdAt, direction: ASC}]) {
    totalCount pageInfo { hasNextPage endCursor }
    edges { node {
      id refId displayName status pricingType versionNumber isLatest billingId updatedAt
      product { refId displayName }
      prices { ...PriceParts }
      overagePrices { ...PriceParts }MINIMUM
    } }
  }
}
"""
    + PRICE_PARTS
)
MINIMUM: Final = (
    "\n      minimumSpend { billingPeriod minimum { amount currency } } defaultTrialConfig { duration units }"
)
PLANS: Final = PACKAGES.replace("ROOT", "Plans").replace("LIST", "plans").replace("MINIMUM", MINIMUM)
ADDONS: Final = PACKAGES.replace("ROOT", "Addons").replace("LIST", "addons").replace("MINIMUM", "")

COUPONS: Final = """
query Coupons($paging: CursorPaging!) {
  coupons(paging: $paging, sorting: [{field: createdAt, direction: ASC}]) {
    totalCount pageInfo { hasNextPage endCursor }
    edges { node {
      id refId name type source status percentOff amountsOff { amount currency } durationInMonths billingId updatedAt
    } }
  }
}
"""

CUSTOMERS: Final = """
query Customers($filter: CustomerFilter, $paging: CursorPaging!) {
  customers(filter: $filter, paging: $paging, sorting: [{field: createdAt, direction: ASC}]) {
    totalCount pageInfo { hasNextPage endCursor }
    edges { node { id customerId name email billingId hasPaymentMethod deletedAt additionalMetaData updatedAt } }
  }
}
"""

SUBSCRIPTIONS: Final = (
    """
query Subscriptions($filter: CustomerSubscriptionFilter, $paging: CursorPaging!) {
  customerSubscriptions(filter: $filter, paging: $paging, sorting: [{field: createdAt, direction: ASC}]) {
    totalCount pageInfo { hasNextPage endCursor }
    edges { node {
      id subscriptionId status pricingType isCustomPriceSubscription billingId oldBillingId
      paymentCollectionMethod billingPeriod
      billingCycleAnchor startDate endDate effectiveEndDate cancellationDate cancelReason trialEndDate wasInTrial
      currentBillingPeriodStart currentBillingPeriodEnd createdAt
      customer { customerId } payingCustomer { customerId }
      resource { resourceId }
      plan { refId versionNumber product { refId } }
      addons { quantity updatedAt addon { refId versionNumber } price { ...PriceParts } }
      prices(filter: {}) { id usageLimit billingModel updatedAt price { ...PriceParts } }
      freeItems { addonId quantity }
      minimumSpend { isOverride minimum { amount currency } }
      coupons { refId name type status percentOff amountsOff { amount currency } durationInMonths startDate expirationDate }
      futureUpdates { scheduleStatus scheduledExecutionTime targetPackage { refId versionNumber } }
    } }
  }
}
"""
    + PRICE_PARTS
)

SUBSCRIPTION: Final = """
query Subscription($input: GetSubscriptionInput!) {
  getSubscription(input: $input) { id subscriptionId status billingId }
}
"""

CUSTOMER: Final = """
query Customer($input: GetCustomerByRefIdInput!) {
  getCustomerByRefId(input: $input) { id customerId name email billingId hasPaymentMethod deletedAt additionalMetaData }
}
"""

PROVISION: Final = """
mutation Provision($input: ProvisionSubscriptionInput!) {
  provisionSubscriptionV2(input: $input) { id status subscription { id subscriptionId status billingId } }
}
"""

UPDATE_CUSTOMER: Final = """
mutation UpdateCustomer($input: UpdateCustomerInput!) { updateOneCustomer(input: $input) { id customerId billingId } }
"""

CANCEL: Final = """
mutation Cancel($input: SubscriptionCancellationInput!) {
  cancelSubscription(input: $input) { id subscriptionId status }
}
"""

USAGE_HISTORY: Final = """
query UsageHistory($input: UsageHistoryV2Input!) {
  usageHistoryV2(input: $input) { series { points { timestamp value isResetPoint } } }
}
"""

# The lists that an extract reads, by kind: (root field, document).
LISTS: Final = {
    "product": ("products", PRODUCTS),
    "plan": ("plans", PLANS),
    "addon": ("addons", ADDONS),
    "coupon": ("coupons", COUPONS),
    "customer": ("customers", CUSTOMERS),
    "subscription": ("customerSubscriptions", SUBSCRIPTIONS),
}
