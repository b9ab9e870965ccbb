"""Customers, contacts and leads in PostgreSQL, as far as the actor may see them."""

from customer.store.contacts import Contacts
from customer.store.customers import CustomerFilter, Customers
from customer.store.leads import LeadFilter, Leads

__all__ = ["Contacts", "CustomerFilter", "Customers", "LeadFilter", "Leads"]
