//! From documents to the contract.
