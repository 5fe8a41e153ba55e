"""The providers' side of each dialect: strict about requests, and with their own ways of telling an answer."""
