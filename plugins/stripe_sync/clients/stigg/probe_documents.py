"""GraphQL documents of ``probe``, which writes to a Stigg test environment and reads its writes."""

from __future__ import annotations

from typing import Final

MAKE_CUSTOMER: Final = """
mutation ProbeCustomer($input: ProvisionCustomerInput!) { provisionCustomer(input: $input) { customer { customerId } } }
"""

ARCHIVE_CUSTOMER: Final = """
mutation ProbeArchive($input: ArchiveCustomerInput!) { archiveCustomer(input: $input) { customerId } }
"""

RENAME_CUSTOMER: Final = """
mutation ProbeRename($input: UpdateCustomerInput!) { updateOneCustomer(input: $input) { customerId } }
"""

REPORT_USAGE: Final = """
mutation ProbeUsage($input: ReportUsageInput!) { reportUsage(input: $input) { id } }
"""

ENDING: Final = """
query ProbeSubscription($input: GetSubscriptionInput!) {
  getSubscription(input: $input) { id subscriptionId status cancelReason }
}
"""

MULTIPLE: Final = """
query ProbeProducts($paging: CursorPaging!) {
  products(paging: $paging, sorting: [{field: createdAt, direction: ASC}]) {
    totalCount pageInfo { hasNextPage endCursor }
    edges { node { refId multipleSubscriptions } }
  }
}
"""
