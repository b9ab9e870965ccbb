"""What customers, contacts and leads are, and what may happen to them; no I/O."""

from customer.domain.contact import Contact, ContactDetails
from customer.domain.customer import Customer, CustomerProfile
from customer.domain.lead import Conversion, Lead, LeadProfile

__all__ = [
    "Contact",
    "ContactDetails",
    "Conversion",
    "Customer",
    "CustomerProfile",
    "Lead",
    "LeadProfile",
]
